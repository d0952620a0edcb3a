"""Masks of one picture from COCO annotations that may have come from anywhere."""

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as rle

from vpuformer.errors import MaskError, listed
from vpuformer.formats.picture import BoolMask
from vpuformer.geometry import Size
from vpuformer.images import MAX_PIXELS

_Lengths = npt.NDArray[np.int64]

_DIGITS = 7
"""Of a run length, 5 bits each: more than any picture has pixels."""

_SPREAD = 2
"""How many widths or heights a polygon may reach beyond its picture; pycocotools walks all of its border."""


def read_coco_masks(
    source: str | Path | bytes, picture: str, size: Size | None = None
) -> list[tuple[str | None, BoolMask]]:
    """`iter_coco_masks` as a list."""
    return list(iter_coco_masks(source, picture, size))


def iter_coco_masks(
    source: str | Path | bytes, picture: str, size: Size | None = None
) -> Iterator[tuple[str | None, BoolMask]]:
    """The objects of a picture: the name of their category, and a mask of bool, shape (H, W), decoded one by one.

    The picture is the one of that `file_name`, else the only one whose name without folders is the same, else the only
    picture of the file. Crowds (`iscrowd`) and annotations without a segmentation are left out, as in training.

    Args:
        source: path of a JSON file, or its content.
        picture: path within the folder of pictures, with forward slashes.
        size: (height, width) of the picture, if it is to be checked.

    Raises:
        MaskError: the file is missing, no COCO, or tells nothing of this picture; a mask is broken or of another size.
    """
    name = "the COCO file" if isinstance(source, bytes) else str(source)
    content = _json(source, name)
    try:
        image = _find(content["images"], picture, name)
        shape = (int(image["height"]), int(image["width"]))
        if min(shape) < 1 or shape[0] * shape[1] > MAX_PIXELS:
            raise MaskError(f"{name} says that {picture} is {shape[1]}x{shape[0]} pixels; 1 to {MAX_PIXELS} are read")
        if size is not None and shape != tuple(size):
            raise MaskError(
                f"{name} says that {picture} is {shape[1]}x{shape[0]} pixels, and it is {size[1]}x{size[0]}; give the"
                " annotations of this very picture"
            )
        categories = {entry["id"]: str(entry["name"]) for entry in content.get("categories", [])}
        for annotation in content["annotations"]:
            if annotation["image_id"] != image["id"] or annotation.get("iscrowd") or not annotation.get("segmentation"):
                continue
            where = f"annotation {annotation.get('id')} in {name}"
            yield categories.get(annotation.get("category_id")), _decoded(annotation["segmentation"], shape, where)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
        if isinstance(problem, MaskError):
            raise
        raise MaskError(f"{name} is no COCO file: {type(problem).__name__} {problem}") from problem


def _json(source: str | Path | bytes, name: str) -> Any:
    try:
        content = json.loads(source if isinstance(source, bytes) else Path(source).read_bytes())
    except OSError as problem:
        raise MaskError(f"{name} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise MaskError(f"{name} is no JSON: {problem}") from problem
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise MaskError(f"{name} is no COCO file: it needs the keys 'images' and 'annotations'")
    return content


def _find(images: list[Mapping[str, Any]], picture: str, name: str) -> Mapping[str, Any]:
    last = PurePosixPath(picture).name
    same = [image for image in images if image["file_name"] == picture]
    alike = [image for image in images if PurePosixPath(str(image["file_name"])).name == last]
    for found in (same, alike, images):
        if len(found) == 1:
            return found[0]
    if not images:
        raise MaskError(f"{name} lists no picture; give the annotations of {picture}")
    names = listed(str(image["file_name"]) for image in images)
    raise MaskError(f"{name} tells of several pictures ({names}), and not of one called {picture}; rename it there")


def _decoded(segmentation: Any, size: Size, where: str) -> BoolMask:
    if isinstance(segmentation, dict):
        if [int(side) for side in segmentation["size"]] != list(size):
            raise MaskError(f"{where}: the size of the mask is {segmentation['size']}, that of its picture {size}")
        counts = segmentation["counts"]
        if isinstance(counts, list) and not all(type(count) is int for count in counts):
            raise MaskError(f"{where}: run lengths are whole numbers")
        lengths = np.array(counts, np.int64) if isinstance(counts, list) else _lengths(counts, where)
        return _painted(lengths, size, where)
    polygons = [np.asarray(part, np.float64) for part in segmentation]
    limit = (1 + _SPREAD) * max(size)
    if not all(part.ndim == 1 and len(part) % 2 == 0 and (np.abs(part) <= limit).all() for part in polygons):
        raise MaskError(f"{where}: a polygon is x, y, x, y, ... near its picture")
    # pycocotools would take four numbers for a box.
    outlines = [part.tolist() for part in polygons if len(part) >= 6]
    if not outlines:
        return np.zeros(size, bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what pycocotools 2.0 hands NumPy 2
        return np.ascontiguousarray(rle.decode(rle.merge(rle.frPyObjects(outlines, *size)))).astype(bool)


def _lengths(counts: str, where: str) -> _Lengths:
    """Run lengths from COCO's text, without pycocotools, which trusts what it is given.

    A character carries 5 bits, the lowest first, and whether more follow; the highest bit of the last one is the sign.
    From the fourth number on it is the difference to the last but one.

    >>> _lengths("1201", "here").tolist()
    [1, 2, 0, 3]
    """
    codes = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero((codes & 0x20) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    digits = ends - starts + 1
    if not len(ends) or ends[-1] != len(codes) - 1 or digits.max() > _DIGITS or codes.min() < 0 or codes.max() > 63:
        raise MaskError(f"{where}: these are no run lengths")
    place = np.arange(len(codes)) - np.repeat(starts, digits)
    numbers = np.add.reduceat((codes & 0x1F) << 5 * place, starts)
    numbers -= np.where(codes[ends] & 0x10, np.int64(1) << 5 * digits, 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def _painted(lengths: _Lengths, size: Size, where: str) -> BoolMask:
    """Runs go down the columns, the first one is background."""
    pixels = size[0] * size[1]
    if lengths.ndim != 1 or not len(lengths) or lengths.min() < 0 or lengths.max() > pixels or lengths.sum() != pixels:
        raise MaskError(f"{where}: its run lengths do not fill a picture of {size[1]}x{size[0]} pixels")
    values = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.ascontiguousarray(values.reshape(size[1], size[0]).T)
