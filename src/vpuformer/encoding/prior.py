"""A prompt's position as a bias of attention: the prompt's extent over a token grid.

With one prompt, a softmax over the prompts has one key: its weight is 1 everywhere in the image, so that the attention
cannot show where the prompt is. A null token gives every image token an alternative, and this bias says where to prefer
the prompt. It enters the attention logits alone; no map reaches the image branch.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.gaussian import click_vector
from vpuformer.encoding.maps import box_coverage, cells
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import KINDS

FLOOR = 1e-3
"""Value of a cell that a prompt does not cover."""
NOWHERE = 0.1
"""Value of every cell for a token without a position: null tokens, and the token of a sample without prompts."""


def prompt_priors(
    prompts: PromptBatch, sizes: Sequence[tuple[int, int]], null_tokens: int = 0
) -> list[Float[Array, "b n_null _ _"]]:
    """Log-priors of the prompts, then of the null tokens, over grids of `sizes` (h, w).

    The grids cover the image. The value of a cell is `log(FLOOR + p)`, `p` in [0, 1]. For a click `p` is the outer
    product of `q_v` and `q_h` (Eqs. 1-6), each pooled by its maximum over the cell's rows or columns; for a box the
    share of the cell inside it; for a scribble 1 where the stroke passes. A slot without a prompt and a null token have
    `log(NOWHERE)` everywhere.
    """
    b, n = prompts.kind.shape
    x0, y0, x1, y1 = np.moveaxis(prompts.bounds, -1, 0)
    horizontal, vertical = click_vector((x0 + x1) / 2, CANONICAL), click_vector((y0 + y1) / 2, CANONICAL)
    click, box, scribble = (prompts.is_kind(kind) for kind in KINDS)
    priors = []
    for h, w in sizes:
        prior = np.full((b, n + null_tokens, h, w), math.log(NOWHERE), np.float32)
        own = prior[:, :n]
        rows, columns = _pooled(vertical[click], h), _pooled(horizontal[click], w)
        own[click] = np.log(FLOOR + rows[..., :, None] * columns[..., None, :])
        own[box] = np.log(FLOOR + box_coverage(prompts.bounds[box], (h, w)))
        own[scribble] = np.log(FLOOR + stroke_cells(prompts, (h, w))[scribble])
        priors.append(prior)
    return priors


def stroke_cells(prompts: PromptBatch, size: tuple[int, int]) -> Float[Array, "b n h w"]:
    """1 in every cell that holds a point of the prompt, 0 elsewhere."""
    h, w = size
    cell = cells(prompts, size)
    canvas = np.zeros((*cell.shape[:2], h * w + 1), np.float32)
    np.put_along_axis(canvas, cell, 1, -1)
    return canvas[..., :-1].reshape(*cell.shape[:2], h, w)


def _pooled(vectors: Float[Array, "n l"], cells: int) -> Float[Array, "n k"]:
    """The maximum over each cell's part of the vectors, as `adaptive_max_pool1d` of PyTorch."""
    length = vectors.shape[-1]
    first = np.arange(cells) * length // cells
    end = -(-np.arange(1, cells + 1) * length // cells)
    padded = np.pad(vectors, ((0, 0), (0, 1)))  # the last part ends behind the last element
    return np.maximum.reduceat(padded, np.stack([first, end], axis=1).ravel(), axis=-1)[:, ::2]
