"""Reader of YOLO labels: a line an object, its class number and its box or outline."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import yaml

from vpuformer.errors import MaskError
from vpuformer.formats.bundle import Bundle, without_ending
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    Found,
    FoundImage,
    FoundObject,
    Remark,
    TargetImage,
    found_box,
)
from vpuformer.formats.outlines import filled

_NAMES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "predefined_classes.txt")
_OTHERS = frozenset({*_NAMES, "labels.txt", "ImageSets", "NOTES.txt"})
"""Texts, and folders of texts, that label no image."""

_BOX = (4, 5)
"""Numbers of a box after the class: the last of five is how sure somebody was."""

_MOST_CLASSES = 1_000_000

_TRIED = 20
"""Text files that are looked at, to see whether they hold lines of numbers."""

_LONGEST_LIST = 300_000
"""Bytes of a list of classes: YAML takes half a minute for each million."""


def claims(bundle: Bundle) -> bool:
    """Whether there is a text of numbers, a single `.txt`, or a folder `labels` of them."""
    if not bundle.alone:
        return bool(_files(bundle))
    text = bundle.text(bundle.names[0])
    return text is not None and (bundle.names[0].lower().endswith(".txt") or _is_numbers(text))


def read(bundle: Bundle) -> Annotations:
    """One image a file, and one object a line.

    Classes are named by the list of classes among the files, else by the labels of the project.

    Raises:
        MaskError: the list of classes is broken.
    """
    names = _names(bundle)
    images: list[FoundImage] = []
    for path in _files(bundle):
        stem = f"/{path}".partition("/labels/")[2] or path
        stem = stem.rpartition("/")[2] if bundle.alone else stem
        objects = partial(_objects, bundle, path, names)
        name = without_ending(stem, ".txt") or None
        images.append(FoundImage(name, objects, stem=True, folder_known=not bundle.alone))
    numbers = sorted(names or {}, key=lambda number: (len(number), number))
    return Annotations(bundle.whole, images, [(names or {})[number] for number in numbers])


def _files(bundle: Bundle) -> Sequence[str]:
    if bundle.alone:
        return bundle.names
    if texts := bundle.under("labels", ".txt"):
        return [path for path in texts if PurePosixPath(path).name not in _NAMES]
    texts = [path for path in bundle.under("", ".txt") if not _OTHERS & {*PurePosixPath(path).parts}]
    return texts if any(_is_numbers(bundle.text(path) or "") for path in texts[:_TRIED]) else []


def _is_numbers(text: str) -> bool:
    words = text.split(None, 3)[:3]
    return len(words) == 3 and all(_number(word) is not None for word in words)


def _objects(
    bundle: Bundle, name: str, names: Mapping[str, str] | None, target: TargetImage, _: AddNote
) -> Iterator[Found]:
    """One object a line, in shares of width and height: a box, or an outline filled by the even-odd rule.

    Raises:
        MaskError: a line is broken.
    """
    called = bundle.called(name)
    height, width = target.size
    sure = objects = 0
    for number, line in enumerate((bundle.text(name) or "").splitlines(), 1):
        where = f"line {number} of {called}"
        values = [_number(word) for word in line.split()]
        if not values:
            continue
        kind, *numbers = (np.nan if value is None else value for value in values)
        if not 0 <= kind < _MOST_CLASSES or not kind.is_integer() or np.isnan(numbers).any():
            raise MaskError(f"{where} is a class and coordinates, separated by blanks, got {line!r:.60}")
        label = _label(int(kind), names, target)
        if len(numbers) in _BOX:
            x, y, w, h = numbers[:4]
            edges = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            if not all(-0.01 <= value <= 1.01 for value in numbers[:4]):
                raise MaskError(f"{where}: a box is x, y, width, height as shares of width and height, from 0 to 1")
            yield found_box(label, edges, target.size)
            objects += 1
            continue
        if len(numbers) % 2:  # how sure a network was comes last
            numbers.pop()
            sure += 1
        if len(numbers) < 6 or not all(-0.01 <= value <= 1.01 for value in numbers):
            raise MaskError(f"{where}: an outline is at least three x, y as shares of width and height, from 0 to 1")
        outline = np.array(numbers, np.float64).reshape(-1, 2) * (width, height)
        yield FoundObject(label, filled(outline, target.size, where))
        objects += 1
    if objects and names is None:
        yield Remark("object", "with a number for a class, taken as the labels of this folder in their order", objects)
    if sure:
        yield Remark("outline", "with a last number that has no partner, read as a confidence", sure)


def _names(bundle: Bundle) -> Mapping[str, str] | None:
    """The names of the classes by their numbers, as texts."""
    if bundle.alone:
        return None
    for name in _NAMES:
        path = bundle.named(name)
        if path is not None and len(bundle.read(path)) > _LONGEST_LIST:
            raise MaskError(f"{path} has more than {_LONGEST_LIST // 1000} kB; a list of classes is shorter")
        text = None if path is None else bundle.text(path)
        if text is None:
            continue
        if not name.endswith(".yaml"):
            return {str(number): line.strip() for number, line in enumerate(text.splitlines())}
        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise MaskError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
        names = found.get("names") if isinstance(found, dict) else None
        if isinstance(names, list):
            names = dict(enumerate(names))
        if isinstance(names, dict):
            # Nothing but plain values: those of a list within lists may be longer than memory.
            plain = {key: value for key, value in names.items() if isinstance(value, str | int | float)}
            return {str(key): str(value) for key, value in plain.items() if isinstance(key, str | int)}
    return None


def _label(kind: int, names: Mapping[str, str] | None, target: TargetImage) -> str:
    if names is None:
        return target.labels[kind] if kind < len(target.labels) else f"class {kind}"
    return names.get(str(kind)) or f"class {kind}"


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
