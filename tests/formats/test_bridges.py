"""Bridges are as short as possible, and join whatever there is."""

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from vpuformer.formats.bridges import joined
from vpuformer.formats.contours import Contour, parts_of


def perimeter(contour: Contour) -> float:
    return float(np.linalg.norm(contour - np.roll(contour, -1, axis=0), axis=1).sum())


@pytest.mark.parametrize("seed", range(4))
def test_all_bridges_together_are_the_shortest_tree(seed: int) -> None:
    mask = np.random.default_rng(seed).random((30, 40)) > 0.35
    contours = [contour for part in parts_of(mask) for contour in part.contours]
    # One is added, since a graph of SciPy has no edge of length 0.
    distances = [[cdist(one, other).min() + 1 for other in contours] for one in contours]
    shortest = minimum_spanning_tree(np.array(distances)).sum() - (len(contours) - 1)
    assert perimeter(joined(contours)) == pytest.approx(sum(map(perimeter, contours)) + 2 * shortest)


def test_parts_far_from_each_other_are_joined() -> None:
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.int32)
    places = np.array([(0, 0), (2, 2), (40_000, 5), (40_002, 5), (7, 30_000)], np.int32)
    outline = joined([square + place for place in places])
    assert len(outline) == 4 * 5 + 2 * 4
    assert {*map(tuple, outline.tolist())} == {
        tuple(corner) for place in places for corner in (square + place).tolist()
    }
    lengths = np.linalg.norm(outline - np.roll(outline, -1, axis=0), axis=1)
    assert (lengths > 100).sum() == 4, "two bridges, to and fro; the neighbours are joined with each other"
