"""Prompts and probabilities as pixels."""

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap, Size
from vpuformer.prompts import Prompt

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
    if prompt.kind == "box":
        points = np.empty((0, 2))
    elif prompt.kind == "click":
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


def distance_from(size: Size, pixels: Pixels) -> FloatMap:
    """Distance of each pixel from the nearest of these, shape `size`; without any, infinite."""
    if not len(pixels[0]):
        return np.full(size, np.inf, np.float32)
    elsewhere = np.ones(size, np.uint8)
    elsewhere[pixels] = 0
    return cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_5)


def logits_of(probability: FloatMap) -> FloatMap:
    """Logits, within -8..8: those of 0 and 1 are infinite."""
    with np.errstate(divide="ignore"):
        logits = np.log(probability) - np.log1p(-probability)
    return np.clip(logits, -_SURE, _SURE)
