"""The two prompt encodings that Table IV compares with PuE, behind PuE's interface."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.position import fourier_code, random_frequencies
from vpuformer.encoding.pue import PromptUnifiedEncoder, with_no_prompt_token
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import KINDS

CELLS = (28, 32)
"""Rows and columns to which a distance map is pooled: as many cells as PuE's two axes have taps."""

TRUNCATION = 255.0
"""Largest distance in canonical pixels; farther counts the same (Xu et al., CVPR 2016)."""

SAMPLED = 8
"""Points that represent a scribble, evenly along it."""

CORNERS = 2
"""Points that represent a box: two opposite corners."""


def distance_maps(prompts: PromptBatch) -> Float[Tensor, "b n 896"]:
    """Distance of each cell's centre to every prompt: 0 on it or in the box, 1 `TRUNCATION`.

    A distance map changes by at most a pixel from one pixel to the next, so that the value at the centre of a cell of
    14x16 px stands for its mean. Empty slots are zero.
    """
    rows, columns = CELLS
    y = (torch.arange(rows, device=prompts.device) + 0.5) * (CANONICAL / rows) - 0.5
    x = (torch.arange(columns, device=prompts.device) + 0.5) * (CANONICAL / columns) - 0.5
    centres = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=-1)
    low, high = prompts.bounds[..., None, :2], prompts.bounds[..., None, 2:]
    to_box = torch.linalg.vector_norm((low - centres).clamp_min(0) + (centres - high).clamp_min(0), dim=-1)
    to_points = torch.linalg.vector_norm(centres - prompts.points[:, :, :1], dim=-1)
    # Only strokes have several points, hundreds of them.
    stroke = prompts.is_kind("scribble")
    # Not by way of a matrix product, which loses half of the digits next to the prompt.
    to_stroke = torch.cdist(prompts.points[stroke], centres, compute_mode="donot_use_mm_for_euclid_dist")
    to_points[stroke] = to_stroke.masked_fill(~prompts.point_valid[stroke][..., None], torch.inf).amin(dim=-2)
    distance = torch.where(prompts.is_kind("box")[..., None], to_box, to_points)
    return distance.clamp_max(TRUNCATION) / TRUNCATION * prompts.valid[..., None]


class DistanceMapEncoder(PromptUnifiedEncoder):
    """A pooled distance map of PuE's length, through the same projection as PuE's."""

    def vectors(self, prompts: PromptBatch, _seeds: Int64[Tensor, " b"] | None = None, /) -> Float[Tensor, "b n 898"]:
        """The pooled distance map and the sign of every prompt; zeros in an empty slot."""
        sign = torch.stack([prompts.positive, ~prompts.positive], dim=-1).float() * prompts.valid[..., None]
        return torch.cat([distance_maps(prompts), sign], dim=-1)


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

    def forward(
        self, prompts: PromptBatch, _seeds: Tensor | None = None
    ) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
        """The tokens, and whether each is valid."""
        points, role, count = self._points(prompts)
        codes = fourier_code(points, self._frequencies) + self.role(role)
        used = torch.arange(SAMPLED, device=points.device) < count[..., None]
        mean = (codes * used[..., None]).sum(dim=-2) / count[..., None]
        sign = self.prompt(prompts.kind + len(KINDS) * (~prompts.positive).long())
        tokens = (mean + sign + self.project(mean + sign)) * prompts.valid[..., None]
        return with_no_prompt_token(tokens, prompts.valid, self.no_prompt)

    def _points(self, prompts: PromptBatch) -> tuple[Float[Tensor, "b n 8 2"], Tensor, Tensor]:
        """`SAMPLED` points for every prompt, the role of each, and how many of them are in use."""
        total = prompts.point_valid.sum(dim=-1)
        share = torch.linspace(0, 1, SAMPLED, device=prompts.device)
        at = (share * (total[..., None] - 1).clamp_min(0)).round().long()
        stroke = prompts.points.gather(2, at[..., None].expand(*at.shape, 2))
        corners = prompts.bounds.unflatten(-1, (CORNERS, 2))
        corners = torch.cat([corners, corners.new_zeros(*corners.shape[:2], SAMPLED - CORNERS, 2)], dim=2)
        box, scribble = prompts.is_kind("box"), prompts.is_kind("scribble")
        points = torch.where(box[..., None, None], corners, stroke)
        second = torch.arange(SAMPLED, device=prompts.device) == 1
        role = torch.where(box[..., None] & second, len(KINDS), prompts.kind[..., None])
        count = torch.where(scribble, SAMPLED, torch.where(box, CORNERS, 1))
        return points, role, count
