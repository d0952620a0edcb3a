"""Atomic writing of text results."""

import os
from pathlib import Path

from vpuformer.errors import InputError
from vpuformer.files import replacing


def write_text(path: str | os.PathLike[str], text: str, what: str = "the results") -> None:
    """Write a text to a file, atomically.

    Args:
        path: the file.
        text: its content.
        what: name of the content in error messages.

    Raises:
        InputError: the file cannot be written.
    """
    target = Path(path)
    try:
        with replacing(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{what} cannot be written to {target}: {error.strerror or error}") from error
