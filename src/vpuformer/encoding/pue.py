"""The Prompt-unified Encoder: every click, box and scribble as one vector, and that vector as a query token."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
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
from vpuformer.encoding.seeding import derive_seed
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
    if visual != "none" and image is None:
        raise ValueError(f"visual={visual!r} compares colours: pass the image as `image`")
    vectors = prompts.bounds.new_zeros(*prompts.kind.shape, VECTOR)
    vectors[..., -2] = prompts.positive & prompts.valid
    vectors[..., -1] = ~prompts.positive & prompts.valid
    # Each kind in its own slots alone: clicks pay for no stroke, and a long stroke pads no click.
    for kind in KINDS:
        sample, slot = prompts.is_kind(kind).nonzero(as_tuple=True)
        bounds = prompts.bounds[sample, slot]
        if kind == "scribble":
            axes = scribble_vectors(
                prompts.points[sample, slot],
                prompts.point_valid[sample, slot],
                bounds,
                CANONICAL,
                formula="literal" if formula in ("literal", "literal-scribbles") else "extent",
                sigma=sigma,
                seeds=None if seeds is None else derive_seed(seeds[sample], slot),
            )
        else:
            (x0, y0, x1, y1), colours = bounds.unbind(-1), (None, None)
            if image is not None and visual != "none":
                colours = visual_distance(image, sample, (x0 + x1) / 2, (y0 + y1) / 2)
            sides = zip((x0, y0), (x1, y1), colours, strict=True)
            axes = [_bell_of(kind, *side, formula=formula, sigma=sigma, peak=peak, visual=visual) for side in sides]
        vectors[sample, slot, :-2] = torch.cat([*axes], dim=-1)
    return vectors


def _bell_of(
    kind: Literal["click", "box"],
    low: Float[Tensor, " k"],
    high: Float[Tensor, " k"],
    colour: Float[Tensor, "k 448"] | None,
    *,
    formula: Formula,
    sigma: float,
    peak: float,
    visual: Visual,
) -> Float[Tensor, "k 448"]:
    """The vectors of clicks or boxes along one axis, on which they reach from `low` to `high`."""
    centre, truncate = (low + high) / 2, 1.0 if formula == "literal" else 3.0
    if kind == "click":
        vector = click_vector(centre, CANONICAL, sigma=sigma, truncate=truncate)
    elif formula == "literal":
        vector = literal_box_vector(low, high, CANONICAL, sigma=sigma)
    else:
        vector = box_vector(low, high, CANONICAL, sigma=sigma if formula == "fixed-boxes" else None)
    pixels = torch.arange(CANONICAL, device=low.device, dtype=low.dtype)
    if colour is not None and visual == "damping":
        vector = vector * bell(colour, VISUAL_SIGMA, torch.inf)
    elif colour is not None:
        # Eq. 2 speaks of pixel values: 0 to 255.
        vector = bell((pixels - centre[..., None]).abs() * colour * 255, sigma, truncate * sigma)
        if kind == "box":
            vector = vector * ((pixels >= low[..., None]) & (pixels < high[..., None]))
    if kind == "click" and peak != 1.0:
        nearest = centre.round().clamp(0, CANONICAL - 1)[..., None]
        vector = torch.where(pixels == nearest, peak * vector, vector)
    return vector


def with_no_prompt_token(
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
        kind_embedding: add a learned vector for click, box or scribble. Without it an 18-px box, whose bell is as wide
            as a click's, has the vector of the click at its centre.
        position_embedding: add the positional code of the image tokens, averaged under `q_h` and `q_v` read as
            distributions (ours), so that a prompt finds its position by the similarity of codes from the first step.
        temperature: of that positional code.
        formula, sigma, peak, visual: see `prompt_vectors`.
    """

    _places: Tensor

    def __init__(
        self,
        dim: int,
        hidden: int,
        *,
        kind_embedding: bool = True,
        position_embedding: bool = True,
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
        self.position_embedding = position_embedding
        self.project = nn.Sequential(nn.Linear(VECTOR, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.kind = nn.Embedding(len(KINDS), dim) if kind_embedding else None
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

        A sample without any prompt (refining a mask alone) gets the parameter `no_prompt` in its first slot. It starts
        at zero, and only such samples train it.
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
        if self.position_embedding:
            tokens = tokens + self._place(vectors)
        return with_no_prompt_token(tokens, prompts.valid, self.no_prompt)

    def _place(self, vectors: Float[Tensor, "b n 898"]) -> Float[Tensor, "b n dim"]:
        horizontal, vertical, _ = vectors.split([CANONICAL, CANONICAL, 2], dim=-1)
        share = [v / v.sum(dim=-1, keepdim=True).clamp_min(1e-6) for v in (horizontal, vertical)]
        return torch.cat([weights @ self._places for weights in share], dim=-1)
