"""Reader of prompts as JSON lines: an image or an object a line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vpuformer.errors import ImageError, InputError
from vpuformer.files import read_json
from vpuformer.formats.coco_masks import whole_number
from vpuformer.formats.image_folder import ImageFolder, shown
from vpuformer.formats.prompted import Listed, PromptList, Unanswered
from vpuformer.prompts import prompt_from_dict

LONGEST = 64_000_000
"""Bytes of a line, at most."""

LARGEST_ID = 2**53
"""Whole numbers up to here pass through every program that reads JSON."""

FORM = '{"image": "a.jpg", "prompts": [{"type": "box", "box": [x0, y0, x1, y1]}], "label": "cup", "id": 7}'


def read(path: Path, folder: ImageFolder) -> PromptList:
    """The objects of a file of JSON lines.

    A line is `{"image": ..., "prompts": [...], "label": ..., "id": ...}` for an object, or `{"image": ..., "objects":
    [...], "id": ...}` for an image, whose objects are the same without `image`. Labels and ids may be left out.

    Raises:
        InputError: while the lines are read: one is not JSON, names no image, or is too long.
    """
    return PromptList("JSON lines", (), _entries(path, folder))


def _entries(path: Path, folder: ImageFolder) -> Iterator[Listed | Unanswered]:
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        where = f"line {number} of {path}"
        yield from read_line(read_json(line, error=InputError, name=where), folder, where)


def read_line(values: Any, folder: ImageFolder, where: str) -> Iterator[Listed | Unanswered]:
    """The objects of a line; see `read`.

    Args:
        values: parsed JSON.
        folder: the folder of the images.
        where: what messages call the line.

    Raises:
        InputError: the line names no image, or its objects are something else.
    """
    if not isinstance(values, dict) or not isinstance(values.get("image"), str):
        raise InputError(f"{where} names no image; wanted {FORM}, got {values!r:.80}")
    given, objects = values["image"], values.get("objects")
    try:
        image = folder.name_of(given)
    except ImageError as error:
        yield Unanswered(shown(given), str(error))
        return
    if objects is None:
        yield _object(values, image, given, None, where)
        return
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise InputError(f"{where}: 'objects' is a list of objects, each with 'prompts'")
    image_id = _id(values, where)
    yield Listed(image, None, given, image_id)
    for each in objects:
        yield _object(each, image, given, image_id, where)


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file, without its byte order mark.

    Raises:
        InputError: a line is longer than `LONGEST`, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            first = True
            while line := file.readline(LONGEST + 1):
                if len(line) > LONGEST:
                    raise InputError(f"{path} has a line of more than {LONGEST // 1_000_000} MB; split it")
                yield line.removeprefix(b"\xef\xbb\xbf") if first else line
                first = False
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}; give another file") from error


def _object(values: Mapping[str, Any], image: str, given: str, image_id: int | None, where: str) -> Listed | Unanswered:
    prompts = values.get("prompts")
    if not isinstance(prompts, list):
        raise InputError(f"{where}: an object has a list of 'prompts', got {prompts!r:.60}; wanted {FORM}")
    return Listed.of(
        image,
        given,
        lambda: map(prompt_from_dict, prompts),
        values.get("label"),
        object_id=_id(values, where),
        image_id=image_id,
    )


def _id(values: Mapping[str, Any], where: str) -> int | None:
    value = values.get("id")
    number = None if value is None else whole_number(value, LARGEST_ID)
    if value is not None and number is None:
        raise InputError(f"{where}: an id is a whole number from 0 to {LARGEST_ID:,}, got {value!r:.60}")
    return number
