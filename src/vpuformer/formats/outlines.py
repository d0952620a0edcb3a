"""Outlines filled by the even-odd rule at pixel centres, the inverse of `contours`."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError

Corners = list[tuple[float, float]]
"""Corners (x, y) of an outline, in pixel corners at integers."""

REACH = 3
"""Distance of a corner from the origin, at most, in longer sides of the image."""

_MOST_CROSSINGS = 50_000_000
"""Rows that the edges of one outline cross, all together."""

_BLOCK = 2_000_000

_ROUND = 64
"""Corners of an ellipse."""


def ellipse(centre: tuple[float, float], rx: float, ry: float) -> Corners:
    """An ellipse as an outline."""
    angles = (2 * math.pi * number / _ROUND for number in range(_ROUND))
    return [(centre[0] + rx * math.cos(angle), centre[1] + ry * math.sin(angle)) for angle in angles]


def turned(outline: Corners, degrees: float, centre: tuple[float, float]) -> Corners:
    """An outline turned clockwise around a point.

    >>> [(round(x), round(y)) for x, y in turned([(2, 0)], 90, (0, 0))]
    [(0, 2)]
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    (x0, y0) = centre
    return [(x0 + cos * (x - x0) - sin * (y - y0), y0 + sin * (x - x0) + cos * (y - y0)) for x, y in outline]


def filled(outline: Any, size: Size, where: str) -> BoolMask:
    """The pixels whose centres an outline encloses by the even-odd rule, bool of shape `size`.

    >>> filled([(0, 0), (2, 0), (2, 1), (0, 1)], (2, 3), "here").astype(int).tolist()
    [[1, 1, 0], [0, 0, 0]]

    Args:
        outline: corners (x, y) with pixel corners at integers, shape (n, 2); the last one is joined to the first.
        where: what messages call the outline.

    Raises:
        MaskError: these are not at least three corners near the image.
    """
    try:
        corners = np.asarray(outline, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise MaskError(f"{where}: an outline is a list of corners x, y") from error
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise MaskError(f"{where}: an outline has at least three corners x, y")
    if not (np.abs(corners) <= REACH * max(size)).all():  # written so that NaN fails
        raise MaskError(f"{where}: an outline has a corner that is not a number, or far outside its image")
    height, width = size
    following = np.roll(corners, -1, axis=0)
    # Always from the upper end, so that a way to and fro crosses a row at the very same place twice.
    swap = (corners[:, 1] > following[:, 1])[:, None]
    upper, lower = np.where(swap, following, corners), np.where(swap, corners, following)
    # Rows whose centre lies above the lower end, and not above the upper one.
    first = np.clip(np.floor(upper[:, 1] + 0.5), 0, height).astype(np.int64)
    last = np.clip(np.floor(lower[:, 1] + 0.5), 0, height).astype(np.int64)
    counts = last - first
    if counts.sum() > _MOST_CROSSINGS:
        raise MaskError(f"{where}: an outline crosses too many rows to be filled; simplify it")
    mask = np.zeros(size, np.bool_)
    if not counts.any():
        return mask
    # Rows and columns that the outline reaches; the last column is right of all its pixels.
    top, bottom = int(first[counts > 0].min()), int(last[counts > 0].max())
    left, right = np.clip(np.ceil(corners[:, 0] - 0.5), 0, width).astype(np.int64)[
        [corners[:, 0].argmin(), corners[:, 0].argmax()]
    ]
    turns = np.zeros((bottom - top, right - left + 1), np.uint8)
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        end = max(begin + 1, int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + _BLOCK)))
        _turn(turns, (top, left), upper[begin:end], lower[begin:end], first[begin:end], counts[begin:end])
        begin = end
    mask[top:bottom, left:right] = np.bitwise_xor.accumulate(turns, axis=1)[:, :-1]
    return mask


def _turn(
    turns: npt.NDArray[np.uint8],
    corner: tuple[int, int],
    upper: npt.NDArray[np.float64],
    lower: npt.NDArray[np.float64],
    first: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Turn the first pixel of every row whose centre is not left of an edge; `corner` is (row, column) of the first."""
    edges = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edges]
    (xa, ya), (xb, yb) = upper[edges].T, lower[edges].T
    crossings = xa + (rows + 0.5 - ya) * (xb - xa) / (yb - ya)
    columns = np.clip(np.ceil(crossings - 0.5) - corner[1], 0, turns.shape[1] - 1).astype(np.int64)
    np.bitwise_xor.at(turns, (rows - corner[0], columns), np.uint8(1))
