"""Where a prompt is, as a bias of attention: an image of the prompt on a token grid, made of its own vector.

With one prompt, a softmax over the prompts has one key: its weight is 1 at every place of the image, so the prompt
cannot say where it is. A null token gives every place an alternative, and this bias says which places to prefer. It
enters the logits of the attention alone; no map reaches the image branch.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.gaussian import Formula, click_vector
from vpuformer.encoding.maps import box_coverage, cells
from vpuformer.encoding.pue import prompt_vectors
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import KINDS

FLOOR = 1e-3
"""Value of a place that a prompt does not cover."""
NOWHERE = 0.1
"""Value of every place for a token without a place: null tokens, and the stand-in of a sample without prompts."""


def prompt_priors(
    prompts: PromptBatch,
    sizes: Sequence[tuple[int, int]],
    *,
    shapes: bool,
    formula: Formula = "extent",
    sigma: float = 3.0,
) -> list[Float[Tensor, "b n _ _"]]:
    """Log-priors of every prompt over the cells of grids of `sizes` (h, w) that cover the image.

    The value of a cell is `log(FLOOR + p)`, `p` in [0, 1]: the outer product of `q_v` and `q_h` (Eqs. 1-6), each pooled
    by its maximum over the cell's rows or columns. A slot without a prompt has `log(NOWHERE)` everywhere.

    Args:
        shapes: give boxes and scribbles a `p` that shows their extent: the share of the cell inside the box, and 1
            where the stroke passes. The product of a box's bells ends long before its corners, and the vectors of a
            scribble are profiles, whose product shows no stroke.
        formula, sigma: see `vpuformer.encoding.pue.prompt_vectors`.
    """
    horizontal, vertical = _vectors(prompts, shapes, formula, sigma)
    kind = prompts.kind[..., None, None]
    priors = []
    for h, w in sizes:
        columns, rows = F.adaptive_max_pool1d(horizontal, w), F.adaptive_max_pool1d(vertical, h)
        value = rows[..., :, None] * columns[..., None, :]
        if shapes:
            value = torch.where(kind == KINDS.index("box"), box_coverage(prompts, (h, w)), value)
            value = torch.where(kind == KINDS.index("scribble"), stroke_cells(prompts, (h, w)), value)
        priors.append(torch.where(prompts.valid[..., None, None], FLOOR + value, NOWHERE).log())
    return priors


def _vectors(
    prompts: PromptBatch, shapes: bool, formula: Formula, sigma: float
) -> tuple[Float[Tensor, "b n 448"], Float[Tensor, "b n 448"]]:
    """`q_h` and `q_v`; where boxes and scribbles have shapes, as if every prompt were a click, which saves time."""
    if not shapes:
        vectors = prompt_vectors(prompts, formula=formula, sigma=sigma)
        return vectors[..., :CANONICAL], vectors[..., CANONICAL : 2 * CANONICAL]
    x0, y0, x1, y1 = prompts.bounds.unbind(-1)
    truncate = 1.0 if formula == "literal" else 3.0
    across, down = (
        click_vector((low + high) / 2, CANONICAL, sigma=sigma, truncate=truncate) for low, high in ((x0, x1), (y0, y1))
    )
    return across, down


def stroke_cells(prompts: PromptBatch, size: tuple[int, int]) -> Float[Tensor, "b n h w"]:
    """1 in every cell that holds a point of the prompt, 0 elsewhere."""
    h, w = size
    cell = cells(prompts, size)
    canvas = prompts.points.new_zeros(*cell.shape[:2], h * w + 1)
    return canvas.scatter(-1, cell, 1.0)[..., :-1].unflatten(-1, size)
