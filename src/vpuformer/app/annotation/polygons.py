"""Masks as outlines with few corners, and back.

Corners are (x, y) with pixel *centres* at integers, as everywhere in the app; `formats` has pixel corners at integers.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from vpuformer.app.annotation import history
from vpuformer.app.annotation.loaded_object import LoadedObject
from vpuformer.app.schemas import Polygon
from vpuformer.app.store import rle
from vpuformer.arrays import BoolMask, Points, Size
from vpuformer.errors import PromptError
from vpuformer.formats.contours import parts_of
from vpuformer.formats.outlines import filled
from vpuformer.metrics import iou

TOLERANCE = 1.5
"""Pixels within which the outline of a mask is simplified at first: without, each pixel of a slope has two corners."""

_DIGITS = 2
"""Decimals of a corner."""

_HALF = 0.5
"""From the centre of a pixel to its corner."""


def outlines_of(mask: BoolMask) -> list[Points]:
    """Return the outlines of a mask, shape (H, W), along pixel edges, with those of holes.

    >>> outlines_of(np.array([[True, True]]))[0].tolist()
    [[-0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [-0.5, 0.5]]
    """
    return [contour.astype(np.float64) - _HALF for part in parts_of(mask) for contour in part.contours]


def simplified(outlines: Sequence[Points], tolerance: float) -> list[Points]:
    """Return outlines with fewer corners, at most `tolerance` pixels from the given ones.

    The algorithm is that of Douglas and Peucker. An outline that collapses to a line is left out.
    """
    if not tolerance:
        return list(outlines)
    kept = [cv2.approxPolyDP(each.astype(np.float32), tolerance, True)[:, 0].astype(np.float64) for each in outlines]
    return [each for each in kept if len(each) > 2]


def enclosed(outlines: Sequence[Any], size: Size) -> BoolMask:
    """Return the pixels whose centres an odd number of outlines encloses, shape `size`.

    >>> enclosed([[(-0.5, -0.5), (1.5, -0.5), (1.5, 0.5), (-0.5, 0.5)]], (1, 3)).astype(int).tolist()
    [[1, 1, 0]]

    Raises:
        MaskError: a corner lies far outside the image.
    """
    if not outlines:
        return np.zeros(size, bool)
    # One path to all outlines and back: the ways between them are walked twice, so they enclose nothing.
    path = [point for each in outlines for point in (*each, each[0], outlines[0][0])]
    return filled(np.asarray(path, np.float64) + _HALF, size, "the polygon")


def polygon_mask(outlines: Sequence[Any], size: Size) -> BoolMask:
    """Return `enclosed`, the mask of a polygon step.

    Raises:
        MaskError: a corner lies far outside the image.
        PromptError: the outlines enclose no pixel.
    """
    mask = enclosed(outlines, size)
    if not mask.any():
        raise PromptError("the polygon encloses no pixel of the image; keep at least three corners around the object")
    return mask


def polygon_of(loaded: LoadedObject, size: Size, tolerance: float | None = None) -> Polygon:
    """Return the mask of an object as outlines.

    Args:
        size: height and width of the image.
        tolerance: of the simplification in pixels. By default it is `TOLERANCE`, or 0 if a person placed the corners.
    """
    index = loaded.answered_index
    answer = None if index is None else loaded.answer(index)
    if index is None or answer is None or not answer.area:
        return Polygon(outlines=[], tolerance=tolerance or 0, iou=1, edited=False)
    mask = rle.decode(answer.mask, size)
    placed = history.outlines(loaded.contents(index))
    outlines = outlines_of(mask) if placed is None else [np.asarray(each, np.float64) for each in placed]
    if tolerance is None:
        tolerance = 0 if placed is not None else TOLERANCE
    outlines = simplified(outlines, tolerance)
    return Polygon(
        outlines=[each.round(_DIGITS).tolist() for each in outlines],
        tolerance=tolerance,
        iou=iou(enclosed(outlines, size), mask.view(np.int8)),
        edited=placed is not None,
    )
