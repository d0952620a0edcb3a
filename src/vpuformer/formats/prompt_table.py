"""Reader of boxes and points as CSV: a row each, with or without a line of column names."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from vpuformer.errors import ImageError, InputError, PromptError, listed
from vpuformer.formats.coco_masks import whole_number
from vpuformer.formats.image_folder import ImageFolder, shown
from vpuformer.formats.prompt_lines import LARGEST_ID, lines_of
from vpuformer.formats.prompted import Listed, PromptList, Unanswered
from vpuformer.prompts import Box, Click, Prompt

_COLUMNS = {
    "image": ("image", "filename", "file_name", "file", "path"),
    "x0": ("x0", "xmin", "x_min", "left"),
    "y0": ("y0", "ymin", "y_min", "top"),
    "x1": ("x1", "xmax", "x_max", "right"),
    "y1": ("y1", "ymax", "y_max", "bottom"),
    "x": ("x",),
    "y": ("y",),
    "positive": ("positive",),
    "label": ("label", "class", "class_name", "category"),
    "object": ("object", "object_id"),
    "id": ("id",),
}
"""Names that a column may have."""

_BOX, _POINT = ("x0", "y0", "x1", "y1"), ("x", "y")

_WITHOUT_NAMES = {
    3: ("image", *_POINT),
    4: ("image", *_POINT, "positive"),
    5: ("image", *_BOX),
    6: ("image", *_BOX, "label"),
}
"""Columns of a file without column names, by their number."""

_WANTED = "columns image,x0,y0,x1,y1[,label] for boxes, or image,x,y[,positive] for points"

_SIGNS = {"1": True, "true": True, "+": True, "0": False, "false": False, "-": False}


def read(path: Path, folder: ImageFolder) -> PromptList:
    """Boxes, or points, in pixels as on the command line.

    A row is an object. With a column `object`, rows of an image with the same value are one; without it, but with a
    column `positive`, all points of an image with the same label are. Columns of other names are passed over.

    Raises:
        InputError: the columns are ambiguous, or, while the rows are read, a row has too few.
    """
    rows = _rows(path)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{path} is empty; wanted {_WANTED}")
    named = not any(_is_number(word) for word in first)
    columns = _named_columns(first, path) if named else _counted_columns(first, path)
    return PromptList("CSV", (), _entries([] if named else [first], rows, columns, path, folder))


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows that are not empty, as words without blanks around them."""
    lines = (line.decode("utf-8", errors="surrogateescape") for line in lines_of(path))
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)

    reader = csv.reader(chain([first], lines), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if any(word.strip() for word in row):
                yield [word.strip() for word in row]
    except csv.Error as error:
        raise InputError(f"line {reader.line_num} of {path} is not CSV: {error}") from error


def _named_columns(names: Sequence[str], path: Path) -> Mapping[str, int]:
    columns: dict[str, int] = {}
    for index, name in enumerate(names):
        for column, known in _COLUMNS.items():
            if name.lower() in known:
                if column in columns:
                    raise InputError(f"{path} has two columns for {column}, {names[columns[column]]} and {name}")
                columns[column] = index
    boxes = all(name in columns for name in _BOX)
    points = all(name in columns for name in _POINT)
    sized = points and not {"w", "h", "width", "height"}.isdisjoint(name.lower() for name in names)
    if "image" not in columns or boxes == points or sized:
        raise InputError(f"{path} has the columns {listed(names)}; wanted {_WANTED}")
    return columns


def _counted_columns(row: Sequence[str], path: Path) -> Mapping[str, int]:
    names = _WITHOUT_NAMES.get(len(row))
    numbers = [name for name in names or () if name in (*_BOX, *_POINT)]
    if names is None or _is_number(row[0]) or not all(_is_number(row[1 + i]) for i in range(len(numbers))):
        raise InputError(
            f"the first line of {path} is {','.join(row)!r:.100}; wanted {_WANTED}, or a line of names first"
        )
    return {name: index for index, name in enumerate(names)}


def _entries(
    first: list[list[str]], rows: Iterator[list[str]], columns: Mapping[str, int], path: Path, folder: ImageFolder
) -> Iterator[Listed | Unanswered]:
    for row in chain(first, rows):
        if len(row) <= max(columns.values()):
            raise InputError(f"a row of {path} has {len(row)} columns, got {','.join(row)!r:.100}; wanted {_WANTED}")
        values = {name: row[index] for name, index in columns.items()}
        try:
            image = folder.name_of(values["image"])
        except ImageError as error:
            yield Unanswered(shown(values["image"]), str(error))
            continue
        yield Listed.of(
            image,
            values["image"],
            lambda values=values: [_prompt(values)],
            values.get("label"),
            object_id=_id(values, path),
            key=_key(values),
        )


def _prompt(values: Mapping[str, str]) -> Prompt:
    if "x0" in values:
        return Box(*(_number(values[name]) for name in _BOX))
    sign = values.get("positive", "1").lower()
    if sign not in _SIGNS:
        raise PromptError(f"'positive' is one of {', '.join(_SIGNS)}, got {sign!r:.40}")
    return Click(_number(values["x"]), _number(values["y"]), _SIGNS[sign])


def _key(values: Mapping[str, str]) -> str | None:
    if "object" in values:
        return values["object"] or None
    return values.get("label", "") if "positive" in values else None


def _id(values: Mapping[str, str], path: Path) -> int | None:
    word = values.get("id", "")
    number = whole_number(int(word), LARGEST_ID) if re.fullmatch("[0-9]{1,16}", word) else None
    if word and number is None:
        raise InputError(f"{path}: an id is a whole number, got {word!r:.60}; leave the column empty, or out")
    return number


def _number(word: str) -> Any:
    """A number, or the word itself, which prompts refuse."""
    try:
        return float(word)
    except ValueError:
        return word


def _is_number(word: str) -> bool:
    return isinstance(_number(word), float)
