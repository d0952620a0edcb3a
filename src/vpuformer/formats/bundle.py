"""The files of an import: one file, or those in a zip archive."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError
from vpuformer.files import read_json
from vpuformer.formats.matching import match_stem, plain_name

MAX_BYTES = 256_000_000
"""Largest size of a file in an archive, unpacked."""

MAX_JSON = 100_000_000
"""Largest size of all JSON files of an archive, unpacked. Parsed, they take twenty times as much memory."""

LabelAndMask = tuple[str | None, BoolMask]
"""An object that was read: its label or None, and its mask, bool of shape (H, W)."""

AddNote = Callable[[str], object]
"""A function called with a sentence about what was guessed or left out."""


@dataclass(frozen=True, slots=True)
class TargetImage:
    """The image whose objects are read.

    Attributes:
        image: path within the folder of images, with forward slashes.
        size: its height and width.
        labels: all labels there are, in their order.
        others: paths of all images of the folder, against which a guess is held.
    """

    image: str
    size: Size
    labels: Sequence[str] = ()
    others: Sequence[str] = ()


class Bundle:
    """Files by their paths, with forward slashes, read on demand.

    Args:
        content: of a zip archive, or of the one file.
        name: of that file; "" if unknown.

    Raises:
        MaskError: the archive is broken.

    Attributes:
        names: paths of the files. Hidden ones and those that macOS adds are left out.
        alone: these are not the files of an archive, but one file.
    """

    def __init__(self, content: bytes, name: str = "") -> None:
        self.alone = not content.startswith((b"PK\x03\x04", b"PK\x05\x06"))  # the latter is an empty archive
        self._jsons: dict[str, Any] = {}
        if self.alone:
            self._content, self.names = content, (plain_name(name) if name else "",)
            return
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise MaskError(f"the archive is broken or cut short ({error}); pack it again") from error
        self._entries: Mapping[str, zipfile.ZipInfo] = {
            plain_name(entry.filename): entry
            for entry in self._archive.infolist()
            if not entry.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in entry.filename.split("/"))
        }
        self.names = tuple(self._entries)
        if sum(self._entries[name].file_size for name in self.under("", ".json")) > MAX_JSON:
            raise MaskError(
                f"the JSON files of the archive have more than {MAX_JSON // 1_000_000} MB; give some images at a time"
            )

    def called(self, name: str) -> str:
        """A file as messages call it."""
        return name or "the file"

    def under(self, folder: str, ending: str) -> list[str]:
        """The files with this ending in folders of this name, at any depth; "" is any folder."""
        return [
            name
            for name in self.names
            if name.lower().endswith(ending) and (not folder or folder in PurePosixPath(name).parts[:-1])
        ]

    def named(self, name: str) -> str | None:
        """The path of the only file of this name, in any folder; None unless there is exactly one."""
        found = [path for path in self.names if PurePosixPath(path).name == name]
        return found[0] if len(found) == 1 else None

    def file_of(self, target: "TargetImage", stems: Mapping[str, str], add_note: "AddNote") -> str:
        """The path of the file about an image, among files whose names are those of images.

        Args:
            stems: path of each file to the image's path without its ending.

        Raises:
            MaskError: as in `vpuformer.formats.matching.match_image`.
        """
        index, note = match_stem(target.image, list(stems.values()), "the archive", target.others)
        if note is not None:
            add_note(note)
        return list(stems)[index]

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            MaskError: it is broken, encrypted, or too large.
        """
        if self.alone:
            return self._content
        try:
            with self._archive.open(self._entries[name]) as file:
                content = file.read(MAX_BYTES + 1)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError) as error:
            raise MaskError(f"{name} in the archive cannot be unpacked ({error}); pack it again") from error
        except Exception as error:  # of the library that unpacks: zlib.error, LZMAError
            raise MaskError(f"{name} in the archive is broken ({error}); pack it again") from error
        if len(content) > MAX_BYTES:
            raise MaskError(f"{name} in the archive has more than {MAX_BYTES // 1_000_000} MB; give a smaller one")
        return content

    def text(self, name: str) -> str | None:
        """A file as text; None if it is not text."""
        content = self.read(name)
        try:
            text = content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
        except ValueError:
            return None
        return None if "\0" in text else text

    def json(self, name: str) -> Any:
        """The content of a JSON file; None if it does not begin like JSON.

        Raises:
            MaskError: it begins like JSON and cannot be read.
        """
        if name not in self._jsons:
            content = self.read(name)
            head = content[:64].decode(json.detect_encoding(content[:64]), errors="ignore")
            is_json = head.removeprefix("\ufeff").lstrip()[:1] in ("{", "[")
            self._jsons[name] = read_json(content, error=MaskError, name=self.called(name)) if is_json else None
        return self._jsons[name]

    def jsons(self) -> Iterator[tuple[str, Any]]:
        """The JSON files and their contents."""
        for name in self.names if self.alone else self.under("", ".json"):
            content = self.json(name)
            if content is not None:
                yield name, content
