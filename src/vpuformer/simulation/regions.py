"""Error regions of a prediction, and the depth of each pixel in them.

Two regions are wrong: the false negatives (object that the prediction misses) call for a positive prompt, the false
positives (background that it covers) for a negative one. Pixels that the truth ignores belong to neither. The region
with the deepest pixel is the worse one; this one rule gives the sign of every simulated prompt.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, Truth
from vpuformer.metrics import check_prediction, check_truth
from vpuformer.prompts import Extent

Depth = npt.NDArray[np.float32]

_CHAMFER = 0.05
"""The 5x5 chamfer's distances are off by less than this share (OpenCV's weights 1, 1.4 and 2.1969: by some 2 %)."""

_SURELY = (1 - _CHAMFER) / (1 + _CHAMFER)
"""What lies below this share of another of its distances is certainly less."""

MERGED_SHARE = 0.1
"""Components above this share of a region's area count as large (the paper's authors, for their training boxes)."""


@dataclass(frozen=True, slots=True)
class Component:
    """One 8-connected piece of an error region, cropped to its bounds and a ring of one pixel.

    `mask` and `depth` (pixels to the nearest pixel outside, 0 there) have shape (h, w); their pixel (0, 0), which is
    in the ring, is pixel (`left`, `top`) of the image, -1 at the image's edge. `seed` is the (row, column) of the
    pixel for which the component was chosen.
    """

    mask: BoolMask
    depth: Depth
    left: int
    top: int
    seed: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ErrorRegion:
    """All false negatives or all false positives, cropped to their bounds and one pixel more.

    `depth` has shape (h, w), and `free` is the same with zeros where the user has clicked before: both are a few per
    cent off. `deepest` is the (row, column) of the deepest free pixel, of several the first in raster order, and `peak`
    its depth: exactly so if `exact`. Pixel (0, 0), which is in the ring, is pixel (`left`, `top`) of the image.
    """

    positive: bool
    depth: Depth
    free: Depth
    left: int
    top: int
    peak: float
    deepest: tuple[int, int]
    exact: bool

    def exactly(self) -> "ErrorRegion":
        """The same with exact distances.

        These cost several times what the chamfer's do, so they are found only around pixels that may be deepest.
        """
        may_be = self.free >= _SURELY * self.peak
        x, y, width, height = cv2.boundingRect(may_be.view(np.uint8))
        # No nearer edge of these pixels lies outside of this window.
        reach = math.ceil(self.peak / (1 - _CHAMFER)) + 1
        top, left = max(0, y - reach), max(0, x - reach)
        window = slice(top, y + height + reach), slice(left, x + width + reach)
        squares = _exact_squares((self.depth[window] > 0).view(np.uint8))
        square, (row, column) = _highest(np.where(may_be[window], squares, np.float32(0)))
        return replace(self, peak=math.sqrt(square), deepest=(top + row, left + column), exact=True)

    def sample_interior(self, rng: np.random.Generator) -> tuple[int, int]:
        """(row, column) of a free pixel that is more than half as deep as the deepest."""
        deep = np.flatnonzero(self.free > self.peak / 2)
        row, column = divmod(int(deep[rng.integers(deep.size)]), self.free.shape[1])
        return row, column

    def component(self, row: int, column: int) -> Component:
        """The component that contains the pixel."""
        labels, (x, y, width, height) = self._labelled(row, column)
        # The ring of the region makes room for the ring of the component.
        crop = slice(y - 1, y + height + 1), slice(x - 1, x + width + 1)
        mask = labels[crop] == labels[row, column]
        if self.exact:
            depth = np.sqrt(_exact_squares(mask.view(np.uint8)))
        else:
            depth = np.where(mask, self.depth[crop], np.float32(0))
        return Component(mask, depth, self.left + x - 1, self.top + y - 1, (row - y + 1, column - x + 1))

    def component_bounds(self, row: int, column: int) -> Extent:
        """The tight bounds of the component that contains the pixel."""
        return self._bounds(np.array([self._labelled(row, column)[1]]))

    def merged_bounds(self) -> Extent:
        """The tight bounds of the largest component and all above `MERGED_SHARE` of the area."""
        _, _, stats, _ = cv2.connectedComponentsWithStats(self._wrong(), connectivity=8)
        components = np.asarray(stats, dtype=np.intp)[1:]
        area = components[:, cv2.CC_STAT_AREA]
        large = area > MERGED_SHARE * area.sum()
        large[area.argmax()] = True
        return self._bounds(components[large])

    def _wrong(self) -> npt.NDArray[np.uint8]:
        return (self.depth > 0).view(np.uint8)

    def _labelled(self, row: int, column: int) -> tuple[npt.NDArray[np.int32], list[int]]:
        """The number of each pixel's component; x, y, width and height of that of the pixel."""
        # Not floodFill, which is wrong beyond 65,535 pixels along a side.
        _, labels, stats, _ = cv2.connectedComponentsWithStats(self._wrong(), connectivity=8)
        labels = np.asarray(labels, np.int32)
        return labels, np.asarray(stats, np.intp)[labels[row, column], :4].tolist()

    def _bounds(self, rectangles: npt.NDArray[np.intp]) -> Extent:
        """The union of rectangles, shape (n, >= 4) with x, y, width and height, as edges in the image."""
        low = rectangles[:, :2].min(axis=0)
        high = (rectangles[:, :2] + rectangles[:, 2:4]).max(axis=0)
        x0, y0, x1, y1 = (np.concatenate([low, high]) + np.array([self.left, self.top] * 2) - 0.5).tolist()
        return x0, y0, x1, y1


def largest_error(
    truth: Truth, prediction: BoolMask, clicked: BoolMask | None = None, *, exact: bool = True
) -> ErrorRegion | None:
    """The false positives or false negatives, whichever reach deeper; None if all is right.

    The false negatives win only if they reach strictly deeper, and pixels in `clicked` (bool (H, W), from
    `clicked_pixels`) do not count for that; both as in RITM's simulated user. `exact` takes the exact Euclidean
    distance for these decisions (evaluation), otherwise it is the 5x5 chamfer's, a few per cent off (RITM's training).

    Raises:
        MaskError: the arrays do not fit each other.
    """
    check_prediction(prediction, truth)
    check_truth(truth)
    missed = _region((truth == 1) & ~prediction, True, clicked)
    covered = _region((truth == 0) & prediction, False, clicked)
    if missed is not None and covered is not None:
        # If the chamfer decides for certain, the shallower side needs no exact distances.
        if missed.peak < _SURELY * covered.peak:
            missed = None
        elif covered.peak < _SURELY * missed.peak:
            covered = None
    if exact:
        missed, covered = (None if region is None else region.exactly() for region in (missed, covered))
    if missed is None or covered is None:
        return missed or covered
    return missed if missed.peak > covered.peak else covered


def _region(wrong: BoolMask, positive: bool, clicked: BoolMask | None) -> ErrorRegion | None:
    x, y, width, height = cv2.boundingRect(wrong.view(np.uint8))
    if not width:
        return None
    # Distances inside the bounds do not change when all that lies outside them, and one pixel of it, is cut off.
    crop = slice(y, y + height), slice(x, x + width)
    padded = cv2.copyMakeBorder(wrong[crop].view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5), dtype=np.float32)
    free = depth
    if clicked is not None:
        free = depth.copy()
        free[1:-1, 1:-1][clicked[crop]] = 0
        if not free.any():
            return None
    peak, deepest = _highest(free)
    return ErrorRegion(positive, depth, free, x - 1, y - 1, peak, deepest, exact=False)


def _exact_squares(mask: npt.NDArray[Any]) -> Depth:
    depth = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float32)
    # The squares are whole numbers. OpenCV's are off in the last bits, by how much depends on where in memory the
    # image lies: rounded, pixels of the same depth are equal, and the first of them is the same on every run.
    return np.rint(depth * depth)


def _highest(values: Depth) -> tuple[float, tuple[int, int]]:
    """The greatest value, and the (row, column) of the first pixel that has it."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    return float(values[row, column]), (row, column)
