"""A prompt's position as a bias of attention: the prompt's extent over a token grid.

With one prompt, a softmax over the prompts has one key: its weight is 1 everywhere in the image, so that the attention
cannot show where the prompt is. A null token gives every image token an alternative, and this bias says where to prefer
the prompt. It enters the attention logits alone; no map reaches the image branch.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.gaussian import click_vector
from vpuformer.encoding.maps import box_coverage, cells
from vpuformer.geometry import CANONICAL

FLOOR = 1e-3
"""Value of a cell that a prompt does not cover."""
NOWHERE = 0.1
"""Value of every cell for a token without a position: null tokens, and the token of a sample without prompts."""


def prompt_priors(
    prompts: PromptBatch, sizes: Sequence[tuple[int, int]], null_tokens: int = 0
) -> list[Float[Tensor, "b n_null _ _"]]:
    """Log-priors of the prompts, then of the null tokens, over grids of `sizes` (h, w).

    The grids cover the image. The value of a cell is `log(FLOOR + p)`, `p` in [0, 1]. For a click `p` is the outer
    product of `q_v` and `q_h` (Eqs. 1-6), each pooled by its maximum over the cell's rows or columns; for a box the
    share of the cell inside it; for a scribble 1 where the stroke passes. A slot without a prompt and a null token have
    `log(NOWHERE)` everywhere.
    """
    x0, y0, x1, y1 = prompts.bounds.unbind(-1)
    horizontal, vertical = click_vector((x0 + x1) / 2, CANONICAL), click_vector((y0 + y1) / 2, CANONICAL)
    box, scribble = (prompts.is_kind(kind)[..., None, None] for kind in ("box", "scribble"))
    priors = []
    for h, w in sizes:
        columns, rows = F.adaptive_max_pool1d(horizontal, w), F.adaptive_max_pool1d(vertical, h)
        value = rows[..., :, None] * columns[..., None, :]
        value = torch.where(box, box_coverage(prompts, (h, w)), value)
        value = torch.where(scribble, stroke_cells(prompts, (h, w)), value)
        prior = torch.where(prompts.valid[..., None, None], FLOOR + value, NOWHERE).log()
        priors.append(F.pad(prior, (0, 0, 0, 0, 0, null_tokens), value=math.log(NOWHERE)))
    return priors


def stroke_cells(prompts: PromptBatch, size: tuple[int, int]) -> Float[Tensor, "b n h w"]:
    """1 in every cell that holds a point of the prompt, 0 elsewhere."""
    h, w = size
    cell = cells(prompts, size)
    canvas = prompts.points.new_zeros(*cell.shape[:2], h * w + 1)
    return canvas.scatter(-1, cell, 1.0)[..., :-1].unflatten(-1, size)
