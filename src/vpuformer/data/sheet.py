"""A contact sheet: many small pictures on one, each with its objects outlined."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from vpuformer.data.sample import RGB
from vpuformer.images import overlay
from vpuformer.images.palette import MOST, colours

SIDE = 240
"""Longer side of a small picture, in pixels."""
_GAP = 8
_GROUND = 245


def thumbnail(image: RGB, masks: Sequence[npt.NDArray[np.bool_]]) -> RGB:
    """A picture (H, W, 3) made small, the objects of `masks`, bool (H, W), on it in several colours."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    # Area averages when it is made smaller; a tiny picture is made larger by whole pixels, as it is.
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small = cv2.resize(image, size, interpolation=way).astype(np.uint8, copy=False)
    palette = [ImageColor.getrgb(text)[:3] for text in colours(min(len(masks), MOST))]
    # Large ones first, so that parts show on what they belong to.
    for i, mask in enumerate(sorted(masks, key=np.count_nonzero, reverse=True)):
        covered = cv2.resize(mask.astype(np.uint8) * np.uint8(255), size, interpolation=way) > 127
        small = overlay(small, covered, colour=palette[i % MOST])
    return small


def contact_sheet(pictures: Sequence[RGB]) -> RGB:
    """Small pictures side by side, from left to right and then down, on a light ground: uint8, shape (H, W, 3)."""
    columns = max(int(np.ceil(np.sqrt(len(pictures) * 1.5))), 1)
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    heights = [max(picture.shape[0] for picture in row) for row in rows]
    size = sum(heights) + _GAP * (len(rows) + 1), columns * (SIDE + _GAP) + _GAP, 3
    sheet = np.full(size, _GROUND, np.uint8)
    top = _GAP
    for row, tallest in zip(rows, heights, strict=True):
        for i, picture in enumerate(row):
            height, width = picture.shape[:2]
            y, x = top + (tallest - height) // 2, _GAP + i * (SIDE + _GAP) + (SIDE - width) // 2
            sheet[y : y + height, x : x + width] = picture
        top += tallest + _GAP
    return sheet
