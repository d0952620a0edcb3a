"""Matching of image names in files with images of a folder. Guesses are reported."""

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from vpuformer.errors import MaskError, listed
from vpuformer.formats.naming import wanted_stems
from vpuformer.images.addresses import without_window

_SAME = 2


def plain_name(name: str) -> str:
    """A path as compared: forward slashes, composed letters, no window, no `.` or `..` parts.

    >>> plain_name(".\\\\images\\\\a.png"), plain_name("u\\u0308.png") == plain_name("\\u00fc.png")
    ('images/a.png', True)
    """
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    return unicodedata.normalize("NFC", without_window("/".join(parts)))


def match_image(image: str, names: Sequence[str], file: str, others: Sequence[str] = ()) -> tuple[int, str | None]:
    """The index of the name that matches an image, and a sentence if that is a guess.

    It is the same name; else the one with most of the path in common, from its end; else the only one. A name that
    matches another image of the folder as well is refused.

    >>> match_image("a/x.png", ["images\\\\a\\\\x.png", "images\\\\b\\\\x.png"], "the file")[0]
    0

    Args:
        image, others: paths of the image and of all images of its folder.
        names: what the file calls its images.
        file: what messages call the file.

    Raises:
        MaskError: no name or several names match the image, or the name matches another image of the folder.
    """
    if not names:
        raise MaskError(f"{file} lists no image; give the annotations of {image}")
    wanted, plain = plain_name(image), [plain_name(name) for name in names]
    shared = [_shared(wanted, name) for name in plain]
    same = [index for index, (alike, _) in enumerate(shared) if alike == _SAME]
    depth = max(parts for _, parts in shared)
    found = same or [index for index, (_, parts) in enumerate(shared) if parts == depth]
    if len(found) > 1 or (not same and depth == 0 and len(names) > 1):
        raise MaskError(
            f"{file} has several images ({listed(names)}), and none of them alone is called {image}; rename it there"
        )
    index = found[0]
    if plain[index] == wanted:
        return index, None
    better = [
        other
        for other in others
        if other != image and _shared(plain_name(other), plain[index]) >= max(shared[index], (0, 1))
    ]
    if better:
        raise MaskError(
            f"{file} has masks of {names[index]:.200}, which may be {listed(better)} of this folder just as well as"
            f" {image}; call it {image} in the file"
        )
    return index, f"{file} has no image {image}; these are the masks of {names[index]:.200}"


def match_stem(image: str, stems: Sequence[str], file: str, others: Sequence[str] = ()) -> tuple[int, str | None]:
    """`match_image` for files named after images; `stems` are their paths without the ending."""
    plain = [plain_name(stem) for stem in stems]
    # An export has the whole name where two images share the stem.
    whole = {plain_name(other) for other in (*others, image)} & set(plain)
    if plain_name(image) in whole:
        return plain.index(plain_name(image)), None
    rivals = {other: wanted_stems(other)[0] for other in others if other != image and plain_name(other) not in whole}
    left = [index for index, stem in enumerate(plain) if stem not in whole]
    stem = wanted_stems(image)[0]
    index, note = match_image(stem, [stems[index] for index in left], file, list(rivals.values()))
    alike = [other for other, name in rivals.items() if name == stem]
    if note is None and alike:
        note = f"{stems[left[index]]} of {file} may be of {listed(alike)} just as well as of {image}"
    return left[index], note


def _shared(one: str, other: str) -> tuple[int, int]:
    """How much two paths have in common: 2 if they are the same, 1 if the other is the end of one, else 0; then how
    many parts are the same, counted from the end."""
    if one == other:
        return _SAME, 0
    mine, theirs = one.split("/"), other.split("/")
    depth = 0
    while depth < min(len(mine), len(theirs)) and mine[-1 - depth] == theirs[-1 - depth]:
        depth += 1
    return int(depth == min(len(mine), len(theirs))), depth
