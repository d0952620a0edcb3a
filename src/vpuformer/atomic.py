"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
