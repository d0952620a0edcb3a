"""Files: read within a limit, written whole or not at all, locked, and listed.

Every error of the operating system becomes one sentence.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vpuformer.errors import InputError, VPUFormerError

MAX_BYTES = 1_000_000_000
"""Size above which a file of annotations is refused before it is read: 1 GB."""

DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the errors of a full disk, and of a quota that is used up."""

_DIGITS = re.compile("[0-9]+")


def read_bytes(path: str | os.PathLike[str], *, error: type[VPUFormerError], name: str | None = None) -> bytes:
    """Content of a regular file of at most `MAX_BYTES`.

    Args:
        path: of the file.
        error: class of the error to raise.
        name: of the file in messages; its path by default.

    Raises:
        error: the file is missing, too large, a folder or a device, or cannot be read.
    """
    file, name = Path(path), name or str(path)
    try:
        state = file.stat()
        if state.st_size <= MAX_BYTES and (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)):
            return file.read_bytes()  # of a folder, this raises
    except (OSError, ValueError) as problem:  # ValueError: a null character in a path
        raise error(f"{name} cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem
    if state.st_size > MAX_BYTES:
        raise error(f"{name} has more than {MAX_BYTES // 1_000_000} MB; split it into smaller files")
    # A pipe may never begin, a device never end.
    raise error(f"{name} cannot be read: it is not a regular file; write its content to a file first")


def read_json(source: str | Path | bytes, *, error: type[VPUFormerError], name: str | None = None) -> Any:
    """Content of a JSON file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Numbers are as the file has them: `NaN`, `Infinity` and numbers of any size pass. The caller checks them.

    Args:
        source: path of the file, or its content.
        error: class of the error to raise.
        name: of the file in messages; its path by default.

    Raises:
        error: as in `read_bytes`; or the content is not JSON, or nested too deeply.

    >>> from vpuformer.errors import MaskError
    >>> read_json('\\ufeff{"area": 3}'.encode("utf-16"), error=MaskError, name="the file")
    {'area': 3}
    >>> read_json(b"[" * 100_000, error=MaskError, name="the file")
    Traceback (most recent call last):
    vpuformer.errors.MaskError: the file is nested too deeply to be read as JSON
    """
    name = name or ("the JSON" if isinstance(source, bytes) else str(source))
    content = source if isinstance(source, bytes) else read_bytes(source, error=error, name=name)
    try:
        text = content.decode(json.detect_encoding(content))
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError as problem:
        raise error(f"{name} is nested too deeply to be read as JSON") from problem
    except ValueError as problem:
        raise error(f"{name} is not JSON: {problem}") from problem


def is_file(path: str | Path) -> bool:
    """Whether a path is a file; False for one that is too long, unlike `Path.is_file`.

    >>> is_file("x" * 10_000), is_file("a\\0b")
    (False, False)
    """
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def files_below(folder: str | Path) -> list[Path]:
    """All files in a folder and its subfolders, sorted by path.

    Links to folders are followed, except one that leads back to a folder above it. Unreadable folders are left out.
    """
    files = []
    for here, folders, names in os.walk(folder, followlinks=True):
        above = {os.path.realpath(each) for each in (here, *Path(here).parents)}
        folders[:] = [name for name in folders if os.path.realpath(Path(here, name)) not in above]
        files += [path for path in (Path(here, name) for name in names) if path.is_file()]
    return sorted(files)


def natural_order(name: str) -> tuple[str, str]:
    """Sort key for names: numbers by value instead of by digits, ignoring case.

    >>> sorted(["img10.png", "Img9.png", "a/img2.png", "a/img1.png", "img2.png"], key=natural_order)
    ['a/img1.png', 'a/img2.png', 'img2.png', 'Img9.png', 'img10.png']
    """
    # A text is compared faster than a list of parts. The end of a part comes before numbers, and these before letters.
    return _DIGITS.sub(_by_value, name.casefold()).replace("/", "\0"), name


def _by_value(digits: re.Match[str]) -> str:
    """A text for a number: more digits sort later."""
    value = digits[0].lstrip("0")
    return f"\1{chr(len(value))}{value}"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_names(files: Iterable[Path], folder: Path) -> str:
    """SHA-256 over the names of files within a folder and their sizes, not over their content."""
    digest = hashlib.sha256()
    for name, size in sorted((path.relative_to(folder), path.stat().st_size) for path in files):
        digest.update(b"%b\0%d\n" % (os.fsencode(name.as_posix()), size))
    return digest.hexdigest()


@contextmanager
def write_errors(target: str | os.PathLike[str], *, error: type[VPUFormerError] = InputError) -> Iterator[None]:
    """Turn an `OSError` of the block into an `error` that says why `target` is not written."""
    try:
        yield
    except OSError as problem:
        if problem.errno in DISK_IS_FULL:
            raise error(f"{target} cannot be written: the disk is full; make room and try again") from problem
        reason = problem.strerror or problem
        raise error(f"{target} cannot be written: {reason}; choose a folder that you may write to") from problem


def write_file(
    target: str | os.PathLike[str], content: bytes | str, *, error: type[VPUFormerError] = InputError
) -> None:
    r"""Write a file whole or not at all, text as UTF-8.

    What UTF-8 cannot hold, as in some names of files, becomes `\udc81`.

    Raises:
        error: as in `replacing`.
    """
    with replacing(Path(target), error=error) as temporary:
        temporary.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


def remove_temporary(folder: Path) -> None:
    """Remove temporary files of killed programs. Nothing may be writing into the folder."""
    for path in folder.glob(f".{'[0-9a-f]' * 16}.tmp"):
        path.unlink(missing_ok=True)


@contextmanager
def replacing(target: Path, *, error: type[VPUFormerError] = InputError) -> Iterator[Path]:
    """A temporary path to write to, which replaces `target` when the block ends.

    If the block fails or the program is stopped, an older file of that name stays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "note.txt")) as temporary:
    ...         _ = temporary.write_text("all of it")
    ...     [path.name for path in Path(folder).iterdir()]
    ['note.txt']

    Raises:
        error: the disk is full, or the folder is missing or write-protected. The temporary file is removed.
    """
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")  # in the same folder: a rename moves no data
    with write_errors(target, error=error):
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, refusal: VPUFormerError) -> Iterator[None]:
    """Keep other programs out by a lock file, on disks that have locks.

    The system frees the lock however the program ends. The file stays.

    Args:
        path: of the lock file, in a folder that exists.
        refusal: the error to raise if another program has the lock.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise refusal from error
    except (OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        lock.release()
