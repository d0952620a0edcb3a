"""Names of files: from labels, and from images, each unique."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

from vpuformer.formats.affected import Affected
from vpuformer.images.addresses import slice_part

_LONGEST = 80
"""Bytes of a label within a name of a file; file systems take 255 for all of it."""

_LONGEST_STEM = 255 - len(".json")
"""Bytes of a stem, so that every ending fits."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")
"""Characters that XML or some file system does not take."""


def safe(label: str) -> str:
    """A label as part of a file name: letters and digits of any script, `-`, `_` and `.` stay.

    >>> safe("cup/red: big"), safe("Straße"), safe("../..")
    ('cup_red_big', 'Straße', '_')
    """
    allowed = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", label)).strip(".")
    short = _cut(allowed, _LONGEST)
    return short if short.strip("._") else "_"


def without_controls(name: str) -> str:
    """A name with `_` for every character that XML cannot hold, or that ends a line.

    >>> without_controls("a\\nb")
    'a_b'
    """
    return _CONTROLS.sub("_", name)


class UniqueNames:
    r"""Names, without ending, for the files about each image, in folders like the images.

    Where two images differ in their ending alone, or in capitals, which some file systems ignore, the
    later one keeps its ending, and gets a number if need be. Characters that some file systems do not take become `_`,
    and what is too long for an ending is cut.

    >>> names = UniqueNames()
    >>> names.of("a/x.jpg"), names.of("b/x.png"), names.of("a/x.png"), names.of("a/X.PNG")
    ('a/x', 'b/x', 'a/x.png', 'a/X.PNG-2')
    >>> names.renamed.images
    'a/x.png, a/X.PNG'
    >>> names.of(r"back\slash.png"), names.altered.images
    ('back_slash', 'back\\slash.png as back_slash')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self.renamed = Affected()
        """Images whose stem another one has."""
        self.altered = Affected()
        """Images whose files are called otherwise than the image."""

    def of(self, image: str) -> str:
        """The name for an image; call this once an image."""
        candidates = _candidates(image)
        first = chosen = next(candidates)
        while _as_compared(chosen) in self._taken:
            chosen = next(candidates)
        self._taken.add(_as_compared(chosen))
        if chosen != first:
            self.renamed.add(image)
        folder, slash, last = image.rpartition("/")
        if first != folder + slash + _without_ending(last):
            self.altered.add(f"{image if image.isprintable() else repr(image)} as {chosen}")
        return chosen


def wanted_stems(image: str) -> tuple[str, str]:
    """The stem of an image, and the one to use if another image has the same stem.

    >>> wanted_stems("a/x.png")
    ('a/x', 'a/x.png')
    """
    candidates = _candidates(image)
    return next(candidates), next(candidates)


def owners(stem: str) -> Iterator[str]:
    """Stems of the images that a mask of this stem may belong to, the first one that there is.

    >>> list(owners("a/x_1_2"))
    ['a/x_1_2', 'a', 'a/x_1', 'a/x']
    """
    yield stem
    folder, slash, last = stem.rpartition("/")
    if folder:
        yield folder
    while (last := last.rpartition("_")[0]) != "":
        yield folder + slash + last


def _candidates(image: str) -> Iterator[str]:
    """Stems of an image, the most wanted first, all of them such as file systems take."""
    *folders, last = without_controls(image).replace("\\", "_").split("/")
    above = "".join(f"{_cut(folder, _LONGEST_STEM)}/" for folder in folders)
    part = slice_part(last)
    file, most = last.removesuffix(part), _LONGEST_STEM - len(part)
    yield above + _cut(file if part else _without_ending(last), most) + part
    yield above + _cut(file, most) + part
    for number in count(2):
        tail = f"{part}-{number}"
        yield above + _cut(file, _LONGEST_STEM - len(tail)) + tail


def _without_ending(last: str) -> str:
    """The stem of a file's name. The name of a slice has no ending.

    >>> _without_ending("x.png"), _without_ending("scan.nii.gz@z012")
    ('x', 'scan.nii.gz@z012')
    """
    return last if slice_part(last) else last.rpartition(".")[0] or last


def _cut(name: str, most: int) -> str:
    """As much of a name as fits into so many bytes."""
    return name.encode()[:most].decode(errors="ignore")


def _as_compared(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
