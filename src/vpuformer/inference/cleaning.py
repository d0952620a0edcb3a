"""Pure functions that tidy a mask, bool of shape (H, W): holes, specks, the outline.

The object is connected through edges and corners of its pixels, the background through edges alone.
"""

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask
from vpuformer.geometry import Crop


def fill_holes(mask: BoolMask, max_area: int) -> BoolMask:
    """Fill the holes of at most `max_area` pixels. Background at the border is not a hole.

    >>> fill_holes(np.array([[1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1]], bool), 1).astype(int).tolist()
    [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]]
    """
    if not max_area:
        return mask
    filled = mask.copy()
    inside = filled[_window(mask, 1)]
    height, width = inside.shape
    labels, (left, top, across, down, area) = _parts(~inside, connectivity=4)
    is_hole = (left > 0) & (top > 0) & (left + across < width) & (top + down < height) & (area <= max_area)
    is_hole[0] = False  # the object itself
    inside |= is_hole[labels]
    return filled


def drop_specks(mask: BoolMask, max_area: int) -> BoolMask:
    """Drop the parts of at most `max_area` pixels. The largest part stays in any case.

    >>> drop_specks(np.array([[1, 0, 1, 0, 1, 1]], bool), 1).astype(int).tolist()
    [[0, 0, 0, 0, 1, 1]]
    """
    if not max_area or not mask.any():
        return mask
    rest = mask.copy()
    inside = rest[_window(mask, 0)]
    labels, (*_, area) = _parts(inside, connectivity=8)
    stays = area > max_area
    stays[1 + area[1:].argmax()] = True
    stays[0] = False  # the background
    inside[:] = stays[labels]
    return rest


def smooth(mask: BoolMask, radius: int) -> BoolMask:
    """Smooth the outline over `radius` pixels.

    A mask that is too thin for that stays as it is. A pixel belongs to the result if most of its neighbourhood does,
    near pixels counting more: teeth and notches that are much smaller than the radius go, straight edges stay where
    they are.

    >>> smooth(np.array([[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool), 1).sum(axis=1)
    array([0, 0, 5, 5])
    """
    if not radius:
        return mask
    smoothed = mask.copy()
    inside = smoothed[_window(mask, radius + 1)]
    inside[:] = cv2.stackBlur(inside.astype(np.float32), (2 * radius + 1, 2 * radius + 1)) > 0.5
    return smoothed if smoothed.any() else mask


def _parts(pixels: BoolMask, *, connectivity: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The number of the part of each pixel, 0 for none, and left, top, width, height and area of each: shape (5, n)."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(pixels.astype(np.uint8), connectivity=connectivity)
    return np.asarray(labels, np.int32), np.asarray(boxes, np.int32).T


def _window(mask: BoolMask, margin: int) -> tuple[slice, slice]:
    """The part of the image that a mask fills, and `margin` pixels around it; all of it for an empty mask."""
    rows, columns = (Crop.around(mask) or Crop.whole(mask.shape)).slices
    return (
        slice(max(0, rows.start - margin), rows.stop + margin),
        slice(max(0, columns.start - margin), columns.stop + margin),
    )
