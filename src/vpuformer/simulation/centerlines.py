"""The line along the middle of a shape: the longest geodesic path through its skeleton."""

import math

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order
from skimage.morphology import skeletonize

from vpuformer.arrays import BoolMask, Points
from vpuformer.simulation.regions import Component, Depth
from vpuformer.simulation.strokes import densified, length, longest_inside

SMOOTHING = 2.0
"""Standard deviation of the filter along the path, in steps of the path: it takes away the staircase of pixels."""

THIN = 2.0
"""A shape nowhere deeper than this, in pixels, is its own skeleton: thinning would wear some of these away."""


def center_line(component: Component, max_side: int) -> Points:
    """A smooth line along the middle of the component, close points (n, 2) in its pixels.

    A compact shape, whose skeleton is shorter than a stroke within its largest inscribed circle, gets that stroke
    instead, along its longer axis. A single pixel gets no line: n = 0.

    Args:
        component: the shape.
        max_side: the skeleton is found on a grid of about this many samples a side, or finer where the shape is thin;
            the time grows with its cube.
    """
    path = _skeleton_path(component, max_side)
    stroke = _stroke_across(component)
    if length(path) < length(stroke):
        path = stroke
    if length(path) == 0:
        return np.zeros((0, 2))
    smooth = longest_inside(densified(gaussian_filter1d(path, SMOOTHING, axis=0, mode="nearest")), component.mask)
    # In a narrow shape smoothing cuts the corners; the path as found is inside by construction.
    if length(smooth) < length(path) / 2:
        return longest_inside(densified(path), component.mask)
    return smooth


def _skeleton_path(component: Component, max_side: int) -> Points:
    """The longest geodesic path between two far pixels of the skeleton, a polyline inside the component."""
    mask, depth, (row, column) = component.mask, component.depth, component.seed
    # Around a grid point that is deeper than this, straight lines to its eight neighbours stay inside. A shape too
    # thin for such a grid has a finer one, and few layers to wear away.
    stride = max(1, min(math.ceil(max(mask.shape) / max_side), int(depth[row, column] // 4)))
    needed = 0.0 if stride == 1 else 0.75 * (stride + 1)
    # A window around the seed bounds the work on long thin shapes; the grid goes through the seed.
    reach = 2 * max_side * stride
    top = row % stride if row <= reach else row - reach
    left = column % stride if column <= reach else column - reach
    grid = depth[top : row + reach + 1 : stride, left : column + reach + 1 : stride]
    lines = grid > needed
    if stride > 1 or grid.max() > THIN:
        lines = skeletonize(lines)
    path = _longest_path(lines, grid)
    return path * stride + np.array([left, top])


def _stroke_across(component: Component) -> Points:
    """A straight stroke through the centre of the largest inscribed circle, over three quarters of its diameter."""
    row, column = np.unravel_index(int(component.depth.argmax()), component.depth.shape)
    # All pixels closer to the centre than the depth are inside; one is left over for rounding.
    reach = 0.75 * (float(component.depth[row, column]) - 1)
    moments = cv2.moments(component.mask.view(np.uint8), binaryImage=True)
    angle = 0.5 * math.atan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])
    offset = reach * np.array([math.cos(angle), math.sin(angle)])
    center = np.array([column, row], dtype=np.float64)
    return np.stack([center - offset, center + offset])


def _longest_path(lines: BoolMask, depth: Depth) -> Points:
    """The shortest path between two pixels of `lines` that are far from each other, as (x, y), shape (n, 2).

    Breadth-first search from the deepest pixel finds one end, and from there the other: the longest of all shortest
    paths where the lines form a tree, nearly so where they form loops.
    """
    nodes = np.flatnonzero(lines)
    if not nodes.size:
        return np.zeros((0, 2))
    graph = _neighbour_graph(lines, nodes)
    deepest = int(depth.ravel()[nodes].argmax())
    order, _ = breadth_first_order(graph, deepest)
    order, before = breadth_first_order(graph, order[-1])
    path = [int(order[-1])]
    while path[-1] != order[0]:
        path.append(int(before[path[-1]]))
    rows, columns = np.divmod(nodes[path], lines.shape[1])
    return np.stack([columns, rows], axis=1).astype(np.float64)


def _neighbour_graph(lines: BoolMask, nodes: npt.NDArray[np.intp]) -> csr_array:
    """The graph of pixels of `lines` that touch each other, also at a corner."""
    index = np.full(lines.shape, -1, dtype=np.int32)
    index.ravel()[nodes] = np.arange(nodes.size)
    pairs = [
        (index[:, :-1], index[:, 1:]),
        (index[:-1], index[1:]),
        (index[:-1, :-1], index[1:, 1:]),
        (index[:-1, 1:], index[1:, :-1]),
    ]
    touching = [(a >= 0) & (b >= 0) for a, b in pairs]
    one = np.concatenate([a[both] for (a, _), both in zip(pairs, touching, strict=True)])
    other = np.concatenate([b[both] for (_, b), both in zip(pairs, touching, strict=True)])
    start, end = np.concatenate([one, other]), np.concatenate([other, one])
    return csr_array((np.ones(start.size), (start, end)), shape=(nodes.size, nodes.size))
