"""Reader of YOLO labels: a line an object, its class number and its outline."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import yaml

from vpuformer.errors import MaskError, counted
from vpuformer.formats.bundle import AddNote, Bundle, LabelAndMask, TargetImage
from vpuformer.formats.matching import match_stem
from vpuformer.formats.outlines import filled

_NAMES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "predefined_classes.txt")
_BOX = (4, 5)
"""Numbers of a box after the class: the last of five is how sure somebody was."""

_MOST_CLASSES = 1_000_000

_LONGEST_LIST = 300_000
"""Bytes of a list of classes: YAML takes half a minute for each million."""


def claims(bundle: Bundle) -> bool:
    """Whether there is a `.txt` file, a text that begins with numbers, or a folder `labels`."""
    if bundle.alone:
        text = bundle.text(bundle.names[0])
        if text is not None and bundle.names[0].lower().endswith(".txt"):
            return True
        words = [] if text is None else text.split(None, 3)[:3]
        return len(words) == 3 and all(_number(word) is not None for word in words)
    return bool(bundle.under("labels", ".txt"))


def read(bundle: Bundle, target: TargetImage, add_note: AddNote) -> Iterator[LabelAndMask]:
    """One object a line, in shares of width and height, filled by the even-odd rule.

    Classes are named by the list of classes among the files, else by the labels there are. Boxes are left out.

    Raises:
        MaskError: there is no file of this image, or a line is broken.
    """
    name = _chosen(bundle, target, add_note)
    called, names, boxes, sure = bundle.called(name), _names(bundle), 0, 0
    height, width = target.size
    numbered = False
    for number, line in enumerate((bundle.text(name) or "").splitlines(), 1):
        where = f"line {number} of {called}"
        values = [_number(word) for word in line.split()]
        if not values:
            continue
        kind, *numbers = values
        if (
            kind is None
            or not kind.is_integer()
            or not 0 <= kind < _MOST_CLASSES
            or any(value is None for value in numbers)
        ):
            raise MaskError(f"{where} is a class and coordinates, separated by blanks, got {line!r:.60}")
        if len(numbers) in _BOX:
            boxes += 1
            continue
        if len(numbers) % 2:  # how sure a network was comes last
            numbers.pop()
            sure += 1
        if len(numbers) < 6 or not all(-0.01 <= value <= 1.01 for value in numbers if value is not None):
            raise MaskError(f"{where}: an outline is at least three x, y as shares of width and height, from 0 to 1")
        outline = np.array(numbers, np.float64).reshape(-1, 2) * (width, height)
        numbered = numbered or names is None
        yield _label(int(kind), names, target), filled(outline, target.size, where)
    if numbered:
        add_note(
            f"{called} numbers its classes and comes without their names; they were taken as the labels of this"
            " folder, in their order"
        )
    if sure:
        add_note(f"the last number of {counted(sure, 'line')} of {called} has no partner and was read as a confidence")
    if boxes:
        add_note(f"{counted(boxes, 'line')} of {called} left out: boxes, which are not masks")


def _chosen(bundle: Bundle, target: TargetImage, add_note: AddNote) -> str:
    if bundle.alone:
        name = bundle.names[0]
        if name:
            stem = name.rpartition("/")[2].removesuffix(".txt")
            note = match_stem(target.image.rpartition("/")[2], [stem], name)[1]
            if note is not None:
                add_note(note)
        return name
    files = bundle.under("labels", ".txt")
    stems = {path: f"/{path}".partition("/labels/")[2].removesuffix(".txt") for path in files}
    return bundle.file_of(target, stems, add_note)


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
