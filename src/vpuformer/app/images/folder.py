"""What is annotated: the images of a folder, or a single one, and the way from a name to its file."""

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vpuformer.errors import DatasetError, ImageError, listed
from vpuformer.images import image_endings, image_size

_DIGITS = re.compile("([0-9]+)")
_LONGEST_SHOWN = 200  # letters of a name in an error: it may have come from anywhere


class Folder:
    """The images of a folder and its sub-folders, or one image alone.

    An image is a file whose name ends as images do. Left out are files and folders whose names begin with a dot,
    folders that are links, and links that lead out of the folder.

    Args:
        path: a folder, or the file of one image, whose folder is then the root.

    Raises:
        DatasetError: there is no such folder, it cannot be read, or it holds no image.
        ImageError: the file is no image.

    Attributes:
        root: the folder, absolute and without links.
        names: of the images, their paths within the root with forward slashes, in natural order.
        left_out: one sentence for each thing that seems to be wanted and cannot be listed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        given = Path(path)
        self.left_out: list[str] = []
        self._refreshing = threading.Lock()
        self._is_whole = _resolved(given, DatasetError).is_dir()
        if self._is_whole:
            self.root = _resolved(given, DatasetError)
            self.names = tuple(sorted(self._found(), key=natural_order))
            self._listed = frozenset(self.names)
            if not self.names:
                raise DatasetError(self._why_empty())
        else:
            self.root = _resolved(given.absolute().parent, DatasetError)
            self.names = (given.name,)
            self._listed = frozenset(self.names)
            if not self._is_text(given.name):
                raise ImageError(*self.left_out)
            image_size(self.path_of(given.name))

    def refresh(self) -> None:
        """List also the images that were put into the folder since.

        One whose file has gone stays listed, so that whoever works on it is told; so does everything while the folder
        itself cannot be read.
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
        """The file of an image, absolute and without links.

        Raises:
            ImageError: no image of that name is listed, its file is no longer there, or it lies outside the folder.
        """
        if name not in self._listed:
            raise ImageError(f"there is no image {name[:_LONGEST_SHOWN]!r} in {self.root}; choose one from the list")
        real = _resolved(self.root / name, ImageError)
        if not real.is_relative_to(self.root):
            raise ImageError(f"{self.root / name} is a link to {real}, out of the folder; put the file itself there")
        if not real.is_file():
            raise ImageError(f"{self.root / name} is not a file; give the file of an image")
        return real

    def version(self, name: str) -> str:
        """`version_of` the image's file.

        Raises:
            ImageError: as in `path_of`.
        """
        return version_of(self.path_of(name))

    def _found(self) -> Iterator[str]:
        """The names, in no order."""
        endings = image_endings()
        folders = [""]
        while folders:
            above = folders.pop()
            for entry in self._entries(above):
                name = above + entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{name}/")
                elif self._may_be_listed(entry, name, Path(entry.name).suffix.lower() in endings):
                    yield name

    def _entries(self, above: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / above) as entries:
                return list(entries)
        except OSError as error:
            why = f"cannot be read ({error.strerror or error})"
            if not above:
                raise DatasetError(f"{self.root} {why}; give a folder that you may read") from error
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
            self.left_out.append(f"{name!r} has a name that is no text; give it another")
            return False
        return True

    def _why_empty(self) -> str:
        if self.left_out:
            return f"{self.root} holds no image that can be listed: {listed(self.left_out)}"
        return f"{self.root} holds no image; wanted files that end in {', '.join(sorted(image_endings()))}"


def natural_order(name: str) -> tuple[list[list[str | int]], str]:
    """A key to sort names by as people do: by their numbers, not by digits, and whatever the case.

    >>> sorted(["img10.png", "Img9.png", "a/img2.png", "a/img1.png", "img2.png"], key=natural_order)
    ['a/img1.png', 'a/img2.png', 'img2.png', 'Img9.png', 'img10.png']
    """
    parts = (_DIGITS.split(part) for part in name.casefold().split("/"))
    # Texts and numbers take turns, a text first, so that the one is never compared with the other.
    return [[int(piece) if place % 2 else piece for place, piece in enumerate(part)] for part in parts], name


def version_of(path: Path) -> str:
    """A short text that is another one as soon as the file is another: from its time, its size and its number on disk.

    Raises:
        ImageError: the file is no longer there.
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
    except (OSError, RuntimeError, ValueError) as reason:  # not allowed, links in a loop, a zero in the name
        why = getattr(reason, "strerror", None) or reason
        raise error(f"{shown} cannot be reached ({why}); give another path") from reason
