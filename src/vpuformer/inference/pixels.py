"""Prompts and probabilities as pixels."""

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Points, Size, row_strips
from vpuformer.inference.resample import stretch
from vpuformer.prompts import Box, Click, Prompt

Pixels = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Rows and columns."""

_SURE = np.float32(8)
"""Logits beyond are clipped: a probability of 0 or 1 has none."""


def pixels_under(prompt: Prompt, size: Size) -> Pixels:
    """The pixels under a click or along a scribble, each once; none for a box.

    >>> from vpuformer.prompts import Scribble
    >>> rows, columns = pixels_under(Scribble([(0, 0), (3, 1)]), (5, 5))
    >>> sorted(zip(rows.tolist(), columns.tolist()))
    [(0, 0), (0, 1), (1, 2), (1, 3)]
    """
    if isinstance(prompt, Box):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    x0, y0, x1, y1 = prompt.bounds
    (left, top), (right, bottom) = _nearest(np.array([[x0, y0], [x1, y1]]), size).tolist()
    marked = np.zeros((bottom - top + 1, right - left + 1), np.bool_)  # a long stroke has far more points than pixels
    for piece in (prompt.points,) if isinstance(prompt, Click) else prompt.pieces:
        for start, end in pairwise(np.concatenate([piece[:1], piece])):
            share = np.linspace(0, 1, 1 + int(np.ceil(2 * np.abs(end - start).max())))
            columns, rows = _nearest(start + (end - start) * share[:, None], size).T
            marked[rows - top, columns - left] = True
    rows, columns = np.nonzero(marked)
    return rows + top, columns + left


def _nearest(points: Points, size: Size) -> npt.NDArray[np.intp]:
    """Columns and rows of the pixels at these points, shape (n, 2)."""
    # Halves go down: the pixel -0.5..0.5 is number 0, and the right edge of the image belongs to its last pixel.
    return np.clip(np.ceil(points - 0.5).astype(np.intp), 0, (size[1] - 1, size[0] - 1))


def pixels_of(mask: BoolMask) -> Pixels:
    """The pixels of a mask, as `np.nonzero`, which takes ten times as long."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def distance_from(pixels: Pixels, size: Size) -> FloatMap:
    """Distance of each pixel from the nearest of these, at least one; shape `size`."""
    elsewhere = np.ones(size, np.uint8)
    elsewhere[pixels] = 0
    return distance_to_zero(elsewhere)


def distance_to_zero(pixels: npt.NDArray[np.uint8]) -> FloatMap:
    """Distance of each pixel from the nearest one that is 0."""
    return np.asarray(cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def logits_of(probability: FloatMap) -> FloatMap:
    """Logits, within -8..8: those of 0 and 1 are infinite."""
    with np.errstate(divide="ignore"):
        logits = np.log(probability) - np.log1p(-probability)
    return np.clip(logits, -_SURE, _SURE)


def changed_logits(logits: FloatMap, before: FloatMap, after: FloatMap, changed: BoolMask) -> FloatMap:
    """Logits of a crop, moved by the mean change of the pixels in each cell.

    >>> before, after = np.array([[0.5, 0.5]], np.float32), np.array([[0.5, 0.8]], np.float32)
    >>> changed = changed_logits(np.zeros((1, 1), np.float32), before, after, before != after)
    >>> round(changed.item(), 2)
    0.69

    Args:
        logits: shape (h, w), at the resolution of the network.
        before: the probability of each pixel of the crop, shape (H, W).
        after: the new one, where `changed`.
        changed: the pixels that get another probability.
    """
    change = np.zeros(changed.shape, np.float32)
    for rows in row_strips(changed.shape):
        pixels = pixels_of(changed[rows])
        if len(pixels[0]):
            change[rows][pixels] = logits_of(after[rows][pixels]) - logits_of(before[rows][pixels])
    return np.clip(logits, -_SURE, _SURE) + stretch(change, logits.shape)
