"""Prompt encoders, from vectors to query tokens: PuE, and what Table IV compares it with."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vpuformer.encoding.ablation_vectors import CORNERS, SAMPLED
from vpuformer.encoding.position import axis_code, fourier_code, random_frequencies
from vpuformer.encoding.pue import VECTOR
from vpuformer.geometry import CANONICAL
from vpuformer.model.prompt_inputs import PromptInputs
from vpuformer.prompts import KINDS


def with_no_prompt_token(
    tokens: Float[Tensor, "b n dim"], valid: Bool[Tensor, "b n"], no_prompt: Float[Tensor, " dim"]
) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
    """Tokens and validity, with `no_prompt` in the first slot of samples without a prompt."""
    first = torch.arange(tokens.shape[1], device=tokens.device) == 0
    without = ~valid.any(dim=1, keepdim=True) & first
    return torch.where(without[..., None], no_prompt, tokens), valid | without


class PromptUnifiedEncoder(nn.Module):
    """Vectors of prompts to query tokens (section III-B).

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

    def forward(self, prompts: PromptInputs[Tensor]) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
        """The tokens, and whether each is valid.

        A sample without any prompt (refining a mask alone) gets the parameter `no_prompt` in its first slot. It starts
        at zero, and only such samples train it.
        """
        tokens = self.project(prompts.vectors)
        if self.kind is not None:
            tokens = tokens + self.kind(prompts.kind)
        if self.position_embedding:
            tokens = tokens + self._position(prompts.vectors)
        return with_no_prompt_token(tokens, prompts.valid, self.no_prompt)

    def _position(self, vectors: Float[Tensor, "b n 898"]) -> Float[Tensor, "b n dim"]:
        horizontal, vertical, _ = vectors.split([CANONICAL, CANONICAL, 2], dim=-1)
        share = [v / v.sum(dim=-1, keepdim=True).clamp_min(1e-6) for v in (horizontal, vertical)]
        return torch.cat([weights @ self._codes for weights in share], dim=-1)


class LearnedVectorEncoder(nn.Module):
    """Random Fourier features of coordinates, and learned vectors of kind and polarity.

    The features are those of Tancik et al. (NeurIPS 2020).
    A click is its point, a box two corners, a scribble `SAMPLED` points; each point has the vector of its role added,
    the points are averaged, and a perceptron as wide as PuE's follows.
    """

    _frequencies: Tensor

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("_frequencies", random_frequencies(dim))
        self.role = nn.Embedding(len(KINDS) + 1, dim)  # the two corners of a box are two roles
        self.prompt = nn.Embedding(2 * len(KINDS), dim)  # kind and polarity
        self.project = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.no_prompt = nn.Parameter(torch.zeros(dim))

    def forward(self, prompts: PromptInputs[Tensor]) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
        """The tokens, and whether each is valid; the vectors are those of `sampled_points`."""
        points = prompts.vectors.unflatten(-1, (SAMPLED, 2))
        box, scribble = prompts.kind == KINDS.index("box"), prompts.kind == KINDS.index("scribble")
        place = torch.arange(SAMPLED, device=points.device)
        role = torch.where(box[..., None] & (place == 1), len(KINDS), prompts.kind[..., None])
        count = torch.where(scribble, SAMPLED, torch.where(box, CORNERS, 1))[..., None]
        codes = fourier_code(points, self._frequencies) + self.role(role)
        mean = (codes * (place < count)[..., None]).sum(dim=-2) / count
        sign = self.prompt(prompts.kind + len(KINDS) * (~prompts.positive).long())
        tokens = (mean + sign + self.project(mean + sign)) * prompts.valid[..., None]
        return with_no_prompt_token(tokens, prompts.valid, self.no_prompt)
