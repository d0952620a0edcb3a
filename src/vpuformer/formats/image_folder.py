"""The images of a folder, found by the names that files give them.

Nothing outside of the folder is opened.
"""

import os
import unicodedata
from pathlib import Path, PurePosixPath

from vpuformer.errors import DatasetError, ImageError
from vpuformer.files import files_below, is_file
from vpuformer.images.addresses import Address, Window
from vpuformer.images.heads import ending_of, readable_endings
from vpuformer.images.volumes import names_in

_LONGEST, _SHOWN = 4096, 200
"""Characters of a name, and of a name in a message."""


def shown(given: str) -> str:
    r"""A name for messages and lists, whatever it holds.

    >>> shown("a\ud800.png")
    'a\\ud800.png'
    """
    return as_text(given[:_SHOWN])


def as_text(words: str) -> str:
    """Words that may hold the name of a file, as text that UTF-8 can hold."""
    return words.encode(errors="backslashreplace").decode()


class ImageFolder:
    """A folder of images.

    Args:
        root: the folder.
        window: the values that images of more than 8 bits are shown in, where an address names none; None for what
            their files ask for.

    Raises:
        DatasetError: there is no such folder.
    """

    def __init__(self, root: str | os.PathLike[str], window: Window | None = None) -> None:
        if not Path(root).is_dir():
            raise DatasetError(f"there is no folder {root}; give the folder of the images")
        self.root, self.window = Path(root).resolve(), window

    def names(self) -> list[str]:
        """Paths of all images and slices within the folder, sorted; hidden files are left out."""
        endings = readable_endings()
        files = [path for path in files_below(self.root) if ending_of(path.name) in endings]
        named = ((path, path.relative_to(self.root).as_posix()) for path in files)
        shown = ((path, name) for path, name in named if not name.startswith(".") and "/." not in name)
        return [image for path, name in shown if _is_text(name) for image in _images(path, name)]

    def name_of(self, given: str) -> str:
        """Path within the folder of the image that a list calls `given`.

        It is the longest end of that path that is a file here, so that `/data/images/a.png` finds `a.png`. Without any
        it is the whole path, without its drive, root, `.` and `..`.

        Raises:
            ImageError: the name is not text, or cannot be a path.
        """
        parts = self._parts(given)
        for first in range(len(parts)):
            name = "/".join(parts[first:])
            composed, decomposed = unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
            for spelled in (name, composed, decomposed):
                if is_file(Address.of(self.root / spelled).file):
                    return spelled
        return "/".join(parts)

    def path_of(self, name: str) -> Path:
        """The file of an image, without links, or the address of a slice in it, with the window.

        Raises:
            ImageError: there is no such file, or a link leads out of the folder.
        """
        address = Address.of(self.root / name)
        if not is_file(address.file):
            raise ImageError(f"there is no image {shown(name)} in {self.root}")
        real = address.file.resolve()
        if not real.is_relative_to(self.root):
            raise ImageError(f"{shown(name)} leads to {real}, out of the folder; copy the file into the folder")
        return address._replace(file=real, window=address.window or self.window).path

    def _parts(self, given: str) -> list[str]:
        if not _is_text(given):
            raise ImageError("its name is not text; rename the image")
        parts = [part for part in PurePosixPath(given.replace("\\", "/")).parts if part not in ("/", "//", ".", "..")]
        if not parts or "\0" in given or len(given) > _LONGEST:
            raise ImageError("its name cannot be the path of an image")
        return parts


def _images(path: Path, name: str) -> list[str]:
    try:
        return names_in(path, name)
    except ImageError:  # opening it says why
        return [name]


def _is_text(name: str) -> bool:
    return name.encode(errors="ignore").decode() == name
