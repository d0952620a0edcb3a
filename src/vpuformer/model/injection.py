"""Injection of prompts and previous mask into the network, besides the query tokens.

They enter as maps: into the image encoder's stem (`PromptInjection.into_encoder`), or, the previous mask alone, into
its features (`PromptInjection.into_features`).
How maps get into a network of a library is the second half of this file: `InjectionPoint` names the place, `attach`
prepares the network, and `injecting` adds features during a pass.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vpuformer.encoding.maps import CHANNELS
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.features import LateralScales, Priors, PromptedFeatures, map_size, resized
from vpuformer.model.prompt_inputs import PromptInputs


def encoder_maps(config: VPUFormerConfig) -> int:
    """Number of maps (previous mask, rasterized prompts) that enter the image encoder's stem."""
    return (config.mask_fusion == "early") + CHANNELS * (config.dense_prompts == "early")


class PromptInjection(nn.Module):
    """Brings prompts and previous mask into the image encoder and into its features.

    Args:
        config: says what enters where (`mask_fusion`, `dense_prompts`, `prior`).
    """

    def __init__(self, config: VPUFormerConfig) -> None:
        super().__init__()
        self._config = config
        if config.mask_fusion == "late":
            self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.GELU())
            self.quarter = nn.Conv2d(32, config.decoder_dim, 1)
            self.sixteenth = nn.Sequential(nn.Conv2d(32, 64, 4, stride=4), nn.GELU(), nn.Conv2d(64, config.dim, 1))

    def into_encoder(
        self,
        image: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"] | None,
        prompt_maps: Float[Tensor, "b 4 h w"] | None,
    ) -> Float[Tensor, "b c h w"] | None:
        """Maps for the image encoder's stem; None where it sees the image alone.

        Raises:
            ValueError: the prompts enter the encoder, and `prompt_maps` is None.
        """
        maps = []
        if self._config.mask_fusion == "early":
            maps.append(torch.zeros_like(image[:, :1]) if mask is None else mask)
        if self._config.dense_prompts == "early":
            if prompt_maps is None:
                raise ValueError("dense_prompts='early' draws the prompts into the image encoder: pass them")
            maps.append(prompt_maps)
        return torch.cat(maps, dim=1) if maps else None

    def into_features(
        self,
        semantic: Float[Tensor, "b d h16 w16"],
        lateral: LateralScales,
        mask: Float[Tensor, "b 1 h w"],
        prompts: PromptInputs[Tensor],
    ) -> PromptedFeatures:
        """Add the previous mask at 1/16 and at 1/4, and pass on the prior."""
        if self._config.mask_fusion == "late":
            features = self.stem(F.adaptive_avg_pool2d(mask, map_size(lateral.quarter)))
            semantic = semantic + F.adaptive_avg_pool2d(self.sixteenth(features), map_size(semantic))
            lateral = lateral._replace(quarter=lateral.quarter + self.quarter(features))
        priors = None
        if prompts.prior_sixteenth is not None:
            priors = Priors(prompts.prior_sixteenth, prompts.prior_quarter, prompts.prior_eighth)
        return PromptedFeatures(semantic, lateral, priors)


@dataclass(frozen=True, slots=True)
class InjectionPoint:
    """The place in an image encoder at which features of maps are added."""

    module: str
    """Name of the module; empty for the whole encoder."""
    side: Literal["input", "output"]
    stride: Literal[1, 2, 4, 16]
    channels: int
    layout: Literal["nchw", "nhwc"] = "nchw"
    """Layout of the tensor at that place."""

    def embedding(self, maps: int) -> nn.Module:
        """The module that turns `maps` maps at full size into the features to add."""
        kind = Conv1S if self.stride <= 2 else PatchEmbedding
        return kind(maps, self.channels, stride=self.stride)


class Conv1S(nn.Module):
    """Maps at full size as features to add to the output of a convolutional stem.

    It gives a pretrained encoder more inputs, as in RITM, and the paper takes it over. The learned scale starts small,
    so that training begins with what the encoder knows.
    """

    def __init__(self, maps: int, channels: int, *, stride: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(maps, 16, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, channels, 3, stride=stride, padding=1)
        )
        self.scale = nn.Parameter(torch.tensor([0.05]))  # with an axis, for FSDP shards no scalars

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k _ _"]:
        return self.layers(maps) * self.scale


class PatchEmbedding(nn.Module):
    """A second patch embedding: SimpleClick's (stride 16) or FocalClick's (7x7, stride 4)."""

    def __init__(self, maps: int, channels: int, *, stride: int) -> None:
        super().__init__()
        kernel = 7 if stride == 4 else stride
        self.layers = nn.Conv2d(maps, channels, kernel, stride=stride, padding=kernel // 2 if stride == 4 else 0)
        self.scale = nn.Parameter(torch.tensor([0.05]))  # with an axis, for FSDP shards no scalars
        self._stride = stride

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k _ _"]:
        height, width = maps.shape[-2:]
        return self.layers(F.pad(maps, (0, -width % self._stride, 0, -height % self._stride))) * self.scale


_EXTRA: ContextVar[Tensor | None] = ContextVar("features of the maps", default=None)
"""Extra features of the current pass; a context variable, so threads share one network."""


def attach(net: nn.Module, point: InjectionPoint) -> None:
    """Prepare `net` so that passes inside `injecting` have features added at `point`."""
    module = net.get_submodule(point.module) if point.module else net
    if point.side == "output":
        module.register_forward_hook(_after_nhwc if point.layout == "nhwc" else _after)
    else:
        module.register_forward_pre_hook(_before)


@contextmanager
def injecting(extra: Tensor) -> Iterator[None]:
    """Add `extra` at the injection point in every pass inside this block."""
    token = _EXTRA.set(extra)
    try:
        yield
    finally:
        _EXTRA.reset(token)


def _after(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    extra = _EXTRA.get()
    return output if extra is None else output + resized(extra, map_size(output))


def _after_nhwc(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    extra = _EXTRA.get()
    if extra is None:
        return output
    return output + resized(extra, (output.shape[1], output.shape[2])).permute(0, 2, 3, 1)


def _before(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    extra = _EXTRA.get()
    return None if extra is None else (inputs[0] + resized(extra, map_size(inputs[0])), *inputs[1:])
