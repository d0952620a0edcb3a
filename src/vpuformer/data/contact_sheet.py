"""A contact sheet: many small images on one, each with its objects outlined."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB
from vpuformer.images import overlay
from vpuformer.images.palette import MOST, colours, rgb

SIDE = 240
"""Longer side of a small image, in pixels."""
_GAP = 8
_GROUND = 245


class Thumbnail:
    """An image (H, W, 3) made small, and objects that are added to it one by one.

    >>> small = Thumbnail(np.zeros((480, 960, 3), np.uint8))
    >>> small.add(np.ones((480, 960), bool))
    >>> small.drawn().shape
    (120, 240, 3)
    """

    def __init__(self, image: RGB) -> None:
        height, width = image.shape[:2]
        scale = SIDE / max(height, width)
        self._size = max(round(width * scale), 1), max(round(height * scale), 1)
        # Area averages when it is made smaller; a tiny image is made larger by whole pixels, as it is.
        self._way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        self._image = cv2.resize(image, self._size, interpolation=self._way).astype(np.uint8, copy=False)
        self._covered: list[npt.NDArray[np.bool_]] = []

    def add(self, mask: npt.NDArray[np.bool_]) -> None:
        """Add an object, a mask (H, W)."""
        self._covered.append(
            cv2.resize(mask.astype(np.uint8) * np.uint8(255), self._size, interpolation=self._way) > 127
        )

    def drawn(self) -> RGB:
        """The small image with the objects on it in several colours."""
        small = self._image
        palette = [rgb(colour) for colour in colours(min(len(self._covered), MOST))]
        # Large ones first, so that parts show on what they belong to.
        for i, covered in enumerate(sorted(self._covered, key=np.count_nonzero, reverse=True)):
            small = overlay(small, covered, colour=palette[i % MOST])
        return small


def contact_sheet(images: Sequence[RGB]) -> RGB:
    """Small images in rows on a light ground, uint8, shape (H, W, 3)."""
    columns = max(int(np.ceil(np.sqrt(len(images) * 1.5))), 1)
    rows = [images[i : i + columns] for i in range(0, len(images), columns)]
    heights = [max(image.shape[0] for image in row) for row in rows]
    size = sum(heights) + _GAP * (len(rows) + 1), columns * (SIDE + _GAP) + _GAP, 3
    sheet = np.full(size, _GROUND, np.uint8)
    top = _GAP
    for row, tallest in zip(rows, heights, strict=True):
        for i, image in enumerate(row):
            height, width = image.shape[:2]
            y, x = top + (tallest - height) // 2, _GAP + i * (SIDE + _GAP) + (SIDE - width) // 2
            sheet[y : y + height, x : x + width] = image
        top += tallest + _GAP
    return sheet
