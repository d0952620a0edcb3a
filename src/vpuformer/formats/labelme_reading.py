"""Reader of the JSON of LabelMe."""

import base64
import binascii
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError, listed
from vpuformer.formats.bundle import AddNote, Bundle, LabelAndMask, TargetImage
from vpuformer.formats.label_map_reading import read_pixels
from vpuformer.formats.matching import match_image, plain_name
from vpuformer.formats.outlines import filled
from vpuformer.images import read_foreground

_CIRCLE = 64
"""Corners of a circle."""


def claims(bundle: Bundle) -> bool:
    """Whether there is a JSON file with `shapes`."""
    return any(isinstance(content, dict) and "shapes" in content for _, content in bundle.jsons())


def read(bundle: Bundle, target: TargetImage, add_note: AddNote) -> Iterator[LabelAndMask]:
    """One object a shape or `group_id`: polygons, rectangles, circles and masks.

    Polygons are filled by the even-odd rule at pixel centres, not as LabelMe paints them. Other shapes are left out.
    Rectangles may have four corners and be turned, as other programs write them in files of this format.

    Raises:
        MaskError: the file is broken, or of another image.
    """
    name, content = _chosen(bundle, target, add_note)
    called = bundle.called(name)
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if height not in (None, target.size[0]) or width not in (None, target.size[1]):
        raise MaskError(
            f"{called} is of an image of {width!r:.20}x{height!r:.20} pixels, and {target.image} has"
            f" {target.size[1]}x{target.size[0]}; give the annotations of this very image"
        )
    shapes = content["shapes"]
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise MaskError(f"{called} is not a file of LabelMe: 'shapes' is a list of objects")
    grouped: dict[Any, list[tuple[int, Mapping[str, Any]]]] = {}
    for number, shape in enumerate(shapes, 1):
        group = shape.get("group_id")
        key = number if group is None else (str(shape.get("label")), str(group))
        grouped.setdefault(key, []).append((number, shape))
    left_out: Counter[str] = Counter()
    for group in grouped.values():
        mask = None
        for number, shape in group:
            part = _mask(shape, target.size, f"shape {number} of {called}")
            if part is None:
                left_out[f"{shape.get('shape_type')!s:.40}"] += 1
            if part is not None:
                mask = part if mask is None else mask | part
        if mask is not None:
            label = group[0][1].get("label")
            yield (label if isinstance(label, str) else None), mask
    if left_out:
        kinds = listed(f"{number} {kind}" for kind, number in left_out.most_common())
        add_note(f"shapes of {called} left out: {kinds}; polygons, rectangles, circles and masks are read")


def _chosen(bundle: Bundle, target: TargetImage, add_note: AddNote) -> tuple[str, Mapping[str, Any]]:
    files = [(name, content) for name, content in bundle.jsons() if isinstance(content, dict) and "shapes" in content]
    if not bundle.alone:
        name = bundle.file_of(target, {name: name.removesuffix(".json") for name, _ in files}, add_note)
        return name, dict(files)[name]
    name, content = files[0]
    path = content.get("imagePath")
    last = PurePosixPath(plain_name(path)).name if isinstance(path, str) else ""
    if not last:
        add_note(f"{bundle.called(name)} does not say of which image it is")
        return files[0]
    # The path begins where the file lay, which is not known: of it, only the name counts.
    _, note = match_image(PurePosixPath(target.image).name, [last], bundle.called(name))
    alike = [other for other in target.others if plain_name(other).endswith(f"/{last}") or plain_name(other) == last]
    if note is not None and alike:
        raise MaskError(
            f"{bundle.called(name)} is of {path}, which {listed(alike)} of this folder is called; open that image"
        )
    if note is not None:
        add_note(note)
    elif len(alike) > 1:
        add_note(f"{bundle.called(name)} is of {path}; {listed(alike)} have this name; read as {target.image}")
    return files[0]


def _mask(shape: Mapping[str, Any], size: Size, where: str) -> BoolMask | None:
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    match kind:
        case "polygon" | "rotation":
            return filled(points, size, where)
        case "rectangle" if isinstance(points, list) and len(points) == 4:
            return filled(points, size, where)
        case "rectangle":
            (x0, y0), (x1, y1) = _two(points, where)
            return filled([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], size, where)
        case "circle":
            (x, y), (xb, yb) = _two(points, where)
            radius = math.hypot(xb - x, yb - y)
            turns = np.linspace(0, 2 * np.pi, _CIRCLE, endpoint=False)
            return filled(np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1), size, where)
        case "mask":
            return _pasted(shape, size, where)
        case _:
            return None


def _two(points: Any, where: str) -> Sequence[tuple[float, float]]:
    try:
        (xa, ya), (xb, yb) = points
        numbers = [float(value) for value in (xa, ya, xb, yb)]
    except (TypeError, ValueError, OverflowError) as error:
        raise MaskError(f"{where}: a rectangle, a circle or a mask has two points x, y, got {points!r:.60}") from error
    if not all(math.isfinite(value) for value in numbers):
        raise MaskError(f"{where} has a coordinate that is not a finite number")
    return (numbers[0], numbers[1]), (numbers[2], numbers[3])


def _pasted(shape: Mapping[str, Any], size: Size, where: str) -> BoolMask:
    """The mask in a shape, which fills the pixels from its first point to its second one."""
    (left, top), (right, bottom) = _two(shape.get("points"), where)
    inside = 0 <= left <= right < size[1] and 0 <= top <= bottom < size[0]
    if not inside or any(value != int(value) for value in (left, top, right, bottom)):
        raise MaskError(f"{where}: a mask lies on whole pixels of its image")
    rows, columns = slice(int(top), int(bottom) + 1), slice(int(left), int(right) + 1)
    try:
        content = base64.b64decode(shape.get("mask") or "", validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MaskError(f"{where}: its mask is not base64") from error
    if not content:
        raise MaskError(f"{where}: it holds no mask")
    inner = (rows.stop - rows.start, columns.stop - columns.start)
    pixels = read_pixels(content, where, lambda path: read_foreground(path, inner))
    mask = np.zeros(size, np.bool_)
    mask[rows, columns] = pixels
    return mask
