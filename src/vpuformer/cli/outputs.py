"""Checks of output paths before the work begins."""

import os
from pathlib import Path

from vpuformer.errors import InputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def check_file(path: Path, what: str, suffixes: tuple[str, ...]) -> None:
    """Check that the file `path`, called `what` in messages, can be written.

    Raises:
        InputError: the folder is missing or not writable, the path is a folder, or its suffix is not in `suffixes`.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{what} is written as {', '.join(suffixes)}, got the name {str(path)!r}")
    if path.is_dir():
        raise InputError(f"cannot write {what} to {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {what} to {path}: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {what} to {path}: no permission to write there")


def check_unlike(path: Path, *others: Path | None) -> None:
    """Check that `path` differs from the files of the `others`, such as the image.

    Raises:
        InputError: they are the same file.
    """
    from vpuformer.images.addresses import Address

    if any(other is not None and Address.of(other).file.resolve() == path.resolve() for other in others):
        raise InputError(f"{path} is named twice, and writing it would overwrite the other; name another file")


def check_outside(output: Path, *data: Path | None) -> None:
    """Check that results do not lie in a folder of data, whose files identify a run.

    Raises:
        InputError: they would.
    """
    for root in data:
        if root is not None and output.resolve().is_relative_to(root.resolve()):
            raise InputError(f"{output} lies in {root}, where results would count as data; name a folder elsewhere")


def make_folder(path: Path, what: str) -> Path:
    """Make the folder `path`, with its parents, if it is missing.

    Raises:
        InputError: it cannot be made, is a file, or is not writable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path} for {what}: {error.strerror}; name another") from error
    if not os.access(path, os.W_OK):
        raise InputError(f"cannot write {what} into {path}: no permission to write there")
    return path
