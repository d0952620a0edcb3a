"""Image pyramids: full size, half, a quarter and so on, to be shown in tiles."""

import threading
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import Size

TILE = 512
"""Side of a tile in pixels."""

Pixels = npt.NDArray[Any]


def level_sizes(width: int, height: int) -> tuple[Size, ...]:
    """Return (width, height) of each level, halved and rounded up until it fits into a tile.

    >>> level_sizes(2001, 300)
    ((2001, 300), (1001, 150), (501, 75))
    """
    sizes = [(width, height)]
    while max(sizes[-1]) > TILE:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return tuple(sizes)


class ImagePyramid:
    """Pyramid levels of an array (H, W) or (H, W, 3), computed on first use.

    Level 0 is `full`: uint8, uint16, int16, float32 or float64. Safe to use from any number of threads.
    """

    def __init__(self, full: Pixels) -> None:
        self._levels = [full]
        self._making = threading.Lock()

    def level(self, k: int) -> Pixels:
        """Return level k.

        Its pixel (x, y) is the mean of the 2^k x 2^k image pixels from (2^k x, 2^k y) on; pixels in the last row and
        column may cover fewer.
        """
        if k >= len(self._levels):
            with self._making:
                while k >= len(self._levels):
                    self._levels.append(halved(self._levels[-1]))
        return self._levels[k]


def halved(pixels: Pixels) -> Pixels:
    """Return the array at half size, rounded up: means of 2 x 2 pixels, fewer at an odd edge.

    >>> halved(np.array([[1, 3, 8], [1, 3, 10], [5, 7, 255]], np.uint8)).tolist()
    [[2, 9], [6, 255]]
    """
    height, width = pixels.shape[:2]
    half = np.empty(((height + 1) // 2, (width + 1) // 2, *pixels.shape[2:]), pixels.dtype)
    # The even part and the odd edges are resized separately. Resized as a whole, an odd side would be stretched, and
    # the levels would not align exactly.
    for rows in _parts(height):
        for columns in _parts(width):
            target = half[_half(rows), _half(columns)]
            size = (target.shape[1], target.shape[0])
            target[...] = cv2.resize(pixels[rows, columns], size, interpolation=cv2.INTER_AREA)
    return half


def _parts(length: int) -> list[slice]:
    even = length // 2 * 2
    return [part for part in (slice(0, even), slice(even, length)) if part.start < part.stop]


def _half(part: slice) -> slice:
    return slice(part.start // 2, (part.stop + 1) // 2)
