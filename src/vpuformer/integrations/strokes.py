"""Strokes of a brush as scribbles."""

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, Points
from vpuformer.errors import PromptError
from vpuformer.prompts import Scribble

MOST_POINTS = 32
"""Most points of a scribble."""


def scribble_from_brush(mask: BoolMask, *, positive: bool = True) -> Scribble:
    """A scribble along the middle of what a brush has painted.

    Its points lie as deep in the mask as possible, at least a width of the brush apart. They are joined where the line
    between them stays in the mask.

    >>> stroke = np.zeros((9, 40), bool)
    >>> stroke[2:7, 3:33] = True
    >>> scribble_from_brush(stroke).bounds
    (5.0, 4.0, 26.0, 4.0)

    Args:
        mask: the painted pixels, shape (H, W).

    Raises:
        PromptError: nothing is painted.
    """
    if not mask.any():
        raise PromptError("a stroke of the brush has no pixel; paint on the object, or on the background")
    points = _along(_deep_points(mask))
    gaps = [i for i in range(1, len(points)) if not _inside(points[i - 1], points[i], mask)]
    return Scribble(tuple(map(tuple, points.tolist())), positive, tuple(gaps))


def _deep_points(mask: BoolMask) -> Points:
    """Points (x, y) that are deep in the mask and far from each other, the deepest first."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    deepest, points = float(depth.max()), []
    while len(points) < MOST_POINTS and (here := float(depth.max())) >= deepest / 2:
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        points.append((float(x), float(y)))
        cv2.circle(depth, (int(x), int(y)), max(1, round(2 * here)), (0,), cv2.FILLED)
    return np.array(points)


def _along(points: Points) -> Points:
    """The points in the order of a walk: from an end, always to the nearest one that is left."""
    left = list(range(len(points)))
    here = int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmax())
    walked = []
    while True:
        left.remove(here)
        walked.append(here)
        if not left:
            return points[walked]
        here = min(left, key=lambda other: float(np.linalg.norm(points[other] - points[here])))


def _inside(start: Points, end: Points, mask: BoolMask) -> bool:
    """Whether the line between two points (x, y) stays in the mask."""
    steps = int(np.abs(end - start).max()) + 1
    x, y = np.linspace(start, end, steps).round().astype(int).T
    return bool(mask[y, x].all())
