"""The images to annotate: those of a folder, or a single one."""

import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vpuformer.errors import DatasetError, ImageError, counted, listed
from vpuformer.images import image_endings, image_size

_DIGITS = re.compile("([0-9]+)")
_LONGEST_SHOWN = 200  # characters of a name in an error: it may come from a request

_NOT_READ = frozenset({".arw", ".avif", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".jxl", ".nef", ".raf", ".svs"})
"""Endings of images that may not be readable here; see `image_endings`."""


class Folder:
    """The images of a folder and its sub-folders, or a single image.

    Images are recognized by their file name. Files and folders whose names begin with a dot, links to folders, and
    links that lead out of the folder are left out.

    Args:
        path: a folder, or an image file, whose folder then becomes the root.

    Raises:
        DatasetError: there is no such folder, it cannot be read, or it holds no image.
        ImageError: the file is not an image.

    Attributes:
        root: the folder, absolute and without links.
        names: paths of the images within the root, with forward slashes, in natural order.
        left_out: a sentence for everything that may be wanted but cannot be listed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        source = Path(path)
        self.left_out: list[str] = []
        self._refreshing = threading.Lock()
        self._is_whole = _resolved(source, DatasetError).is_dir()
        if self._is_whole:
            self.root = _resolved(source, DatasetError)
            self.names = tuple(sorted(self._found(), key=natural_order))
            self._listed = frozenset(self.names)
            if not self.names:
                raise DatasetError(self._why_empty())
        else:
            self.root = _resolved(source.absolute().parent, DatasetError)
            self.names = (source.name,)
            self._listed = frozenset(self.names)
            if not self._is_text(source.name):
                raise ImageError(*self.left_out)
            image_size(self.path_of(source.name))

    def refresh(self) -> None:
        """Add images that are new in the folder.

        Images whose file is gone stay listed, so that opening them gives an error. While the folder cannot be read, the
        list stays unchanged.
        """
        if not self._is_whole:
            return
        with self._refreshing:
            self.left_out = []
            with suppress(DatasetError):
                new = set(self._found()) - self._listed
                if new:
                    self.names = tuple(sorted(self._listed | new, key=natural_order))
                    self._listed = frozenset(self.names)

    def path_of(self, name: str) -> Path:
        """Return the file of an image, absolute and without links.

        Raises:
            ImageError: the image is not listed, its file is gone, or it lies outside the folder.
        """
        if name not in self._listed:
            raise ImageError(f"there is no image {name[:_LONGEST_SHOWN]!r} in {self.root}; choose one from the list")
        real = _resolved(self.root / name, ImageError)
        if not real.is_relative_to(self.root):
            raise ImageError(
                f"{self.root / name} is a link to {real}, out of the folder; copy the file into the folder"
            )
        if not real.is_file():
            raise ImageError(f"{self.root / name} is not a file; give an image file")
        return real

    def version(self, name: str) -> str:
        """Return `version_of` the image's file.

        Raises:
            ImageError: as in `path_of`.
        """
        return version_of(self.path_of(name))

    def _found(self) -> Iterator[str]:
        """The names in no particular order."""
        endings = image_endings()
        folders, not_read = [""], Counter[str]()
        while folders:
            above = folders.pop()
            for entry in self._entries(above):
                name, ending = above + entry.name, Path(entry.name).suffix.lower()
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{name}/")
                elif ending in _NOT_READ - endings:
                    not_read[ending] += 1
                elif self._may_be_listed(entry, name, ending in endings):
                    yield name
        self.left_out += [
            f"{counted(number, f'{ending} image')}, a format that is not read; convert to JPEG or PNG"
            for ending, number in not_read.items()
        ]

    def _entries(self, above: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / above) as entries:
                return list(entries)
        except OSError as error:
            why = f"cannot be read ({error.strerror or error})"
            if not above:
                raise DatasetError(f"{self.root} {why}; choose a folder that you may read") from error
            self.left_out.append(f"the folder {above!r} {why}")
            return []

    def _may_be_listed(self, entry: os.DirEntry[str], name: str, ends_as_image: bool) -> bool:
        if not entry.is_symlink():
            return ends_as_image and entry.is_file(follow_symlinks=False) and self._is_text(name)
        try:
            real = _resolved(Path(entry.path), ImageError)
        except ImageError as error:
            if ends_as_image:
                self.left_out.append(str(error))
            return False
        if real.is_dir():
            self.left_out.append(f"{name!r} is a link to a folder; open that folder itself")
            return False
        if not ends_as_image:
            return False
        if not real.is_relative_to(self.root):
            self.left_out.append(f"{name!r} is a link that leads out of the folder")
            return False
        return real.is_file() and self._is_text(name)

    def _is_text(self, name: str) -> bool:
        try:
            name.encode()
        except UnicodeEncodeError:
            self.left_out.append(f"{name!r} has a name that is not text; rename it")
            return False
        return True

    def _why_empty(self) -> str:
        if self.left_out:
            return f"{self.root} holds no image that can be listed: {listed(self.left_out)}"
        return f"{self.root} holds no image; put files there that end in {', '.join(sorted(image_endings()))}"


def natural_order(name: str) -> tuple[list[list[str | int]], str]:
    """Sort key for names: numbers by value instead of by digits, ignoring case.

    >>> sorted(["img10.png", "Img9.png", "a/img2.png", "a/img1.png", "img2.png"], key=natural_order)
    ['a/img1.png', 'a/img2.png', 'img2.png', 'Img9.png', 'img10.png']
    """
    parts = (_DIGITS.split(part) for part in name.casefold().split("/"))
    # Text and numbers alternate, text first, so a text is never compared with a number.
    return [[int(piece) if index % 2 else piece for index, piece in enumerate(part)] for part in parts], name


def version_of(path: Path) -> str:
    """Return a short text that changes with the file: a hash of its time, size and inode.

    Raises:
        ImageError: the file is gone.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise ImageError(f"{path} cannot be reached ({error.strerror or error}); put it back") from error
    return hashlib.sha256(f"{state.st_mtime_ns} {state.st_size} {state.st_ino}".encode()).hexdigest()[:16]


def _resolved(path: Path, error: type[DatasetError] | type[ImageError]) -> Path:
    """The path without links."""
    shown = str(path).encode(errors="backslashreplace").decode()
    try:
        return path.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"there is no {shown}; check the path, or put it back") from None
    except (OSError, RuntimeError, ValueError) as reason:  # no permission, a loop of links, a null character
        why = getattr(reason, "strerror", None) or reason
        raise error(f"{shown} cannot be reached ({why}); give another path") from reason
