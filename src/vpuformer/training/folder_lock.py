"""One run at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vpuformer.errors import ConfigError

LOCK = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder, on disks that have locks.

    The system frees it however the process ends.

    Raises:
        ConfigError: another run has it.
    """
    lock = FileLock(folder / LOCK, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(f"another run trains in {folder}; wait until it has ended, or stop it") from error
    except (OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        lock.release()
