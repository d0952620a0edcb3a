"""Reader of the JSON of LabelMe."""

import base64
import binascii
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError
from vpuformer.formats.bundle import Bundle, without_ending
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    Found,
    FoundImage,
    FoundObject,
    FoundTags,
    LeftOut,
    TargetImage,
    check_size,
    found_box,
)
from vpuformer.formats.label_map_reading import read_pixels
from vpuformer.formats.labelme_attributes import shape_attributes
from vpuformer.formats.matching import plain_name
from vpuformer.formats.outlines import ellipse, filled
from vpuformer.images import read_foreground


def claims(bundle: Bundle) -> bool:
    """Whether there is a JSON file with `shapes`."""
    return bool(bundle.jsons(dict, "shapes"))


def read(bundle: Bundle) -> Annotations:
    """One image a file."""
    images = [_image(bundle, name) for name in bundle.jsons(dict, "shapes")]
    return Annotations(bundle.whole, images)


def _image(bundle: Bundle, name: str) -> FoundImage:
    objects = partial(_objects, bundle, name)
    if not bundle.alone:
        return FoundImage(without_ending(name, ".json"), objects, stem=True)
    # The path begins where the file lay, which is not known: of it, only the name counts.
    path = bundle.json(name).get("imagePath")
    last = PurePosixPath(plain_name(path)).name if isinstance(path, str) else ""
    return FoundImage(last or None, objects, folder_known=False)


def _objects(bundle: Bundle, name: str, target: TargetImage, _: AddNote) -> Iterator[Found]:
    """One object a shape or `group_id`: polygons, rectangles, circles and masks.

    Polygons are filled by the even-odd rule at pixel centres, not as LabelMe paints them. A rectangle is the box of an
    object. It may have four corners, as other programs write them; turned, it is a polygon.

    Raises:
        MaskError: the file is broken, or of an image of another size.
    """
    called, content = bundle.called(name), bundle.json(name)
    check_size((content.get("imageHeight"), content.get("imageWidth")), target, called)
    shapes = content["shapes"]
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise MaskError(f"{called} is not a file of LabelMe: 'shapes' is a list of objects")
    flags = content.get("flags")
    if tags := [name for name, is_set in flags.items() if is_set] if isinstance(flags, dict) else []:
        yield FoundTags(tags)
    grouped: dict[Any, list[tuple[int, Mapping[str, Any]]]] = {}
    for number, shape in enumerate(shapes, 1):
        group = shape.get("group_id")
        key = number if group is None else (str(shape.get("label")), str(group))
        grouped.setdefault(key, []).append((number, shape))
    left_out: Counter[str] = Counter()
    for group in grouped.values():
        label = group[0][1].get("label")
        label = label if isinstance(label, str) else None
        attributes = {name: value for _, shape in group for name, value in shape_attributes(shape).items()}
        mask = None
        for number, shape in group:
            where = f"shape {number} of {called}"
            edges = _rectangle(shape, where)
            if edges is not None:
                boxed = found_box(label, edges, target.size)
                yield boxed if isinstance(boxed, LeftOut) else boxed._replace(attributes=attributes)
                continue
            part = _mask(shape, target.size, where)
            if part is None:
                left_out[f"{shape.get('shape_type')!s:.40}"] += 1
            else:
                mask = part if mask is None else mask | part
        if mask is not None:
            yield FoundObject(label, mask, attributes=attributes)
    for kind, count in left_out.items():
        yield LeftOut(f"shape of type {kind}", "polygons, rectangles, circles and masks are read", count)


def _rectangle(shape: Mapping[str, Any], where: str) -> tuple[float, float, float, float] | None:
    """Edges of a rectangle that is not turned; None for other shapes."""
    if shape.get("shape_type") != "rectangle":
        return None
    points = shape.get("points")
    if isinstance(points, list) and len(points) == 4:
        try:
            columns, rows = ({float(point[axis]) for point in points} for axis in (0, 1))
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        return (min(columns), min(rows), max(columns), max(rows)) if len(columns) == len(rows) == 2 else None
    (x0, y0), (x1, y1) = _two(points, where)
    return x0, y0, x1, y1


def _mask(shape: Mapping[str, Any], size: Size, where: str) -> BoolMask | None:
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    match kind:
        case "polygon" | "rotation" | "rectangle":
            return filled(points, size, where)
        case "circle":
            (x, y), (xb, yb) = _two(points, where)
            radius = math.hypot(xb - x, yb - y)
            return filled(ellipse((x, y), radius, radius), size, where)
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
