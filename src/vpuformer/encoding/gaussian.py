"""Prompts as vectors along x and y: section III-B (Eqs. 1-6, Algorithm 1).

A click is a bell of standard deviation 3 px, cut at three of them. The bell of a box is a sixth of its side wide and
ends at its edges, so that the vector of a box differs from that of its centre. A scribble leaves in each of its columns
`exp(-d^2 / 2s^2)`, where `d` is the distance of one of its points to the top edge of its bounding box and `s` a third
of the box's height; its rows likewise. No prompt is ever the zero vector.

These are readings of the paper. As printed, Eq. 3 cuts every vector at `d <= sigma` with sigma 3, so that a box wider
than 6 px equals a click on its centre and most of a scribble is zero; `benchmarks/formulas.py` compares the two.

Shapes: `*n` is any number of leading axes (batch, prompts), `l` the length of a vector. All in canonical pixels.
"""

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from vpuformer.encoding.seeding import derive_seed, randint

SIGMA = 3.0
"""Standard deviation of a click's bell, and the least one of a scribble's (section IV-B)."""


def bell(
    distance: Float[Tensor, "*shape"], sigma: Float[Tensor, "*#shape"] | float, cut: Float[Tensor, "*#shape"] | float
) -> Float[Tensor, "*shape"]:
    """`exp(-d^2 / 2 sigma^2)`, zero where `d > cut` (Eq. 3).

    >>> bell(torch.tensor([0.0, 3.0, 9.0, 10.0]), sigma=3.0, cut=9.0).round(decimals=3).tolist()
    [1.0, 0.6069999933242798, 0.010999999940395355, 0.0]
    """
    return torch.exp(-(distance**2) / (2 * sigma**2)) * (distance <= cut)


def click_vector(centre: Float[Tensor, "*n"], length: int) -> Float[Tensor, "*n l"]:
    """A bell around `centre` (Eqs. 1 and 3), cut at 3 sigma as in the authors' code."""
    return bell(_distance(centre, length), SIGMA, 3 * SIGMA)


def box_vector(low: Float[Tensor, "*n"], high: Float[Tensor, "*n"], length: int) -> Float[Tensor, "*n l"]:
    """A bell around the centre of the side from `low` to `high`, zero outside (Eq. 5).

    Its standard deviation is a sixth of the side, at least 1. A side between two pixel centres still marks the pixel
    nearest to it.
    """
    centre, side = (low + high) / 2, high - low
    spread = (side / 6).clamp_min(1.0)[..., None]
    # Half a pixel at least, so that a side that covers no pixel centre leaves a trace.
    return bell(_distance(centre, length), spread, (side / 2).clamp_min(0.5)[..., None])


def scribble_vectors(
    points: Float[Tensor, "*n m 2"],
    valid: Bool[Tensor, "*n m"],
    bounds: Float[Tensor, "*n 4"],
    length: int,
    *,
    seeds: Int64[Tensor, "*n"] | None = None,
) -> tuple[Float[Tensor, "*n l"], Float[Tensor, "*n l"]]:
    """The horizontal and the vertical vector of a stroke (Algorithm 1).

    Args:
        points: dense points of the stroke; `valid` is False for padding.
        bounds: x0, y0, x1, y1 of the stroke.
        seeds: one for each stroke, to choose one of the points of a column (row) at random, as in the paper. Without
            them the middle point is chosen, so that inference is deterministic.
    """
    # A stroke along the image's far edge lies half a pixel beyond the last slot.
    column, row = points.round().long().clamp(0, length - 1).unbind(-1)
    x, y = points.unbind(-1)
    left, top, right, bottom = (edge[..., None] for edge in bounds.unbind(-1))

    column_seeds, row_seeds = (None, None) if seeds is None else (derive_seed(seeds, 0), derive_seed(seeds, 1))
    chosen, found = _choose(column, y, valid, length, column_seeds)
    horizontal = _profile(y.gather(-1, chosen) - top, bottom - top) * found

    # Algorithm 1, line 10: a point that has served a column is not used for a row again. Here a row falls back on it
    # where it has no other point, or a diagonal stroke would have no rows at all.
    used = chosen.new_zeros(valid.shape).scatter_add(-1, chosen, found.long()) > 0
    chosen, found = _choose(row, x, valid & ~used, length, row_seeds)
    again, refound = _choose(row, x, valid, length, row_seeds)
    chosen, found = torch.where(found, chosen, again), found | refound
    vertical = _profile(x.gather(-1, chosen) - left, right - left) * found
    return horizontal, vertical


def _profile(distance: Float[Tensor, "*n l"], extent: Float[Tensor, "*n 1"]) -> Float[Tensor, "*n l"]:
    return bell(distance, (extent / 3).clamp_min(SIGMA), torch.inf)


def _choose(
    slot: Int[Tensor, "*n m"],
    order: Float[Tensor, "*n m"],
    usable: Bool[Tensor, "*n m"],
    length: int,
    seeds: Int64[Tensor, "*n"] | None,
) -> tuple[Int[Tensor, "*n l"], Bool[Tensor, "*n l"]]:
    """For each slot 0..l-1 the index of a usable point: the middle by `order`, or random.

    One sort and two binary searches for all prompts at once. The second result is True for slots that have a point.
    """
    slot = torch.where(usable, slot, length)
    # Slot first, then `order` in 64ths of a pixel, as one integer that sorts exactly.
    ranked = (slot * 2**20 + (order * 64).round().long().clamp(0, 2**20 - 1)).argsort(dim=-1, stable=True)
    slots = slot.gather(-1, ranked).contiguous()
    wanted = torch.arange(length, device=slot.device).expand(*slot.shape[:-1], length).contiguous()
    first = torch.searchsorted(slots, wanted)
    count = torch.searchsorted(slots, wanted, right=True) - first
    offset = (count - 1).clamp_min(0) // 2 if seeds is None else randint(derive_seed(seeds[..., None], wanted), count)
    pick = (first + offset).clamp_max(slot.shape[-1] - 1)
    return ranked.gather(-1, pick), count > 0


def _distance(centre: Float[Tensor, "*n"], length: int) -> Float[Tensor, "*n l"]:
    pixels = torch.arange(length, device=centre.device, dtype=centre.dtype)
    return (pixels - centre[..., None]).abs()
