"""The Prompt-unified Encoder: click, box and scribble as a vector and as a query token."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.gaussian import box_vector, click_vector, scribble_vectors
from vpuformer.encoding.position import axis_code
from vpuformer.encoding.seeding import derive_seed
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import KINDS

VECTOR = 2 * CANONICAL + 2
"""Length of `[q_h, q_v, q_b]` (Eq. 4)."""


def prompt_vectors(prompts: PromptBatch, seeds: Int64[Tensor, " b"] | None = None) -> Float[Tensor, "b n 898"]:
    """The vector `[q_h (448), q_v (448), q_b (2)]` of every prompt (Eqs. 1-6).

    An empty slot has zeros. Columns come first for every kind; `q_b` is (1, 0) for a positive and (0, 1) for a negative
    prompt.

    Args:
        seeds: one for each sample; they make the choice among the points of a scribble random (training).
    """
    vectors = prompts.bounds.new_zeros(*prompts.kind.shape, VECTOR)
    vectors[..., -2] = prompts.positive & prompts.valid
    vectors[..., -1] = ~prompts.positive & prompts.valid
    # Each kind in its own slots alone: clicks pay for no stroke, and a long stroke pads no click.
    for kind in KINDS:
        sample, slot = prompts.is_kind(kind).nonzero(as_tuple=True)
        bounds = prompts.bounds[sample, slot]
        x0, y0, x1, y1 = bounds.unbind(-1)
        if kind == "click":
            axes = click_vector((x0 + x1) / 2, CANONICAL), click_vector((y0 + y1) / 2, CANONICAL)
        elif kind == "box":
            axes = box_vector(x0, x1, CANONICAL), box_vector(y0, y1, CANONICAL)
        else:
            points, point_valid = prompts.points[sample, slot], prompts.point_valid[sample, slot]
            stroke_seeds = None if seeds is None else derive_seed(seeds[sample], slot)
            axes = scribble_vectors(points, point_valid, bounds, CANONICAL, seeds=stroke_seeds)
        vectors[sample, slot, :-2] = torch.cat(axes, dim=-1)
    return vectors


def with_no_prompt_token(
    tokens: Float[Tensor, "b n dim"], valid: Bool[Tensor, "b n"], no_prompt: Float[Tensor, " dim"]
) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
    """Tokens and validity, with `no_prompt` in the first slot of samples without a prompt."""
    first = torch.arange(tokens.shape[1], device=tokens.device) == 0
    without = ~valid.any(dim=1, keepdim=True) & first
    return torch.where(without[..., None], no_prompt, tokens), valid | without


class PromptUnifiedEncoder(nn.Module):
    """Prompts to query tokens (section III-B).

    The paper does not give the projection from the vector to a token; it is a perceptron with one hidden layer, as in
    the authors' code.

    Args:
        dim: width of a token.
        hidden: width of the hidden layer.
        kind_embedding: add a learned vector for click, box or scribble. Without it an 18-px box, whose bell is as wide
            as a click's, has the vector of the click at its centre.
        position_embedding: add the positional code of the image tokens, averaged under `q_h` and `q_v` read as
            distributions (ours), so that a prompt finds its position by the similarity of codes from the first step.
    """

    _codes: Tensor

    def __init__(self, dim: int, hidden: int, *, kind_embedding: bool = True, position_embedding: bool = True) -> None:
        super().__init__()
        self.position_embedding = position_embedding
        self.project = nn.Sequential(nn.Linear(VECTOR, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.kind = nn.Embedding(len(KINDS), dim) if kind_embedding else None
        self.no_prompt = nn.Parameter(torch.zeros(dim))
        codes = axis_code(torch.arange(CANONICAL, dtype=torch.float32), dim // 2)
        self.register_buffer("_codes", codes, persistent=False)

    def forward(
        self, prompts: PromptBatch, seeds: Int64[Tensor, " b"] | None = None
    ) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
        """The tokens, and whether each is valid.

        A sample without any prompt (refining a mask alone) gets the parameter `no_prompt` in its first slot. It starts
        at zero, and only such samples train it.
        """
        vectors = self.vectors(prompts, seeds)
        tokens = self.project(vectors)
        if self.kind is not None:
            tokens = tokens + self.kind(prompts.kind)
        if self.position_embedding:
            tokens = tokens + self._position(vectors)
        return with_no_prompt_token(tokens, prompts.valid, self.no_prompt)

    def vectors(self, prompts: PromptBatch, seeds: Int64[Tensor, " b"] | None = None, /) -> Float[Tensor, "b n 898"]:
        """See `prompt_vectors`."""
        return prompt_vectors(prompts, seeds)

    def _position(self, vectors: Float[Tensor, "b n 898"]) -> Float[Tensor, "b n dim"]:
        horizontal, vertical, _ = vectors.split([CANONICAL, CANONICAL, 2], dim=-1)
        share = [v / v.sum(dim=-1, keepdim=True).clamp_min(1e-6) for v in (horizontal, vertical)]
        return torch.cat([weights @ self._codes for weights in share], dim=-1)
