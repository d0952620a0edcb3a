"""The files of an import: one file, those in a zip archive, or those in a folder."""

import io
import json
import os
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from vpuformer.errors import MaskError
from vpuformer.files import files_below, is_file, read_bytes, read_json
from vpuformer.formats.matching import plain_name

MAX_BYTES = 256_000_000
"""Largest size of a file in an archive or a folder, unpacked."""

MAX_JSON = 100_000_000
"""Largest size of all JSON files of an archive that a request holds, unpacked: they take seconds to parse."""

_MOST_UNPACKED = 200
"""Times its own size that an archive of more than `MAX_JSON` may unpack to."""

MOST_DIGITS = 18
"""Digits of a whole number above which it is not read: Python refuses those of thousands."""

_KEPT_JSON = 20_000_000
"""Size of the JSON files whose content is kept, the last one in any case. Parsed, they take up to twenty times as
much memory."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
"""Begin of a zip archive; the latter is an empty one."""


def data_set_of(path: Path) -> Path:
    """The folder of a YOLO data set that is named by its list of classes, else the path."""
    return path.parent if path.suffix.lower() in (".yaml", ".yml") and is_file(path) else path


class Bundle:
    """Files by their paths, with forward slashes, read on demand.

    Args:
        content: of a zip archive, or of the one file; or the path of an archive, a file or a folder, see `data_set_of`.
        name: of that file; by default its path's last part, "" for a content.

    Raises:
        MaskError: the path cannot be read, or the archive is broken or unpacks to too much.

    Attributes:
        names: paths of the files. Hidden ones and those that macOS adds are left out.
        alone: these are not the files of an archive or a folder, but one file.
        source: name of the file, the archive or the folder.
    """

    def __init__(self, content: bytes | Path, name: str = "") -> None:
        content = data_set_of(content) if isinstance(content, Path) else content
        self.source = name or (content.absolute().name if isinstance(content, Path) else "")
        self._jsons: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._kept = 0
        self._keys: dict[str, tuple[type, frozenset[str]]] = {}
        self._archive: zipfile.ZipFile | None = None
        self._entries: Mapping[str, zipfile.ZipInfo] = {}
        self._paths: Mapping[str, Path] = {}
        self._content = b""
        self.alone = False
        if isinstance(content, Path) and content.is_dir():
            self._paths = {plain_name(path.relative_to(content).as_posix()): path for path in _files(content)}
            self.names = tuple(self._paths)
            return
        if isinstance(content, Path):
            name = name or content.name
            content = content if _is_zip(content) else read_bytes(content, error=MaskError)
        if isinstance(content, Path) or content.startswith(_ZIP):
            self._open(content)
            self.names = tuple(self._entries)
        else:
            self.alone, self._content = True, content
            self.names = (plain_name(name) if name else "",)

    def _open(self, content: bytes | Path) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content) if isinstance(content, bytes) else content)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise MaskError(f"the archive is broken or cut short ({error}); pack it again") from error
        self._entries = {
            plain_name(entry.filename): entry
            for entry in self._archive.infolist()
            if not entry.is_dir() and not _hidden(entry.filename)
        }
        packed = len(content) if isinstance(content, bytes) else content.stat().st_size
        unpacked = sum(entry.file_size for entry in self._entries.values())
        if unpacked > MAX_JSON and unpacked > _MOST_UNPACKED * packed:
            raise MaskError(
                f"the archive of {packed / 1e6:.1f} MB unpacks to {unpacked / 1e6:,.0f} MB, more than"
                f" {_MOST_UNPACKED} times as much; unpack it and give the folder"
            )
        jsons = sum(entry.file_size for name, entry in self._entries.items() if name.lower().endswith(".json"))
        if isinstance(content, bytes) and jsons > MAX_JSON:
            raise MaskError(
                f"the JSON files of the archive have more than {MAX_JSON // 1_000_000} MB; give some images at a time"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._entries or name in self._paths

    def called(self, name: str) -> str:
        """A file as messages call it."""
        return name or "the file"

    @property
    def whole(self) -> str:
        """All files as messages call them."""
        return self.called(self.names[0]) if self.alone else "the archive" if self._archive else "the folder"

    def under(self, folder: str, ending: str | tuple[str, ...]) -> list[str]:
        """The files with this ending in folders of this name, at any depth; "" is any folder."""
        return [
            name
            for name in self.names
            if name.lower().endswith(ending) and (not folder or folder in PurePosixPath(name).parts[:-1])
        ]

    def named(self, name: str) -> str | None:
        """The path of the only file of this name, in any folder; None unless there is exactly one.

        The name is in small letters, that of the file may be in capitals.
        """
        found = [path for path in self.names if PurePosixPath(path).name.lower() == name]
        return found[0] if len(found) == 1 else None

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            MaskError: it is broken, encrypted, or too large.
        """
        if self.alone:
            return self._content
        if self._archive is None:
            path = self._paths[name]
            if path.stat().st_size > MAX_BYTES:
                raise MaskError(f"{name} in the folder has more than {MAX_BYTES // 1_000_000} MB; give a smaller one")
            return read_bytes(path, error=MaskError, name=name)
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
            parsed = read_json(content, error=MaskError, name=self.called(name)) if is_json else None
            self._jsons[name] = len(content), parsed
            self._kept += len(content)
            while len(self._jsons) > 1 and self._kept > _KEPT_JSON:
                self._kept -= self._jsons.popitem(last=False)[1][0]
        return self._jsons[name][1]

    def jsons(self, kind: type, *keys: str) -> list[str]:
        """The JSON files of this kind, dict or list, that have all these keys.

        Of a list, the first element has them.
        """
        names = self.names if self.alone else self.under("", ".json")
        for name in names:
            if name not in self._keys:
                content = self.json(name)
                first = content[0] if isinstance(content, list) and content else content
                self._keys[name] = type(content), frozenset(first) if isinstance(first, dict) else frozenset()
        return [name for name in names if self._keys[name][0] is kind and self._keys[name][1].issuperset(keys)]


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in _ZIP
    except (OSError, ValueError):
        return False  # a sentence comes when it is read


def _hidden(name: str) -> bool:
    parts = (part for part in name.split("/") if part != ".")
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def without_ending(name: str, ending: str) -> str:
    """The name without this ending, in capitals or not.

    >>> without_ending("cup.JSON", ".json")
    'cup'
    """
    return name[: -len(ending)] if name.lower().endswith(ending) else name


def _files(folder: Path) -> list[Path]:
    """The files in a folder that are not hidden; links out of it are left out."""
    real = os.path.realpath(folder)
    return [
        path
        for path in files_below(folder)
        if not _hidden(path.relative_to(folder).as_posix()) and Path(os.path.realpath(path)).is_relative_to(real)
    ]
