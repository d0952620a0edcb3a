"""Brush strokes on a mask, exact to the pixel.

A segment of a stroke covers one span of each row that it reaches. The cost of a stroke is therefore the number of
segments times the radius, instead of times the squared radius, and each pixel is painted once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, Points

Indices = npt.NDArray[np.int64]
T = TypeVar("T", np.bool_, np.float32)

_THIN = 1 / 8
"""Points closer to the point before than this fraction of the radius are dropped: pointers send hundreds a second."""

_MOST_SPANS = 4_000_000
"""Number of spans after which overlapping spans are joined: some 64 MB."""

_MOST_AT_ONCE = 500_000
"""Number of pairs of segment and row computed at once: some 50 MB."""

_ON_THE_EDGE = 1e-9
"""Tolerance in pixels for centres on the radius, against rounding errors."""


def brushed(mask: BoolMask, path: Sequence[Sequence[float]], radius: float, *, positive: bool) -> BoolMask:
    """Return the mask after painting (or erasing) all pixels within `radius` of `path`.

    >>> brushed(np.zeros((3, 5), bool), [(1, 1), (3, 1)], 0.5, positive=True).astype(int).tolist()
    [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    return painted(mask, [{"path": path, "radius": radius, "positive": positive}])


def painted(pixels: npt.NDArray[T], strokes: Sequence[Mapping[str, Any]]) -> npt.NDArray[T]:
    """Return a mask or probability map, shape (H, W), with these strokes set to 1 or 0.

    Later strokes lie on top.

    Args:
        pixels: stays as it is; it is also the result if there are no strokes.
        strokes: steps of the type "brush".
    """
    if not strokes:
        return pixels
    drawn = np.array(pixels, order="C")
    for stroke in strokes:
        _paint(drawn, stroke["path"], stroke["radius"], stroke["positive"])
    return drawn


def _paint(drawn: npt.NDArray[Any], path: Sequence[Sequence[float]], radius: float, value: bool) -> None:
    points = _thinned(np.asarray(path, np.float64).reshape(-1, 2), radius * _THIN)
    starts, ends = (points[:-1], points[1:]) if len(points) > 1 else (points, points)
    height, width = drawn.shape
    spans = _Spans()
    for segment, row in _reached(starts, ends, radius, height):
        left, right = _interval(row, starts[segment], ends[segment], radius)
        begin = np.clip(np.ceil(left - _ON_THE_EDGE), 0, width).astype(np.int64)
        stop = np.clip(np.floor(right + _ON_THE_EDGE) + 1, 0, width).astype(np.int64)
        inside = begin < stop
        spans.add((row * width + begin)[inside], (row * width + stop)[inside])
    pixels = drawn.reshape(-1)
    for first, after in spans.disjoint():
        pixels[first:after] = value


def _thinned(points: Points, least: float) -> Points:
    """The line without points closer than `least` to the point before; the last point stays."""
    spaced = [points[0]]
    for point in points[1:]:
        if np.abs(point - spaced[-1]).max() >= least:
            spaced.append(point)
    return np.array([*spaced, points[-1]])


class _Spans:
    """Pixels of a mask in reading order, as spans that may overlap."""

    def __init__(self) -> None:
        self._begins: list[Indices] = []
        self._stops: list[Indices] = []
        self._count = 0

    def add(self, begins: Indices, stops: Indices) -> None:
        """Add non-empty spans from `begins` to before `stops`."""
        self._begins.append(begins)
        self._stops.append(stops)
        self._count += len(begins)
        if self._count > _MOST_SPANS:
            self._merge()

    def disjoint(self) -> Iterator[tuple[int, int]]:
        """Return the same pixels as ordered spans that do not touch."""
        self._merge()
        return zip(self._begins[0].tolist(), self._stops[0].tolist(), strict=True)

    def _merge(self) -> None:
        begins, stops = (np.sort(np.concatenate(parts)) for parts in (self._begins, self._stops))
        # A span is separate if the next one begins after it: by then as many spans have ended as have begun.
        alone = begins[1:] > stops[:-1]
        self._begins = [np.concatenate([begins[:1], begins[1:][alone]])]
        self._stops = [np.concatenate([stops[:-1][alone], stops[-1:]])]
        self._count = len(self._begins[0])


def _reached(starts: Points, ends: Points, radius: float, height: int) -> Iterator[tuple[Indices, Indices]]:
    """Pairs of a segment and a row within `radius` of it: segment indices and rows, shape (n,), in batches."""
    above, below = np.minimum(starts[:, 1], ends[:, 1]), np.maximum(starts[:, 1], ends[:, 1])
    first = np.clip(np.ceil(above - radius - _ON_THE_EDGE), 0, height).astype(np.int64)
    last = np.clip(np.floor(below + radius + _ON_THE_EDGE) + 1, first, height).astype(np.int64)
    part = np.cumsum(last - first) // _MOST_AT_ONCE
    for number in np.unique(part):
        segments = np.flatnonzero(part == number)
        counts = (last - first)[segments]
        segment = np.repeat(segments, counts)
        before = np.repeat(np.cumsum(counts) - counts, counts)  # number of rows of the segments before
        yield segment, np.arange(len(segment)) - before + first[segment]


def _interval(row: Indices, start: Points, end: Points, radius: float) -> tuple[Points, Points]:
    """Smallest and largest x within `radius` of a segment in a row, shape (n,). Segment ends have shape (n, 2).

    The area is convex: a disk around each end, and the two lines that touch both disks.
    """
    left, right = np.full(len(row), np.inf), np.full(len(row), -np.inf)
    for x, y in (start.T, end.T):
        rest = radius**2 - (row - y) ** 2
        reached = rest >= -2 * radius * _ON_THE_EDGE
        half = np.sqrt(np.maximum(rest, 0))
        left = np.where(reached, np.minimum(left, x - half), left)
        right = np.where(reached, np.maximum(right, x + half), right)
    sloped = np.flatnonzero(np.abs(end[:, 1] - start[:, 1]) > _ON_THE_EDGE)  # for level segments the disks suffice
    (x, y), (across, down) = start[sloped].T, (end - start)[sloped].T
    for side, limit, nearer in ((-1, left, np.minimum), (1, right, np.maximum)):
        # Offset from the start to the point where the line on this side touches its disk.
        scale = side * radius / np.hypot(across, down)
        to_x, to_y = scale * np.abs(down), -scale * across * np.sign(down)
        share = (row[sloped] - y - to_y) / down
        between = (share >= 0) & (share <= 1)
        touched = sloped[between]
        limit[touched] = nearer(limit[touched], (x + to_x + share * across)[between])
    return left, right
