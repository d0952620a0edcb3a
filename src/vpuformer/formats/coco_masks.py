"""COCO's segmentations as compressed run lengths, every number checked before pycocotools.

pycocotools trusts its input: a coordinate that is not a number, or runs that are longer than their image, make it write
outside its memory.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as rle

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError
from vpuformer.formats.outlines import REACH

_Ints = npt.NDArray[np.int64]

_DIGITS = 7
"""Most digits of a run length, 5 bits each: more than any image has pixels."""

_LONGEST = 10_000_000
"""Pixels that the outline of one object may be long. pycocotools keeps 40 bytes for each of them."""

_FARTHEST = 2**31 / 5 - 1
"""Coordinate that pycocotools can multiply by 5 in 32 bits."""

_SHORTEST = 6
"""Numbers of a polygon with three corners. pycocotools takes four numbers for a box."""


def compress(segmentation: Any, size: Size, where: str) -> bytes | None:
    """Compressed run lengths of a segmentation; None if it has no polygon of three corners.

    Read are compressed and uncompressed run lengths, and polygons: x, y, x, y, ... or pairs [x, y], one of them or a
    list. The run lengths of a text are not checked here: `areas_of` checks those of many masks at once.

    Args:
        segmentation: from a JSON file.
        size: (height, width) of the image, which has at most `MAX_PIXELS` pixels.
        where: name of the annotation in messages.

    Raises:
        MaskError: the segmentation is none of these, of another size, or a number is out of range.

    >>> compress([[[1, 1], [3, 1], [3, 3], [1, 3]]], (4, 5), "this") == compress([1, 1, 3, 1, 3, 3, 1, 3], (4, 5), "")
    True
    """
    if isinstance(segmentation, dict):
        return _compressed_runs(segmentation, size, where)
    if not isinstance(segmentation, list):
        raise MaskError(f"{where}: a segmentation is run lengths or a list of polygons, got {segmentation!r:.60}")
    outlines = [_outline(part, size, where) for part in _polygons(segmentation)]
    outlines = [outline for outline in outlines if len(outline) >= _SHORTEST]
    if not outlines:
        return None
    if sum(_length(outline) for outline in outlines) > _LONGEST:
        raise MaskError(f"{where}: the outline is longer than {_LONGEST:,} pixels")
    merged: Any = rle.merge(rle.frPyObjects([outline.tolist() for outline in outlines], *size))
    return merged["counts"]


def areas_of(counts: bytes, offsets: _Ints, pixels: _Ints) -> _Ints:
    """Areas of many masks; -1 for run lengths that are broken or do not fill their image.

    pycocotools leaves the pixels uninitialised that run lengths do not reach, and writes beyond the image with those
    that are too long. In its code a character carries 5 bits (the least first) and whether more follow, the last one
    the sign; from the fourth run on, a number is the difference to the run before the last one.

    Args:
        counts: the compressed run lengths of all masks, joined.
        offsets: where each of the n masks begins in `counts`, and the end, shape (n + 1,).
        pixels: of the image of each mask, shape (n,), at most `MAX_PIXELS`.

    >>> areas_of(b"12011204", np.array([0, 4, 6, 8]), np.array([6, 3, 5])).tolist()
    [5, 2, -1]
    """
    lengths = np.diff(offsets)
    broken = lengths == 0
    if not len(counts):
        return np.full(len(pixels), -1, np.int64)
    codes = np.frombuffer(counts, np.uint8) - np.uint8(48)  # below 48 it wraps, and is above 63
    ends_number = (codes & 0x20) == 0
    last = offsets[1:][~broken] - 1
    broken[~broken] = ~ends_number[last]
    ends_number[last] = True
    ends = np.flatnonzero(ends_number)
    starts = np.concatenate([[0], ends[:-1] + 1])
    first = np.searchsorted(starts, offsets[:-1])
    owners = np.repeat(np.arange(len(pixels)), np.diff(first, append=len(starts)))
    digits = ends - starts + 1
    unreadable = np.maximum.reduceat(codes, starts) > 63
    broken[owners[unreadable | (digits > _DIGITS)]] = True
    digit = np.arange(len(codes)) - np.repeat(starts, digits)
    numbers = np.add.reduceat((codes & 0x1F).astype(np.int64) << np.minimum(5 * digit, 60), starts)
    numbers -= np.where(codes[ends] & 0x10, np.int64(1) << np.minimum(5 * digits, 60), 0)
    limit = pixels[owners]
    broken[owners[np.abs(numbers) > limit]] = True
    numbers[broken[owners]] = 0  # so that no sum leaves 64 bits
    position = np.arange(len(starts)) - first[owners]
    foreground = position % 2 == 1
    sums = np.where(foreground, _sums(numbers * foreground, first, owners), _sums(numbers * ~foreground, first, owners))
    # The first run is in no difference.
    begin = np.append(numbers, 0)[first]
    runs = np.where(~foreground & (position > 0), sums - begin[owners], sums)
    broken[owners[(runs < 0) | (runs > limit)]] = True
    totals, areas = (_totals(values, first) for values in (runs, runs * foreground))
    return np.where(broken | (totals != pixels), -1, areas)


def _sums(values: _Ints, first: _Ints, owners: _Ints) -> _Ints:
    """Running sums within each mask; `first` is where the values of each begin."""
    before = np.concatenate([[0], np.cumsum(values)])
    return before[1:] - before[first][owners]


def _totals(values: _Ints, first: _Ints) -> _Ints:
    """Sum of the values of each mask."""
    before = np.concatenate([[0], np.cumsum(values)])
    return before[np.append(first[1:], len(values))] - before[first]


def encode(mask: BoolMask) -> bytes:
    """Compressed run lengths of a mask, shape (H, W)."""
    columns: Any = cv2.transpose(mask.view(np.uint8))  # pycocotools reads columns; NumPy would turn them slowly
    encoded: Any = rle.encode(columns.T)
    return encoded["counts"]


def decode(counts: Sequence[bytes], size: Size) -> npt.NDArray[np.uint8]:
    """Masks of 0 and 1, shape (n, H, W), of run lengths that `areas_of` has checked."""
    if not counts:
        return np.zeros((0, *size), np.uint8)
    encoded: Any = [{"size": list(size), "counts": each} for each in counts]
    with warnings.catch_warnings():
        # pycocotools 2.0 hands NumPy 2 an array in a way that is deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        decoded = rle.decode(encoded)
    return np.stack([cv2.transpose(columns) for columns in decoded.T])  # NumPy would turn them slowly


def decode_union(counts: Sequence[bytes], size: Size) -> npt.NDArray[np.uint8]:
    """The union of masks, shape (H, W). Run lengths are joined before one mask is decoded."""
    encoded: Any = [{"size": list(size), "counts": each} for each in counts]
    merged: Any = rle.merge(encoded)
    return decode([merged["counts"]], size)[0]


def decode_mask(counts: bytes, size: Size) -> BoolMask:
    """One mask, shape (H, W)."""
    return decode([counts], size)[0].astype(bool)


def whole_number(value: Any, most: int) -> int | None:
    """An integer from 0 to `most`, also if written as a float; None for anything else.

    >>> whole_number(64.0, 100), whole_number(True, 100), whole_number(float("nan"), 100), whole_number(10**400, 100)
    (64, None, None, None)
    """
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= most else None


def _compressed_runs(segmentation: dict[str, Any], size: Size, where: str) -> bytes:
    height, width = size
    pixels = height * width
    sides = segmentation.get("size")
    if not isinstance(sides, list) or [whole_number(side, pixels) for side in sides] != [height, width]:
        raise MaskError(f"{where}: the size of the mask is {sides!r:.60}, that of its image {[height, width]}")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        if not counts or not counts.isascii():
            raise MaskError(f"{where}: these are not run lengths: {counts!r:.60}")
        return counts.encode("ascii")
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= pixels for count in counts):
        raise MaskError(f"{where}: run lengths are a text, or whole numbers from 0 to the {pixels:,} pixels")
    if sum(counts) != pixels:
        raise MaskError(f"{where}: run lengths add up to {sum(counts)}, not to {width}x{height} pixels")
    uncompressed: Any = {"size": [height, width], "counts": counts}
    return rle.frPyObjects(uncompressed, height, width)["counts"]  # type: ignore[index]


def _polygons(segmentation: list[Any]) -> list[Any]:
    """A list of polygons, where the segmentation may be one polygon alone.

    >>> _polygons([[1, 2, 3, 4, 5, 6]]), _polygons([1, 2, 3, 4, 5, 6]), _polygons([[1, 2], [3, 4], [5, 6]])
    ([[1, 2, 3, 4, 5, 6]], [[1, 2, 3, 4, 5, 6]], [[[1, 2], [3, 4], [5, 6]]])
    """
    alone = not any(isinstance(part, list) for part in segmentation)
    points = all(isinstance(part, list) and len(part) == 2 and not isinstance(part[0], list) for part in segmentation)
    return [segmentation] if segmentation and (alone or points) else segmentation


def _outline(part: Any, size: Size, where: str) -> npt.NDArray[np.float64]:
    """The numbers x, y, x, y, ... of a polygon."""
    if isinstance(part, list) and part and all(isinstance(point, list) and len(point) == 2 for point in part):
        part = [number for point in part for number in point]
    if not isinstance(part, list) or not set(map(type, part)) <= {int, float} or len(part) % 2:
        raise MaskError(f"{where}: a polygon is numbers x, y, x, y, ... or pairs [x, y], got {part!r:.60}")
    farthest = min(REACH * max(size), _FARTHEST)
    # Compared as Python's numbers: integers of any size have no float.
    if not all(-farthest <= number <= farthest for number in part):
        raise MaskError(
            f"{where}: a polygon has finite numbers near its image of {size[1]}x{size[0]} pixels, got {part!r:.60}"
        )
    return np.array(part, np.float64)


def _length(outline: npt.NDArray[np.float64]) -> float:
    """Pixels that a walk along the closed outline meets."""
    corners = outline.reshape(-1, 2)
    return float(np.abs(np.roll(corners, -1, axis=0) - corners).max(axis=1).sum()) + len(corners)
