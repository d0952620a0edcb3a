"""Prompts as one-dimensional vectors along x and y: the formulas of section III-B (Eqs. 1-6, Algorithm 1).

Readings of the paper stand side by side (`Formula`):

`"extent"`, the default, is what the formulas are meant to do. A click is a bell of standard deviation 3 px, cut at
three of them. The bell of a box is a sixth of its side wide and ends at its edges, so that the vector tells the box
from its centre. A scribble leaves in each of its columns `exp(-d^2 / 2s^2)`, where `d` is the distance of a point of
it to the top edge of its bounding box and `s` a third of the box's height; its rows likewise. No prompt is ever the
zero vector.

`"literal"` is the paper to the letter, for comparison: Eq. 3 cuts at `d <= sigma` with sigma 3 for everything, so that
a box wider than 6 px equals a click on its centre and most of a scribble is zero; Algorithm 1 forgets the square.

`"fixed-boxes"` and `"literal-scribbles"` are the default but for one kind: the bell of a box is as wide as a click's,
whatever the box (still cut at the box's edges); scribbles are as printed.

Shapes: `...` is any number of leading axes (batch, prompts), `l` the length of a vector. All in canonical pixels.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from vpuformer.encoding.seeding import derive_seed, randint

Formula = Literal["extent", "literal", "fixed-boxes", "literal-scribbles"]
Visual = Literal["none", "damping", "product"]


def bell(
    distance: Float[Tensor, "*shape"], sigma: Float[Tensor, "*#shape"] | float, cut: Float[Tensor, "*#shape"] | float
) -> Float[Tensor, "*shape"]:
    """`exp(-d^2 / 2 sigma^2)`, zero where `d > cut` (Eq. 3).

    >>> bell(torch.tensor([0.0, 3.0, 9.0, 10.0]), sigma=3.0, cut=9.0).round(decimals=3).tolist()
    [1.0, 0.6069999933242798, 0.010999999940395355, 0.0]
    """
    return torch.exp(-(distance**2) / (2 * sigma**2)) * (distance <= cut)


def click_vector(
    centre: Float[Tensor, "*n"], length: int, *, sigma: float = 3.0, truncate: float = 3.0
) -> Float[Tensor, "*n l"]:
    """Eqs. 1 and 3: a bell around `centre`, cut at `truncate * sigma` (the paper writes 1, its authors' code has 3)."""
    return bell(_distance(centre, length), sigma, truncate * sigma)


def box_vector(
    low: Float[Tensor, "*n"],
    high: Float[Tensor, "*n"],
    length: int,
    *,
    sigma: float | None = None,
    min_sigma: float = 1.0,
) -> Float[Tensor, "*n l"]:
    """Eq. 5: a bell around the centre of the side from `low` to `high`, zero outside.

    Its standard deviation is a sixth of the side, or `sigma` where that is given. A side between two pixel centres
    still marks the pixel nearest to it.
    """
    centre, side = (low + high) / 2, high - low
    spread = (side / 6).clamp_min(min_sigma)[..., None] if sigma is None else sigma
    # Half a pixel at least, so that a side that covers no pixel centre leaves a trace.
    return bell(_distance(centre, length), spread, (side / 2).clamp_min(0.5)[..., None])


def literal_box_vector(
    low: Float[Tensor, "*n"], high: Float[Tensor, "*n"], length: int, *, sigma: float = 3.0
) -> Float[Tensor, "*n l"]:
    """Eq. 5 into Eq. 3 as printed: sigma and the cut-off are those of a click."""
    inside = (_pixels(low, length) >= low[..., None]) & (_pixels(low, length) < high[..., None])
    return click_vector((low + high) / 2, length, sigma=sigma, truncate=1.0) * inside


def scribble_vectors(
    points: Float[Tensor, "*n m 2"],
    valid: Bool[Tensor, "*n m"],
    bounds: Float[Tensor, "*n 4"],
    length: int,
    *,
    formula: Literal["extent", "literal"] = "extent",
    sigma: float = 3.0,
    seeds: Int64[Tensor, "*n"] | None = None,
) -> tuple[Float[Tensor, "*n l"], Float[Tensor, "*n l"]]:
    """Algorithm 1: the horizontal and the vertical vector of a stroke.

    Args:
        points: dense points of the stroke, `valid` marks those that are no padding.
        bounds: x0, y0, x1, y1 of the stroke.
        seeds: of every stroke, to choose one of the points of a column (row) at random, as in the paper; without them
            it is the middle one, so that inference is deterministic.
    """
    # A stroke along the image's far edge lies half a pixel beyond the last slot.
    column, row = points.round().long().clamp(0, length - 1).unbind(-1)
    x, y = points.unbind(-1)
    left, top, right, bottom = (edge[..., None] for edge in bounds.unbind(-1))

    of_columns, of_rows = (None, None) if seeds is None else (derive_seed(seeds, 0), derive_seed(seeds, 1))
    chosen, found = _choose(column, y, valid, length, of_columns)
    horizontal = _profile(y.gather(-1, chosen) - top, bottom - top, formula, sigma) * found

    # Algorithm 1, line 10: a point that has served a column is not used for a row again. The default reading lets a row
    # fall back on it where there is no other, or a diagonal stroke would have no rows at all.
    used = chosen.new_zeros(valid.shape).scatter_add(-1, chosen, found.long()) > 0
    chosen, found = _choose(row, x, valid & ~used, length, of_rows)
    if formula == "extent":
        again, refound = _choose(row, x, valid, length, of_rows)
        chosen, found = torch.where(found, chosen, again), found | refound
    vertical = _profile(x.gather(-1, chosen) - left, right - left, formula, sigma) * found
    return horizontal, vertical


def _profile(
    distance: Float[Tensor, "*n l"],
    extent: Float[Tensor, "*n 1"],
    formula: Literal["extent", "literal"],
    sigma: float,
) -> Float[Tensor, "*n l"]:
    distance = distance.abs()
    if formula == "literal":
        # Lines 9 and 17: no square.
        return torch.exp(-distance / (2 * sigma**2)) * (distance <= sigma)
    spread = (extent / 3).clamp_min(sigma)
    return torch.exp(-(distance**2) / (2 * spread**2))


def _choose(
    slot: Int[Tensor, "*n m"],
    order: Float[Tensor, "*n m"],
    usable: Bool[Tensor, "*n m"],
    length: int,
    seeds: Int64[Tensor, "*n"] | None,
) -> tuple[Int[Tensor, "*n l"], Bool[Tensor, "*n l"]]:
    """For each slot 0..l-1 the index of one usable point in it (the middle one by `order`, or a random one).

    One sort and two binary searches for all prompts at once. The second result says which slots have a point at all.
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


def visual_distance(
    image: Float[Tensor, "b 3 h w"], sample: Int64[Tensor, " k"], x: Float[Tensor, " k"], y: Float[Tensor, " k"]
) -> tuple[Float[Tensor, "k w"], Float[Tensor, "k h"]]:
    """Eq. 2: how far the colours on the prompt's own row and column lie from the colour at (x, y).

    `image` holds values in [0, 1] in the canonical frame, `sample` the index of each prompt's image; the distance is
    the Euclidean one over the channels. The paper leaves open which line of pixels is meant: the row of the click for
    `q_h`, its column for `q_v`.
    """
    _, _, h, w = image.shape
    column, row = x.round().long().clamp(0, w - 1), y.round().long().clamp(0, h - 1)
    here = image[sample, :, row, column][..., None]
    horizontal = torch.linalg.vector_norm(image[sample, :, row, :] - here, dim=1)
    vertical = torch.linalg.vector_norm(image[sample, :, :, column] - here, dim=1)
    return horizontal, vertical


def _pixels(like: Float[Tensor, "*n"], length: int) -> Float[Tensor, " l"]:
    return torch.arange(length, device=like.device, dtype=like.dtype)


def _distance(centre: Float[Tensor, "*n"], length: int) -> Float[Tensor, "*n l"]:
    return (_pixels(centre, length) - centre[..., None]).abs()
