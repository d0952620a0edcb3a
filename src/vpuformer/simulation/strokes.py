"""Polylines on a mask: the part inside, and the fewest corners with which it stays inside.

A polyline is an array (n, 2) of (x, y) in the pixels of the mask, which has a ring of zeros around it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, Points

SPACING = 0.5
"""The spacing, in pixels, of the points at which a stroke is known to lie inside its mask."""

REFINEMENT = 3
"""Straight lines are looked at this many times more closely, so that hardly any corner is cut in between. Odd,
because the middle of a diagonal step between two pixels is the corner of two others."""

TIE = 1e-9
"""A point this close to the edge between two pixels counts as being on both."""


def length(path: Points) -> float:
    """In pixels, along the polyline."""
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def part(points: Points, start: float, end: float) -> Points:
    """The piece between the points nearest to `start` and `end`, in pixels along the polyline.

    >>> part(np.array([[0.0, 0.0], [0.0, 3.0], [4.0, 3.0]]), 2.5, 7).tolist()
    [[0.0, 3.0], [4.0, 3.0]]
    """
    along = _along(points)
    first, last = (int(np.abs(along - distance).argmin()) for distance in (start, end))
    return points[first : last + 1]


def densified(path: Points) -> Points:
    """The same polyline with points at most `SPACING` apart; its own points are kept.

    >>> densified(np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 1.0]])).tolist()[:4]
    [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.5, 1.0]]
    """
    return np.concatenate([_samples(path, 1)[0], path[-1:]])


def inside(points: Points, mask: BoolMask) -> BoolMask:
    """Whether each point, shape (n, 2), rounds to a pixel of the mask; bool (n,)."""
    limits = np.array(mask.shape[::-1]) - 1
    low = np.clip(np.ceil(points - 0.5 - TIE).astype(np.intp), 0, limits)
    high = np.clip(np.floor(points + 0.5 + TIE).astype(np.intp), 0, limits)
    result = mask[low[:, 1], low[:, 0]]
    tied = np.flatnonzero((low != high).any(axis=1))
    if tied.size:
        (x0, y0), (x1, y1) = low[tied].T, high[tied].T
        result[tied] = mask[y0, x0] & mask[y1, x0] & mask[y0, x1] & mask[y1, x1]
    return result


def longest_inside(points: Points, mask: BoolMask) -> Points:
    """The longest run of points inside the mask, shape (m, 2); m may be 0.

    A stroke that has been smoothed may leave its mask and come back; what remains of it must be one piece.
    """
    edges = np.diff(inside(points, mask).astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not starts.size:
        return points[:0]
    along = _along(points)
    longest = int((along[ends - 1] - along[starts]).argmax())
    return points[starts[longest] : ends[longest]]


def simplified(points: Points, mask: BoolMask, tolerance: float, max_corners: int) -> Points:
    """Some of the points, so that lines through them stay inside the mask and near the others.

    The corners are those of Douglas and Peucker for the `tolerance`, in pixels, which doubles until `max_corners` are
    enough, and further ones where a line between them would leave the mask. A stroke through a narrow and winding mask
    that needs more corners than that keeps its middle.

    Args:
        points: shape (n, 2), n >= 2, closely spaced and inside the mask (`longest_inside` of `densified`).
        mask: bool (h, w).
        tolerance: in pixels.
        max_corners: the greatest number of points of the answer, at least 2.
    """
    corners = _corners(points, tolerance)
    while len(corners) > max_corners:
        tolerance *= 2
        corners = _corners(points, tolerance)
    while True:
        samples, firsts = _samples(points[corners], REFINEMENT)
        leaves = ~np.logical_and.reduceat(inside(samples, mask), firsts)
        split = np.flatnonzero(leaves & (np.diff(corners) > 1))
        if not split.size:
            break
        corners = np.insert(corners, split + 1, (corners[split] + corners[split + 1]) // 2)
    start = max(0, (len(corners) - max_corners) // 2)
    return points[corners[start : start + max_corners]]


def _along(points: Points) -> npt.NDArray[np.float64]:
    """The distance of each point from the first one, in pixels along the polyline."""
    return np.append(0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))


def _corners(points: Points, tolerance: float) -> npt.NDArray[np.intp]:
    """The indices of the points that are left when no other is further than `tolerance` from the line."""
    single = points.astype(np.float32)
    corners = cv2.approxPolyDP(single, tolerance, False)
    # OpenCV returns the corners themselves; as complex numbers they can be looked up.
    indices = np.flatnonzero(np.isin(single.view(np.complex64)[:, 0], corners.reshape(-1, 2).view(np.complex64)[:, 0]))
    return np.union1d(indices, [0, len(points) - 1])


def _samples(path: Points, refinement: int) -> tuple[Points, npt.NDArray[np.intp]]:
    """Points from the start of each segment to just before its end, and the index of each segment's first one.

    They are at most `SPACING` apart, or that divided by `refinement`.
    """
    steps = np.diff(path, axis=0)
    counts = np.maximum(refinement * np.ceil(np.hypot(*steps.T) / SPACING).astype(np.intp), 1)
    firsts = np.cumsum(counts) - counts
    segment = np.repeat(np.arange(len(counts)), counts)
    fraction = (np.arange(counts.sum()) - firsts[segment]) / counts[segment]
    return path[segment] + fraction[:, None] * steps[segment], firsts
