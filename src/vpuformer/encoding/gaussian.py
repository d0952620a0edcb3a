"""Prompts as vectors along x and y: section III-B (Eqs. 1-6, Algorithm 1).

A click is a bell of standard deviation 3 px, cut at three of them. The bell of a box is a sixth of its side wide and
ends at its edges, so that the vector of a box differs from that of its centre. A scribble leaves in each of its columns
`exp(-d^2 / 2s^2)`, where `d` is the distance of one of its points to the top edge of its bounding box and `s` a third
of the box's height; its rows likewise. No prompt is ever the zero vector.

These are readings of the paper. As printed, Eq. 3 cuts every vector at `d <= sigma` with sigma 3, so that a box wider
than 6 px equals a click on its centre and most of a scribble is zero; `benchmarks/formulas.py` compares the two.

Shapes: `*n` is any number of leading axes (batch, prompts), `l` the length of a vector. All in canonical pixels.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Int64
from numpy import ndarray as Array

from vpuformer.encoding.seeding import derive_seed, randint

SIGMA = 3.0
"""Standard deviation of a click's bell, and the least one of a scribble's (section IV-B)."""


def bell(
    distance: Float[Array, "*shape"], sigma: Float[Array, "*#shape"] | float, cut: Float[Array, "*#shape"] | float
) -> Float[Array, "*shape"]:
    """`exp(-d^2 / 2 sigma^2)`, zero where `d > cut` (Eq. 3).

    >>> bell(np.array([0.0, 3.0, 9.0, 10.0]), sigma=3.0, cut=9.0).round(3).tolist()
    [1.0, 0.607, 0.011, 0.0]
    """
    return np.exp(-(distance**2) / (2 * sigma**2)) * (distance <= cut)


def click_vector(centre: Float[Array, "*n"], length: int) -> Float[Array, "*n l"]:
    """A bell around `centre` (Eqs. 1 and 3), cut at 3 sigma as in the authors' code."""
    return bell(_distance(centre, length), SIGMA, 3 * SIGMA)


def box_vector(low: Float[Array, "*n"], high: Float[Array, "*n"], length: int) -> Float[Array, "*n l"]:
    """A bell around the centre of the side from `low` to `high`, zero outside (Eq. 5).

    Its standard deviation is a sixth of the side, at least 1. A side between two pixel centres still marks the pixel
    nearest to it.
    """
    centre, side = (low + high) / 2, high - low
    spread = np.maximum(side / 6, 1)[..., None]
    # Half a pixel at least, so that a side that covers no pixel centre leaves a trace.
    return bell(_distance(centre, length), spread, np.maximum(side / 2, 0.5)[..., None])


def scribble_vectors(
    points: Float[Array, "*n m 2"],
    valid: Bool[Array, "*n m"],
    bounds: Float[Array, "*n 4"],
    length: int,
    *,
    seeds: Int64[Array, "*n"] | None = None,
) -> tuple[Float[Array, "*n l"], Float[Array, "*n l"]]:
    """The horizontal and the vertical vector of a stroke (Algorithm 1).

    Args:
        points: dense points of the stroke; `valid` is False for padding.
        bounds: x0, y0, x1, y1 of the stroke.
        seeds: one for each stroke, to choose one of the points of a column (row) at random, as in the paper. Without
            them the middle point is chosen, so that inference is deterministic.
    """
    # A stroke along the image's far edge lies half a pixel beyond the last slot.
    column, row = np.moveaxis(np.rint(points).astype(np.int64).clip(0, length - 1), -1, 0)
    x, y = np.moveaxis(points, -1, 0)
    left, top, right, bottom = np.moveaxis(bounds, -1, 0)[..., None]

    column_seeds, row_seeds = (None, None) if seeds is None else (derive_seed(seeds, 0), derive_seed(seeds, 1))
    chosen, found = _choose(column, y, valid, length, column_seeds)
    horizontal = _profile(np.take_along_axis(y, chosen, -1) - top, bottom - top) * found

    # Algorithm 1, line 10: a point that has served a column is not used for a row again. Here a row falls back on it
    # where it has no other point, or a diagonal stroke would have no rows at all.
    used = np.zeros((*valid.shape[:-1], valid.shape[-1] + 1), bool)
    np.put_along_axis(used, np.where(found, chosen, valid.shape[-1]), True, -1)
    chosen, found = _choose(row, x, valid & ~used[..., :-1], length, row_seeds)
    again, refound = _choose(row, x, valid, length, row_seeds)
    chosen, found = np.where(found, chosen, again), found | refound
    vertical = _profile(np.take_along_axis(x, chosen, -1) - left, right - left) * found
    return horizontal, vertical


def _profile(distance: Float[Array, "*n l"], extent: Float[Array, "*n 1"]) -> Float[Array, "*n l"]:
    return bell(distance, np.maximum(extent / 3, SIGMA), np.inf)


def _choose(
    slot: Int[Array, "*n m"],
    order: Float[Array, "*n m"],
    usable: Bool[Array, "*n m"],
    length: int,
    seeds: Int64[Array, "*n"] | None,
) -> tuple[Int[Array, "*n l"], Bool[Array, "*n l"]]:
    """For each slot 0..l-1 the index of a usable point: the middle by `order`, or random.

    One sort for all prompts at once. The second result is True for slots that have a point.
    """
    slot = np.where(usable, slot, length)
    # Slot first, then `order` in 64ths of a pixel, as one integer that sorts exactly.
    key = slot * 2**20 + np.rint(order * 64).astype(np.int64).clip(0, 2**20 - 1)
    ranked = np.argsort(key, axis=-1, kind="stable")
    rows = slot.reshape(-1, slot.shape[-1])
    cells = rows + np.arange(len(rows))[:, None] * (
        length + 1
    )  # one spare slot a stroke for points that are not usable
    count = np.bincount(cells.ravel(), minlength=len(rows) * (length + 1)).reshape(*slot.shape[:-1], length + 1)
    first, count = (count.cumsum(axis=-1) - count)[..., :-1], count[..., :-1]
    if seeds is None:
        offset = np.maximum(count - 1, 0) // 2
    else:
        offset = randint(derive_seed(seeds[..., None], np.arange(length)), count)
    pick = np.minimum(first + offset, slot.shape[-1] - 1)
    return np.take_along_axis(ranked, pick, -1), count > 0


def _distance(centre: Float[Array, "*n"], length: int) -> Float[Array, "*n l"]:
    return np.abs(np.arange(length, dtype=centre.dtype) - centre[..., None])
