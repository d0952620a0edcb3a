"""The images of a folder, found by the names that files give them. Nothing outside of the folder is opened."""

import os
import unicodedata
from pathlib import Path, PurePosixPath

from vpuformer.errors import DatasetError, ImageError
from vpuformer.files import is_file
from vpuformer.images import image_endings

_SHOWN = 200
"""Characters of a name in a message."""


class ImageFolder:
    """A folder of images.

    Args:
        root: the folder.

    Raises:
        DatasetError: there is no such folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        if not Path(root).is_dir():
            raise DatasetError(f"there is no folder {root}; give the folder of the images")
        self.root = Path(root).resolve()

    def name_of(self, given: str) -> str:
        """Path within the folder of the image that a file calls `given`.

        It is the longest end of that path that is a file here, so that `/data/images/a.png` finds `a.png`. Without any
        it is the whole path, without its drive, root, `.` and `..`.

        Raises:
            ImageError: the name is empty or not text.
        """
        parts = self._parts(given)
        for first in range(len(parts)):
            name = "/".join(parts[first:])
            composed, decomposed = unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
            for spelled in (name, composed, decomposed):
                if is_file(self.root / spelled):
                    return spelled
        return "/".join(parts)

    def name_of_stem(self, given: str) -> str:
        """`name_of` for a path without the ending of the image.

        Raises:
            ImageError: the name is not text, no image has this stem, or several have.
        """
        parts = self._parts(given)
        endings = sorted(ending for each in image_endings() for ending in (each, each.upper()))
        for first in range(len(parts)):
            stem = "/".join(parts[first:])
            names = [stem + ending for ending in endings if is_file(self.root / (stem + ending))]
            if len(names) > 1:
                raise ImageError(f"{given[:_SHOWN]} may be {' or '.join(names)}; rename one of them")
            if names:
                return names[0]
        raise ImageError(f"there is no image {given[:_SHOWN]} in {self.root}")

    def path_of(self, name: str) -> Path:
        """The file of an image, without links.

        Raises:
            ImageError: there is no such file, or a link leads out of the folder.
        """
        path = self.root / name
        if not is_file(path):
            raise ImageError(f"there is no image {name[:_SHOWN]} in {self.root}")
        real = path.resolve()
        if not real.is_relative_to(self.root):
            raise ImageError(f"{name[:_SHOWN]} leads to {real}, out of the folder; copy the file into the folder")
        return real

    def _parts(self, given: str) -> list[str]:
        try:
            given.encode()
        except UnicodeEncodeError as error:
            raise ImageError(f"the name {given[:_SHOWN]!r} is not text; rename the image") from error
        parts = [part for part in PurePosixPath(given.replace("\\", "/")).parts if part not in ("/", "//", ".", "..")]
        if not parts or "\0" in given:
            raise ImageError(f"the name {given[:_SHOWN]!r} is no path of an image")
        return parts
