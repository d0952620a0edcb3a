"""Readers of prompts for many images, by the ending of the file."""

from collections.abc import Callable
from pathlib import Path

from vpuformer.errors import InputError
from vpuformer.formats import prompt_lines, prompt_table
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.prompted import PromptList

_READERS: dict[str, Callable[[Path, ImageFolder], PromptList]] = {
    ".jsonl": prompt_lines.read,
    ".ndjson": prompt_lines.read,
    ".csv": prompt_table.read,
    ".tsv": prompt_table.read,
}


def read_prompt_list(path: Path, folder: ImageFolder) -> PromptList:
    """The prompted objects in a file.

    Args:
        path: JSON lines (`.jsonl`) or CSV (`.csv`).
        folder: the folder of the images.

    Raises:
        InputError: the file is missing, of no kind that is read, or broken.
    """
    if not path.exists():
        raise InputError(f"there is no {path}; give a file of prompts, or boxes of a detector")
    read = _READERS.get(path.suffix.lower())
    if read is None or not path.is_file():
        raise InputError(f"{path} is of no kind that is read; give one of {', '.join(_READERS)}")
    return read(path, folder)
