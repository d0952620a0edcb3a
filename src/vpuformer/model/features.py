"""The states of features on their way through the network, each with a type of its own.

The image encoder makes `Features`, which are kept for all objects of an image while they depend on the image alone.
`PromptedFeatures` contain the prompts and the previous mask. `PromptTokens` are the queries.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vpuformer.model.prompt_inputs import PromptInputs


def repeat_samples(part: Float[Tensor, "b ..."], times: int) -> Float[Tensor, "b_times ..."]:
    """Repeat every sample `times` in a row, in the memory layout that `part` has.

    `repeat_interleave` on the tensor itself drops channels last, and all that follows would be rearranged.
    """
    return part[torch.arange(len(part), device=part.device).repeat_interleave(times)]


def map_size(maps: Tensor) -> tuple[int, int]:
    """Height and width of an image or a map of features (..., h, w)."""
    return maps.shape[-2], maps.shape[-1]


def resized(maps: Float[Tensor, "b c h1 w1"], size: tuple[int, int]) -> Float[Tensor, "b c h2 w2"]:
    """Maps at this size; encoders round odd sizes in their own ways."""
    if map_size(maps) == size:
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


class LateralScales(NamedTuple):
    """Finer stages of the image encoder, which bypass the attention to the decoder."""

    quarter: Float[Tensor, "b c h4 w4"]
    eighth: Float[Tensor, "b c h8 w8"] | None
    half: Float[Tensor, "b k h2 w2"] | None
    """Read by the upsampler."""


FEATURES = ("semantic", "lateral_quarter", "lateral_eighth", "lateral_half")
"""Names of all features that a network may have, in their order."""


class Features(NamedTuple):
    """What the image encoder makes of a batch of images."""

    semantic: Float[Tensor, "b d h16 w16"]
    """`f_v` of the paper: all stages of stride 8 and above, projected to d channels and summed at 1/16."""
    lateral: LateralScales

    @property
    def nbytes(self) -> int:
        """Memory that the features take, in bytes."""
        return sum(part.nbytes for part in (self.semantic, *self.lateral) if part is not None)

    def repeat(self, times: int) -> "Features":
        """Every sample `times` in a row: several objects of one image."""
        return _partwise(lambda part: repeat_samples(part, times), self)

    def samples(self) -> list["Features"]:
        """The features of each sample, as batches of one."""
        return [_partwise(lambda part, i=i: part[i : i + 1], self) for i in range(len(self.lateral.quarter))]

    @staticmethod
    def joined(batches: Sequence["Features"]) -> "Features":
        """Batches concatenated; the inverse of `samples`."""
        return _partwise(lambda *parts: torch.cat(parts), *batches)

    def named(self) -> dict[str, Tensor]:
        """The features by name, see `FEATURES`."""
        parts = (self.semantic, *self.lateral)
        return {name: part for name, part in zip(FEATURES, parts, strict=True) if part is not None}

    @staticmethod
    def from_named(named: Mapping[str, Tensor]) -> "Features":
        """The inverse of `named`."""
        lateral = LateralScales(named["lateral_quarter"], named.get("lateral_eighth"), named.get("lateral_half"))
        return Features(named["semantic"], lateral)


class Priors(NamedTuple):
    """Log-prior of every token's position over the grids that attend to the tokens."""

    sixteenth: Float[Tensor, "b n h16 w16"]
    quarter: Float[Tensor, "b n h4 w4"] | None = None
    """None, like `eighth`, where the decoder does not attend."""
    eighth: Float[Tensor, "b n h8 w8"] | None = None


class PromptedFeatures(NamedTuple):
    """Features that prompts and previous mask have entered."""

    semantic: Float[Tensor, "b d h16 w16"]
    lateral: LateralScales
    priors: Priors | None


class PromptTokens(NamedTuple):
    """Query tokens of prompts and, after them, null tokens."""

    features: Float[Tensor, "b n d"]
    valid: Bool[Tensor, "b n"]
    """True for tokens that take part in the attention: of a prompt, of a sample without prompts, or null."""
    is_prompt: Bool[Tensor, "b n"]
    """True for valid tokens other than null tokens."""
    sign: Float[Tensor, "b n"]
    """1 for a positive prompt, -1 for a negative one, 0 for any other token."""

    @classmethod
    def of_prompts(
        cls, tokens: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"], prompts: PromptInputs[Tensor]
    ) -> "PromptTokens":
        """The tokens that a prompt encoder has made."""
        sign = torch.where(prompts.valid, torch.where(prompts.positive, 1.0, -1.0), 0.0)
        return cls(tokens, valid, valid, sign)

    def with_null_tokens(self, null_tokens: Float[Tensor, "k d"]) -> "PromptTokens":
        """These tokens, followed by the same null tokens in every sample."""
        b, k = self.features.shape[0], null_tokens.shape[0]  # not len, which an export would take as fixed
        return PromptTokens(
            torch.cat([self.features, null_tokens.to(self.features.dtype).expand(b, -1, -1)], dim=1),
            F.pad(self.valid, (0, k), value=True),
            F.pad(self.is_prompt, (0, k), value=False),
            F.pad(self.sign, (0, k)),
        )


def _partwise(combine: Callable[..., Tensor], *batches: Any) -> Any:
    """Apply `combine` to each tensor of equal nested tuples; None stays None."""
    first = batches[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return combine(*batches)
    return type(first)(*(_partwise(combine, *parts) for parts in zip(*batches, strict=True)))
