"""Search for the images of a folder, which reads unchanged sub-folders only once."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vpuformer.errors import DatasetError, ImageError, counted
from vpuformer.images import image_endings
from vpuformer.images.addresses import Address
from vpuformer.images.dicom import NoImageError, place_of
from vpuformer.images.heads import MEDICAL_ENDINGS, ending_of, readable_endings
from vpuformer.images.loading import kind_of
from vpuformer.images.volumes import names_in

_NOT_READ = (
    frozenset({".arw", ".avif", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".jxl", ".nef", ".raf", ".svs"})
    | MEDICAL_ENDINGS
)
"""Endings of images that may not be readable here; see `image_endings`."""
_OPENED = MEDICAL_ENDINGS | {".tif", ".tiff"}
"""Endings of files that are opened to list their images."""
_SETTLED = 2_000_000_000
"""Nanoseconds after which a further change of a folder surely has another time."""

_BEING_WRITTEN = 60_000_000_000
"""Nanoseconds after its last change within which a file may still be written."""

SortKey = tuple[Any, ...]

Stamp = tuple[int, int]
"""Times of the last change of a folder's content and of its rights, in nanoseconds."""

FileState = tuple[int, int]
"""Size of a file, and time of its last change in nanoseconds."""


class Found(NamedTuple):
    """What a folder holds."""

    names: list[str]
    """Paths of the images from the root, in no particular order."""
    left_out: list[str]
    """A sentence for everything that may be wanted but cannot be listed."""
    places: Mapping[str, SortKey]
    """For DICOM files of one image, a sort key by series and position."""


class _Contents:
    """What one folder holds, without its sub-folders."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.folders: list[str] = []
        self.left_out: list[str] = []
        self.places: dict[str, SortKey] = {}
        self.not_read: Counter[str] = Counter()
        self.may_change = False
        """Whether its links may lead elsewhere later, although the folder itself stays as it is."""
        self.young: dict[str, FileState] = {}
        """States of files that may have been incomplete when they were opened. Growth of a file changes no folder."""

    def are_outdated(self) -> bool:
        """Whether a file has changed that may have been incomplete."""
        return any(_file_state(path) != state for path, state in self.young.items())


class Scanner:
    """A search of a folder and its sub-folders, which remembers those that stay as they are.

    Args:
        root: the folder, absolute and without links.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[Stamp, _Contents]] = {}

    def scan(self) -> Found:
        """Return the images.

        Raises:
            DatasetError: the folder cannot be read.
        """
        names: list[str] = []
        left_out: list[str] = []
        places: dict[str, SortKey] = {}
        known: dict[str, tuple[Stamp, _Contents]] = {}
        folders, not_read = [""], Counter[str]()
        while folders:
            above = folders.pop()
            stamp, settled = self._stamp(above)
            former, contents = self._known.get(above, (None, None))
            if contents is None or former != stamp or contents.are_outdated():
                contents = self._read(above)
            if settled and not contents.may_change:
                known[above] = stamp, contents
            names += contents.names
            folders += contents.folders
            left_out += contents.left_out
            places |= contents.places
            not_read += contents.not_read
        self._known = known
        left_out += [f"{counted(number, f'{ending} image')}, {_why_not(ending)}" for ending, number in not_read.items()]
        return Found(names, left_out, places)

    def _stamp(self, above: str) -> tuple[Stamp, bool]:
        """The folder's times, and whether a change from now on surely has other ones."""
        now = time.time_ns()
        try:
            state = (self._root / above).stat()
        except OSError:
            return (0, 0), False
        times = state.st_mtime_ns, state.st_ctime_ns
        return times, now - max(times) > _SETTLED

    def _read(self, above: str) -> _Contents:
        endings, contents = readable_endings(), _Contents()
        not_read = _NOT_READ - endings
        try:
            with os.scandir(self._root / above) as listing:
                entries = list(listing)
        except OSError as error:
            why = f"cannot be read ({error.strerror or error})"
            if not above:
                raise DatasetError(f"{self._root} {why}; choose a folder that you may read") from error
            contents.left_out.append(f"the folder {above!r} {why}")
            contents.may_change = True
            return contents
        for entry in entries:
            name = above + entry.name
            ending = ending_of(entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                contents.folders.append(f"{name}/")
            elif ending in not_read:
                contents.not_read[ending] += 1
            else:
                may_be_dicom = ".dcm" in endings and (not ending or ending[1:].isdigit())
                if may_be_dicom or ending in _OPENED:
                    _note_if_young(entry.path, contents)
                unnamed = may_be_dicom and _is_dicom(entry)
                if self._may_be_listed(entry, name, unnamed or ending in endings, contents):
                    _add_slices(entry.path, name, "" if unnamed else ending, contents)
        return contents

    def _may_be_listed(self, entry: os.DirEntry[str], name: str, ends_as_image: bool, contents: _Contents) -> bool:
        if not entry.is_symlink():
            return ends_as_image and entry.is_file(follow_symlinks=False) and _checked_name(name, contents)
        contents.may_change = True
        try:
            real = resolved(Path(entry.path), ImageError)
        except ImageError as error:
            if ends_as_image:
                contents.left_out.append(str(error))
            return False
        if real.is_dir():
            contents.left_out.append(f"{name!r} is a link to a folder; open that folder itself")
            return False
        if not ends_as_image:
            return False
        if not real.is_relative_to(self._root):
            contents.left_out.append(f"{name!r} is a link that leads out of the folder")
            return False
        return real.is_file() and _checked_name(name, contents)


def _note_if_young(path: str, contents: _Contents) -> None:
    state = _file_state(path)
    if state is not None and time.time_ns() - state[1] < _BEING_WRITTEN:
        contents.young[path] = state


def _file_state(path: str) -> FileState | None:
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def _add_slices(path: str, name: str, ending: str, contents: _Contents) -> None:
    """List a file, or the slices that it holds."""
    try:
        names = names_in(path, name)
        if ending not in image_endings() and not ending.startswith(".nii") and len(names) == 1:
            contents.places[name] = place_of(Path(path)).order
    except ImageError as error:
        if isinstance(error, NoImageError):  # such as a report
            contents.left_out += [str(error)] * bool(ending)
        else:
            contents.names.append(name)  # opening it says why
        return
    contents.names += names


def _is_dicom(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_file(follow_symlinks=False):
            return False
        with Path(entry.path).open("rb") as file:
            return kind_of(file) == "dicom"
    except OSError:
        return False


def _why_not(ending: str) -> str:
    if ending in MEDICAL_ENDINGS:
        return "which the extra medical reads; install it with: pip install 'vpuformer[medical]'"
    return "a format that is not read; convert to JPEG or PNG"


def _checked_name(name: str, contents: _Contents) -> bool:
    if not is_text(name):
        contents.left_out.append(not_text(name))
    elif "@" in name and Address.of(Path(name)).file != Path(name):
        contents.left_out.append(f"{name!r} has a name that stands for a slice of another file; rename it")
    else:
        return True
    return False


def is_text(name: str) -> bool:
    """Whether a name holds no bytes that are not text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def not_text(name: str) -> str:
    """A sentence for a name that is not text."""
    return f"{name!r} has a name that is not text; rename it"


def resolved(path: Path, error: type[DatasetError] | type[ImageError]) -> Path:
    """Return the path without links.

    Raises:
        DatasetError, ImageError: as `error` says: there is no such path, or it cannot be reached.
    """
    shown = str(path).encode(errors="backslashreplace").decode()
    try:
        return path.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"there is no {shown}; check the path, or put it back") from None
    except (OSError, RuntimeError, ValueError) as reason:  # no permission, a loop of links, a null character
        why = getattr(reason, "strerror", None) or reason
        raise error(f"{shown} cannot be reached ({why}); give another path") from reason
