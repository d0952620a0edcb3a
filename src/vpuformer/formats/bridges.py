"""Several contours joined to one by bridges, each walked to and fro, enclosing nothing."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vpuformer.formats.contours import Contour

_Ints = npt.NDArray[np.int64]


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
    """Indices of the two corners of each bridge, shape (contours - 1, 2): the shortest tree over all contours.

    All its bridges are edges of a Delaunay triangulation.
    """
    # Loading these takes longer than writing most masks, and few masks need them.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial import Delaunay

    points, first, corner_of = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    mesh = Delaunay(points)
    pairs = np.concatenate([mesh.simplices[:, sides] for sides in ([0, 1], [1, 2], [2, 0])])
    pairs = first[np.concatenate([pairs, mesh.coplanar[:, [0, 2]]])]
    # Where two contours touch, a point is a corner of both.
    pairs = np.concatenate([pairs, np.stack([first[corner_of.ravel()], np.arange(len(corners))], axis=1)])
    pairs = pairs[owners[pairs[:, 0]] != owners[pairs[:, 1]]]
    pairs = np.where((owners[pairs[:, 0]] < owners[pairs[:, 1]])[:, None], pairs, pairs[:, ::-1])
    distances = np.linalg.norm(np.subtract(*corners[pairs.T].astype(float)), axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], distances))
    pairs, distances = pairs[order], distances[order]
    # The first pair of two contours is the shortest. One is added, since a sparse graph has no edge of length 0.
    count = int(owners[-1]) + 1
    keys, shortest = np.unique(owners[pairs[:, 0]] * count + owners[pairs[:, 1]], return_index=True)
    graph = coo_array((distances[shortest] + 1, (keys // count, keys % count)), shape=(count, count))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    return pairs[shortest[np.searchsorted(keys, tree.row.astype(np.int64) * count + tree.col)]]
