"""Doubles: objects with the label and nearly the mask of another one.

A second import from another file makes them, or a second paste.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vpuformer.app.store import rle
from vpuformer.arrays import Size

DOUBLE_IOU = 0.95
"""Least intersection over union of the masks of doubles."""


class LabelledMask(NamedTuple):
    """A mask, encoded by `store.rle`, and the name of its label; None without a label."""

    label: str | None
    mask: bytes


def doubles(new: Sequence[LabelledMask], present: Sequence[LabelledMask], size: Size) -> list[int | None]:
    """Index of the present object that each new one doubles, or None.

    New objects are not compared with each other. Masks without a pixel have no doubles.

    >>> square, row = bytes([0, 2, 2, 2, 2]), bytes([0, 4, 4])
    >>> doubles([LabelledMask("cup", square), LabelledMask("cat", row)], [LabelledMask("cup", square)], (2, 4))
    [0, None]

    Args:
        size: height and width of the image.
    """
    if not new or not present:
        return [None] * len(new)
    areas = np.array([rle.area(each.mask, size) for each in present])
    boxes = np.array([rle.bounds(each.mask, size) for each in present])
    numbers = {label: number for number, label in enumerate({each.label for each in present})}
    labels = np.array([numbers[each.label] for each in present])
    found: list[int | None] = []
    for each in new:
        area = rle.area(each.mask, size)
        left, top, right, bottom = rle.bounds(each.mask, size)
        width = np.minimum(boxes[:, 2], right) - np.maximum(boxes[:, 0], left)
        height = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
        # The intersection lies in both boxes, and has at least this share of the larger mask. Few pairs are left.
        possible = width.clip(0) * height.clip(0) >= DOUBLE_IOU * np.maximum(areas, area)
        possible &= (labels == numbers.get(each.label, -1)) & (area > 0)
        ious = {index: rle.iou(each.mask, present[index].mask, size) for index in np.flatnonzero(possible).tolist()}
        best = max(ious, key=lambda index: ious[index], default=None)
        found.append(best if best is not None and ious[best] >= DOUBLE_IOU else None)
    return found
