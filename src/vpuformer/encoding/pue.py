"""The Prompt-unified Encoder: every click, box and scribble as one vector, and that vector as a query token."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.draws import mixed
from vpuformer.encoding.gaussian import (
    Formula,
    Visual,
    bell,
    box_vector,
    click_vector,
    literal_box_vector,
    scribble_vectors,
    visual_distance,
)
from vpuformer.encoding.position import axis_code
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import KINDS

VECTOR = 2 * CANONICAL + 2
"""Length of `[q_h, q_v, q_b]` (Eq. 4)."""

VISUAL_SIGMA = 0.1
"""Standard deviation of the colour distance where it damps a click's bell; colours lie in [0, 1]."""


def prompt_vectors(
    prompts: PromptBatch,
    *,
    formula: Formula = "extent",
    sigma: float = 3.0,
    peak: float = 1.0,
    visual: Visual = "none",
    image: Float[Tensor, "b 3 448 448"] | None = None,
    seeds: Int64[Tensor, " b"] | None = None,
) -> Float[Tensor, "b n 898"]:
    """The vector `[q_h (448), q_v (448), q_b (2)]` of every prompt (Eqs. 1-6); zeros for an empty slot.

    Columns come first for every kind; `q_b` is (1, 0) for a positive and (0, 1) for a negative prompt.

    Args:
        formula: see `vpuformer.encoding.gaussian`.
        peak: what the value at the pixel nearest to a click is multiplied with; the paper's authors have 2.
        visual: what the colour distance of Eq. 2 does to clicks and boxes. "product" multiplies it with the spatial
            distance, as printed (which makes every pixel of the clicked colour a 1, however far away); "damping"
            multiplies a bell over colours with the spatial one.
        image: values in [0, 1]; needed unless `visual` is "none".
        seeds: of every sample; they make the choice among the points of a scribble random (training).
    """
    x0, y0, x1, y1 = prompts.bounds.unbind(-1)
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    pixels = torch.arange(CANONICAL, device=prompts.device, dtype=prompts.bounds.dtype)
    truncate = 1.0 if formula == "literal" else 3.0

    click = [click_vector(c, CANONICAL, sigma=sigma, truncate=truncate) for c in centre]
    sides = ((x0, x1), (y0, y1))
    if formula == "literal":
        box = [literal_box_vector(*side, CANONICAL, sigma=sigma) for side in sides]
    else:
        box = [box_vector(*side, CANONICAL, sigma=sigma if formula == "fixed-boxes" else None) for side in sides]

    if visual != "none":
        if image is None:
            raise ValueError(f"visual={visual!r} compares colours: pass the picture as `image`")
        colour = visual_distance(image, *centre)
        for axis, (dv, c, low, high) in enumerate(zip(colour, centre, (x0, y0), (x1, y1), strict=True)):
            if visual == "damping":
                damping = bell(dv, VISUAL_SIGMA, torch.inf)
                click[axis], box[axis] = click[axis] * damping, box[axis] * damping
            else:
                # Eq. 2 speaks of pixel values: 0 to 255.
                product = bell((pixels - c[..., None]).abs() * dv * 255, sigma, truncate * sigma)
                inside = (pixels >= low[..., None]) & (pixels < high[..., None])
                click[axis], box[axis] = product, product * inside

    if peak != 1.0:
        nearest = [c.round().clamp(0, CANONICAL - 1)[..., None] for c in centre]
        click = [torch.where(pixels == at, peak * vector, vector) for at, vector in zip(nearest, click, strict=True)]

    slots = torch.arange(prompts.kind.shape[1], device=prompts.device)
    of_prompts = None if seeds is None else mixed(seeds[:, None], slots)
    scribble = scribble_vectors(
        prompts.points,
        prompts.point_valid,
        prompts.bounds,
        CANONICAL,
        formula="literal" if formula in ("literal", "literal-scribbles") else "extent",
        sigma=sigma,
        seeds=of_prompts,
    )
    axes = [torch.stack(axis, dim=-2) for axis in zip(click, box, scribble, strict=True)]
    kind = prompts.kind[..., None, None].expand(*prompts.kind.shape, 1, CANONICAL)
    horizontal, vertical = (axis.gather(-2, kind).squeeze(-2) for axis in axes)
    sign = torch.stack([prompts.positive, ~prompts.positive], dim=-1).to(horizontal.dtype)
    return torch.cat([horizontal, vertical, sign], dim=-1) * prompts.valid[..., None]


def with_stand_in(
    tokens: Float[Tensor, "b n dim"], valid: Bool[Tensor, "b n"], stand_in: Float[Tensor, " dim"]
) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
    """Tokens, and which of them count: a sample without any prompt gets `stand_in` in its first slot."""
    first = torch.arange(tokens.shape[1], device=tokens.device) == 0
    without = ~valid.any(dim=1, keepdim=True) & first
    return torch.where(without[..., None], stand_in, tokens), valid | without


class PromptUnifiedEncoder(nn.Module):
    """Section III-B: prompts to query tokens.

    The projection from the vector to a token is not given in the paper; it is a perceptron with one hidden layer, as in
    the code of its authors.

    Args:
        dim: width of a token.
        hidden: width of the hidden layer.
        mark_kind: add a learned vector for click, box or scribble. Without it an 18-px box, whose bell is as wide as a
            click's, is told from a click only by its last tap.
        place_code: add the positional code of the image tokens, averaged under `q_h` and `q_v` read as distributions
            (ours), so that a prompt finds its place in the picture by the similarity of codes from the first step.
        temperature: of that positional code.
        formula, sigma, peak, visual: see `prompt_vectors`.
    """

    _places: Tensor

    def __init__(
        self,
        dim: int,
        hidden: int,
        *,
        mark_kind: bool = True,
        place_code: bool = True,
        temperature: float = 10000.0,
        formula: Formula = "extent",
        sigma: float = 3.0,
        peak: float = 1.0,
        visual: Visual = "none",
    ) -> None:
        super().__init__()
        self.formula: Formula = formula
        self.sigma, self.peak = sigma, peak
        self.visual: Visual = visual
        self.place_code = place_code
        self.project = nn.Sequential(nn.Linear(VECTOR, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.kind = nn.Embedding(len(KINDS), dim) if mark_kind else None
        self.no_prompt = nn.Parameter(torch.zeros(dim))
        places = axis_code(torch.arange(CANONICAL, dtype=torch.float32), dim // 2, temperature)
        self.register_buffer("_places", places, persistent=False)

    def forward(
        self,
        prompts: PromptBatch,
        image: Float[Tensor, "b 3 448 448"] | None = None,
        seeds: Int64[Tensor, " b"] | None = None,
    ) -> tuple[Float[Tensor, "b n dim"], Bool[Tensor, "b n"]]:
        """The tokens, and which of them count.

        A sample without any prompt (refining a mask alone) gets one learned token in its first slot.
        """
        vectors = prompt_vectors(
            prompts,
            formula=self.formula,
            sigma=self.sigma,
            peak=self.peak,
            visual=self.visual,
            image=image,
            seeds=seeds,
        )
        tokens = self.project(vectors)
        if self.kind is not None:
            tokens = tokens + self.kind(prompts.kind)
        if self.place_code:
            tokens = tokens + self._place(vectors)
        return with_stand_in(tokens, prompts.valid, self.no_prompt)

    def _place(self, vectors: Float[Tensor, "b n 898"]) -> Float[Tensor, "b n dim"]:
        horizontal, vertical, _ = vectors.split([CANONICAL, CANONICAL, 2], dim=-1)
        share = [v / v.sum(dim=-1, keepdim=True).clamp_min(1e-6) for v in (horizontal, vertical)]
        return torch.cat([weights @ self._places for weights in share], dim=-1)
