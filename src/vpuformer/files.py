"""Files at the rim: JSON in, whole files out, and what a folder holds. What cannot be read ends in one sentence."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vpuformer.errors import VPUFormerError


def read_json(source: str | Path | bytes, *, error: type[VPUFormerError], name: str | None = None) -> Any:
    """The content of a JSON file in UTF-8 (with or without a byte order mark), UTF-16 or UTF-32.

    Numbers are as the file has them: `NaN`, `Infinity` and numbers of any size pass. The caller checks them.

    Args:
        source: path of the file, or its content.
        error: class of the error to raise.
        name: what messages call the file; by default its path.

    Raises:
        error: the file cannot be read, is no JSON, or is nested too deeply.

    >>> from vpuformer.errors import MaskError
    >>> read_json('\\ufeff{"area": 3}'.encode("utf-16"), error=MaskError, name="the file")
    {'area': 3}
    >>> read_json(b"[" * 100_000, error=MaskError, name="the file")
    Traceback (most recent call last):
    vpuformer.errors.MaskError: the file is nested too deeply to be read as JSON
    """
    name = name or ("the JSON" if isinstance(source, bytes) else str(source))
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except (OSError, ValueError) as problem:  # ValueError: a null character in a path
        raise error(f"{name} cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem
    try:
        text = content.decode(json.detect_encoding(content))
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError as problem:
        raise error(f"{name} is nested too deeply to be read as JSON") from problem
    except ValueError as problem:
        raise error(f"{name} is no JSON: {problem}") from problem


def is_file(path: str | Path) -> bool:
    """Whether there is a file, as far as that can be seen: no for a path that the system does not take, such as one
    that is too long, which `Path.is_file` raises.

    >>> is_file("x" * 10_000), is_file("a\\0b")
    (False, False)
    """
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def files_below(folder: str | Path) -> list[Path]:
    """All files in a folder and the folders in it, in the order of their paths.

    Linked folders are followed, as opening a file by its path does, but for one that leads back to a folder above it.
    Folders that may not be read are left out.
    """
    found = []
    for here, folders, names in os.walk(folder, followlinks=True):
        above = {os.path.realpath(each) for each in (here, *Path(here).parents)}
        folders[:] = [name for name in folders if os.path.realpath(Path(here, name)) not in above]
        found += [path for path in (Path(here, name) for name in names) if path.is_file()]
    return sorted(found)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `target` once the block is done and all of it is on the disk.

    When the block fails or the program is stopped, an older file of that name stays as it was.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "note.txt")) as temporary:
    ...         _ = temporary.write_text("all of it")
    ...     [path.name for path in Path(folder).iterdir()]
    ['note.txt']

    Raises:
        OSError: the disk is full or the folder may not be written to; the temporary file is gone then.
    """
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")  # in the same folder: a rename moves no data
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
