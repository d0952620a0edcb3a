"""The images to annotate: those of a folder, or a single one."""

import hashlib
import os
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from vpuformer.app.images.scanning import Scanner, SortKey, is_text, not_text, resolved
from vpuformer.errors import DatasetError, ImageError, listed
from vpuformer.files import natural_order
from vpuformer.images import image_endings, image_size
from vpuformer.images.addresses import Address, Window
from vpuformer.images.volumes import slice_suffixes

_LONGEST_SHOWN = 200  # characters of a name in an error: it may come from a request


class Folder:
    """The images of a folder and its sub-folders, or of a single file.

    A file that holds many images is listed slice by slice (`vpuformer.images.slices_of`).

    Images are recognized by their file name. Files and folders whose names begin with a dot, links to folders, and
    links that lead out of the folder are left out.

    Args:
        path: a folder, or an image file, whose folder then becomes the root.

    Raises:
        DatasetError: there is no such folder, it cannot be read, or it holds no image.
        ImageError: the file is not an image.

    Attributes:
        root: the folder, absolute and without links.
        names: paths of the images within the root, with forward slashes, in natural order; DICOM files in the order of
            their series and positions.
        left_out: a sentence for everything that may be wanted but cannot be listed.
        window: the values that images of more than 8 bits are shown in; None for what their files ask for.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        source = Path(path)
        self.left_out: list[str] = []
        self.window: Window | None = None
        self._places: Mapping[str, SortKey] = {}
        self._refreshing = threading.Lock()
        self._scanner: Scanner | None = None
        chosen = Address(source) if source.is_dir() else Address.of(source)
        real = resolved(chosen.file, DatasetError)
        if real.is_dir():
            self.root, self._scanner = real, Scanner(real)
            found, self.left_out, self._places = self._scanner.scan()
            self.names = self._in_order(found)
            self._listed = frozenset(self.names)
            if not self.names:
                raise DatasetError(self._why_empty())
        else:
            self.root = resolved(source.absolute().parent, DatasetError)
            if not is_text(source.name):
                raise ImageError(not_text(source.name))
            self._listed = frozenset((source.name,))
            path = self.path_of(source.name)
            self.names = (source.name,) if chosen.axis else tuple(source.name + part for part in slice_suffixes(path))
            self._listed = frozenset(self.names)
            image_size(self.path_of(self.names[0]))

    def refresh(self) -> None:
        """Add images that are new in the folder. Only sub-folders that have changed are read.

        Images whose file is gone stay listed, so that opening them gives an error. While the folder cannot be read, the
        list stays unchanged.
        """
        if self._scanner is None:
            return
        with self._refreshing:
            self.left_out = []
            with suppress(DatasetError):
                found, self.left_out, self._places = self._scanner.scan()
                new = set(found) - self._listed
                if new:
                    self.names = self._in_order(self._listed | new)
                    self._listed = frozenset(self.names)

    def path_of(self, name: str) -> Path:
        """Return the file of an image, or the address of a slice, absolute and without links.

        Raises:
            ImageError: the image is not listed, its file is gone, or it lies outside the folder.
        """
        if name not in self._listed:
            raise ImageError(f"there is no image {name[:_LONGEST_SHOWN]!r} in {self.root}; choose one from the list")
        address = Address.of(self.root / name)
        real = resolved(address.file, ImageError)
        if not real.is_relative_to(self.root):
            raise ImageError(
                f"{self.root / name} is a link to {real}, out of the folder; copy the file into the folder"
            )
        if not real.is_file():
            raise ImageError(f"{self.root / name} is not a file; give an image file")
        return address._replace(file=real, window=self.window or address.window).path

    def version(self, name: str) -> str:
        """Return `version_of` the image's file.

        Raises:
            ImageError: as in `path_of`.
        """
        return version_of(self.path_of(name))

    def _in_order(self, names: Collection[str]) -> tuple[str, ...]:
        """The names in natural order, but those with a place among each other by it."""
        places = self._places
        by_place = sorted(places, key=lambda name: (name.rpartition("/")[0], places[name]))
        by_name = sorted(places, key=lambda name: (name.rpartition("/")[0], natural_order(name)))
        stands_for = dict(zip(by_place, by_name, strict=True))
        return tuple(sorted(names, key=lambda name: natural_order(stands_for.get(name, name))))

    def _why_empty(self) -> str:
        if self.left_out:
            return f"{self.root} holds no image that can be listed: {listed(self.left_out)}"
        return f"{self.root} holds no image; put files there that end in {', '.join(sorted(image_endings()))}"


def version_of(path: Path) -> str:
    """Return a short text that changes with the file and the window.

    It is a hash of the window, and of the time, size and inode of the file.

    Raises:
        ImageError: the file is gone.
    """
    address = Address.of(path)
    try:
        state = address.file.stat()
    except OSError as error:
        raise ImageError(f"{path} cannot be reached ({error.strerror or error}); put it back") from error
    shown = "" if address.window is None else f" {address.window}"
    return hashlib.sha256(f"{state.st_mtime_ns} {state.st_size} {state.st_ino}{shown}".encode()).hexdigest()[:16]
