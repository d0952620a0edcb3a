"""The prompts of a batch as the numbers that a network takes. Imports no torch.

Whatever depends on how many points a prompt has, and on its kind, is computed here, in NumPy, once for every runtime.
The network then does the same with every prompt, so that it can be exported as a graph.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Generic, TypeVar

from jaxtyping import Float, Int64
from numpy import ndarray as Array

from vpuformer.arrays import Size
from vpuformer.encoding.ablation_vectors import distance_vectors, sampled_points
from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.maps import rasterize_prompts
from vpuformer.encoding.prior import prompt_priors
from vpuformer.encoding.pue import prompt_vectors
from vpuformer.model.config import VPUFormerConfig

VECTORS: Mapping[str, Callable[[PromptBatch, Int64[Array, " b"] | None], Float[Array, "b n k"]]] = MappingProxyType(
    {"pue": prompt_vectors, "distance-map": distance_vectors, "learned-vector": sampled_points}
)
"""The vectors of prompts by the name of their encoding (`VPUFormerConfig.prompt_encoding`)."""

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class PromptInputs(Generic[A]):
    """Prompts of `b` samples in `n` slots, as arrays or as tensors.

    A part is None where the network has no such input.
    """

    vectors: A
    """Shape (b, n, k), float32; see `VECTORS`."""
    kind: A
    """Shape (b, n), int64: index into `KINDS`."""
    positive: A
    """Shape (b, n), bool."""
    valid: A
    """Shape (b, n), bool: False for an empty slot."""
    prior_sixteenth: A | None = None
    """Shape (b, n + null tokens, h16, w16), float32: log-priors, see `vpuformer.encoding.prior`."""
    prior_quarter: A | None = None
    """At 1/4, and `prior_eighth` at 1/8: `fine_attention` "quarter"."""
    prior_eighth: A | None = None

    def named(self) -> dict[str, A]:
        """The parts that the network has, by name."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in parts.items() if part is not None}

    def converted(self, convert: Callable[[A], B]) -> "PromptInputs[B]":
        """The same, with each part converted."""
        return PromptInputs(**{name: convert(part) for name, part in self.named().items()})


PER_PROMPT = frozenset(field.name for field in fields(PromptInputs))
"""Names of the parts; the second axis of each counts prompts."""


@dataclass(frozen=True, slots=True)
class Grids:
    """Sizes (h, w) of the feature maps that prompts enter."""

    image: Size
    """Size of the network's input."""
    lateral_eighth: bool
    """Whether the decoder gets the image encoder's map at 1/8; without it the scale is twice that at 1/16."""

    @property
    def quarter(self) -> Size:
        return self._at(4)

    @property
    def eighth(self) -> Size:
        h, w = self.sixteenth
        return self._at(8) if self.lateral_eighth else (2 * h, 2 * w)

    @property
    def sixteenth(self) -> Size:
        return self._at(16)

    def _at(self, stride: int) -> Size:
        return -(-self.image[0] // stride), -(-self.image[1] // stride)


def prompt_inputs(
    config: VPUFormerConfig, prompts: PromptBatch, grids: Grids, seeds: Int64[Array, " b"] | None = None
) -> PromptInputs[Array]:
    """The numbers that a network of this shape takes.

    Args:
        seeds: one for each sample, for the choices that scribbles leave open, in training.
    """
    priors: list[Array] = []
    if config.prior != "none" and config.dma:
        sizes = [grids.sixteenth]
        if config.fine_attention == "quarter":
            sizes += [grids.quarter, grids.eighth]
        priors = prompt_priors(prompts, sizes, config.null_tokens)
    return PromptInputs(
        VECTORS[config.prompt_encoding](prompts, seeds),
        prompts.kind,
        prompts.positive,
        prompts.valid,
        *priors,
    )


def encoder_prompt_maps(config: VPUFormerConfig, prompts: PromptBatch, size: Size) -> Float[Array, "b 4 h w"] | None:
    """The prompts drawn for the image encoder's stem, if `dense_prompts` is "early"."""
    return rasterize_prompts(prompts, size) if config.dense_prompts == "early" else None
