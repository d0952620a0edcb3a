"""Several contours joined to one by bridges, each walked to and fro, enclosing nothing."""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.formats.contours import Contour

_Ints = npt.NDArray[np.int64]

_MAX_SIDE = 4096
"""Longest side of the grid. It bounds memory, and OpenCV measures no distance above 8191."""


def joined(contours: Sequence[Contour]) -> Contour:
    """One contour that encloses, by the even-odd rule, what all of them enclose.

    >>> squares = [np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.int32) + (x, 0) for x in (0, 3)]
    >>> joined(squares).tolist()
    [[0, 0], [1, 0], [3, 0], [4, 0], [4, 1], [3, 1], [3, 0], [1, 0], [1, 1], [0, 1]]
    """
    if len(contours) == 1:
        return contours[0]
    corners = np.concatenate(contours)
    lengths = [len(contour) for contour in contours]
    owners = np.repeat(np.arange(len(contours)), lengths)
    leaving = defaultdict(list)
    for one, other in _bridges(corners, owners).tolist():
        leaving[one].append(other)
        leaving[other].append(one)
    return corners[_walk(leaving, owners.tolist(), lengths)]


def _walk(leaving: dict[int, list[int]], owners: list[int], lengths: list[int]) -> list[int]:
    """Indices of all corners along the joined contour: around the first one, with a detour over every bridge."""
    begins = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    walked = [0]
    # Contours being walked: the corner left from, the corner where it begins, the bridges still to cross here.
    ways = [(-1, 0, list(leaving.get(0, ())))]
    while ways:
        before, start, ahead = ways[-1]
        here = walked[-1]
        if ahead:
            other = ahead.pop()
            if other != before or here != start:
                walked.append(other)
                ways.append((here, other, list(leaving.get(other, ()))))
            continue
        contour = owners[here]
        following = here + 1 if here + 1 < begins[contour + 1] else begins[contour]
        if following != start:
            walked.append(following)
            ways[-1] = (before, start, list(leaving.get(following, ())))
            continue
        ways.pop()
        if ways:
            walked += [start, before]
    return walked


def _bridges(corners: Contour, owners: _Ints) -> _Ints:
    """Indices of the two corners of each bridge, shape (contours - 1, 2): nearly the shortest tree over all contours.

    Candidates are the corners that share a border in a Voronoi diagram of all corners, drawn on a grid. OpenCV's
    distances are exact to 2 %, so a bridge may be longer than the shortest by as much; and by about two points of the
    grid where the contours are so far apart that a point of it is several pixels.
    """
    offsets = corners - corners.min(axis=0)
    x, y = (offsets // (offsets.max() // _MAX_SIDE + 1)).T
    empty = np.ones((y.max() + 1, x.max() + 1), np.uint8)
    empty[y, x] = 0
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    cells = np.asarray(labels, np.int32)
    indices = np.arange(len(corners))
    corner_of = np.zeros(int(cells.max()) + 1, np.int64)
    corner_of[cells[y, x]] = indices
    neighbours = [(cells[:, :-1], cells[:, 1:]), (cells[:-1], cells[1:])]
    pairs = [corner_of[np.stack([one, other], axis=-1)[one != other]] for one, other in neighbours]
    # Corners at one point of the grid share a cell: two contours touch, or the grid is coarse.
    pairs = np.concatenate([*pairs, np.stack([corner_of[cells[y, x]], indices], axis=1)])
    pairs = np.sort(pairs[owners[pairs[:, 0]] != owners[pairs[:, 1]]], axis=1)
    distances = np.square(np.subtract(*corners[pairs.T].astype(np.int64))).sum(axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], distances))]
    # The first pair of two contours is the shortest.
    count = int(owners[-1]) + 1
    _, shortest = np.unique(owners[pairs[:, 0]] * count + owners[pairs[:, 1]], return_index=True)
    return _spanning_tree(pairs[np.sort(shortest)], owners, count)


def _spanning_tree(pairs: _Ints, owners: _Ints, count: int) -> _Ints:
    """The pairs of corners that Kruskal's algorithm keeps, from the shortest to the longest."""
    parents = list(range(count))

    def root(contour: int) -> int:
        while parents[contour] != contour:
            parents[contour] = contour = parents[parents[contour]]
        return contour

    tree = []
    for pair, (one, other) in zip(pairs, owners[pairs].tolist(), strict=True):
        if (first := root(one)) != (second := root(other)):
            parents[first] = second
            tree.append(pair)
    return np.array(tree)
