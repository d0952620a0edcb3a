"""Names of files: from labels, and from pictures without two of them sharing one."""

import re
import unicodedata

from vpuformer.formats.wording import Tally

_LONGEST = 80
"""Bytes of a label within a name of a file; file systems take 255 for all of it."""

_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f\\]")


def safe(label: str) -> str:
    """A label as part of a name of a file: letters and digits of any script, `-`, `_` and `.` stay.

    >>> safe("cup/red: big"), safe("Straße"), safe("../..")
    ('cup_red_big', 'Straße', '_')
    """
    kept = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", label)).strip(".")
    short = kept.encode()[:_LONGEST].decode(errors="ignore")
    return short if short.strip("._") else "_"


class Stems:
    """The name without ending under which files about a picture are written, in folders like those of the pictures.

    Where two pictures differ in their ending alone, or in capitals, which some file systems do not tell apart, the
    later one keeps its ending, and gets a number if need be.

    >>> stems = Stems()
    >>> stems.of("a/x.jpg"), stems.of("b/x.png"), stems.of("a/x.png"), stems.of("a/X.PNG")
    ('a/x', 'b/x', 'a/x.png', 'a/X.PNG-2')
    >>> stems.renamed.pictures
    'a/x.png, a/X.PNG'
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self.renamed = Tally()
        """Pictures whose stem another one has."""

    def of(self, picture: str) -> str:
        """To be asked once a picture."""
        name = _NOT_IN_PATHS.sub("_", picture)
        folder, slash, last = name.rpartition("/")
        stem = folder + slash + (last.rpartition(".")[0] or last)
        chosen, number = stem, 1
        while _as_compared(chosen) in self._taken:
            chosen = name if number == 1 else f"{name}-{number}"
            number += 1
        self._taken.add(_as_compared(chosen))
        if chosen != stem:
            self.renamed.add(picture)
        return chosen


def _as_compared(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
