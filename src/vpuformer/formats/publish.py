"""An export as a whole: it appears once all of it is written, or not at all."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from vpuformer.errors import InputError
from vpuformer.files import read_json, remove_temporary, write_errors, write_file

_UNFINISHED = ".vpuformer-unfinished-"

_ABANDONED = 24 * 3600
"""Seconds after which what an export has begun to write belongs to one that was killed."""


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Check that an export may go into `folder`, before any work.

    Raises:
        InputError: it is a file, cannot be read, or holds something and is not to be overwritten.
    """
    if folder.is_dir():
        try:
            names = (path.name for path in folder.iterdir() if not path.name.startswith(_UNFINISHED))
            found = min(names, default=None)
        except OSError as error:
            raise InputError(f"{folder} cannot be read ({error.strerror}); name another folder") from error
        if found is not None and not overwrite:
            raise InputError(f"{folder} is not empty, it holds {found}; name a new one, or overwrite it (--overwrite)")
    elif folder.exists() or folder.is_symlink():
        raise InputError(f"{folder} is a file; name a folder")


@contextmanager
def published(folder: Path, name: str, *, overwrite: bool = False) -> Iterator[Path]:
    """A new folder to fill, whose files move to `folder` when the block is done.

    In a folder that holds something, files of the same name are replaced, those of an earlier export of this kind that
    are not written again are removed, and all others stay. When the block fails, `folder` is as it was.

    Args:
        name: of the kind of export; `.vpuformer-NAME.json` in the folder lists its files for the next one.
        overwrite: let the folder hold something.

    Raises:
        InputError: see `check_target`; or the disk does not take it.
    """
    check_target(folder, overwrite=overwrite)
    _remove_abandoned(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    staging = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"  # on the same disk: to move is then to rename
    try:
        with write_errors(folder):
            staging.mkdir(parents=True)
        yield staging
        _move(staging, folder, folder / f".vpuformer-{name}.json")
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for path in made:  # the innermost first
            _remove_if_empty(path)


def seen_from(output: Path, root: Path) -> str | None:
    """Path of the images relative to the files; None on another drive."""
    try:
        return Path(os.path.relpath(root.resolve(), output.resolve())).as_posix()
    except ValueError:
        return None


def remove_unfinished(folder: Path) -> None:
    """Remove what killed exports into `folder` have left. No export into it may be under way."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)
    remove_temporary(folder)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed exports have left, but not what another export may still write."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            written = max(each.stat().st_mtime for each in (path, *path.rglob("*")))
            if time.time() - written > _ABANDONED:
                shutil.rmtree(path, ignore_errors=True)


def _move(staging: Path, folder: Path, record: Path) -> None:
    names = {path.relative_to(staging).as_posix() for path in staging.rglob("*") if not path.is_dir()}
    earlier = _recorded(record)
    # Every file is in the record, also if the program is stopped halfway.
    _write_record(record, names | earlier)
    for name in sorted(names):
        with write_errors(folder / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(folder / name)
    for name in earlier - names:
        with write_errors(folder / name):
            (folder / name).unlink(missing_ok=True)
            for above in PurePosixPath(name).parents[:-1]:
                _remove_if_empty(folder / above)
    _write_record(record, names)


def _write_record(record: Path, names: Iterable[str]) -> None:
    write_file(record, json.dumps({"files": sorted(names)}, indent=1))


def _recorded(record: Path) -> set[str]:
    """Files of an earlier export, if it left a record. Paths outside the folder are ignored."""
    try:
        paths = [PurePosixPath(name) for name in read_json(record, error=InputError)["files"]]
    except (InputError, KeyError, TypeError):
        return set()
    root = record.parent.resolve()
    return {
        path.as_posix()
        for path in paths
        if path.name
        and not path.is_absolute()
        and ".." not in path.parts
        and (root / path).parent.resolve().is_relative_to(root)
    }


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
