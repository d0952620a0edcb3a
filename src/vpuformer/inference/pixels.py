"""Prompts and probabilities as pixels."""

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap, Size
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
    height, width = size
    if isinstance(prompt, Box):
        points = np.empty((0, 2))
    elif isinstance(prompt, Click):
        points = prompt.points
    else:
        points = np.concatenate(
            [
                start + (end - start) * np.linspace(0, 1, 1 + int(np.ceil(2 * np.abs(end - start).max())))[:, None]
                for piece in prompt.pieces
                for start, end in pairwise(np.concatenate([piece[:1], piece]))
            ]
        )
    # Halves go down: the pixel -0.5..0.5 is number 0, and the right edge of the image belongs to its last pixel.
    nearest = np.clip(np.ceil(points - 0.5).astype(np.intp), 0, (width - 1, height - 1))
    flat = np.unique(nearest[:, 1] * width + nearest[:, 0])
    return flat // width, flat % width


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
