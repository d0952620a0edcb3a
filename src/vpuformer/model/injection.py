"""How maps (previous mask, drawn prompts) enter a pretrained image encoder: features of them are added inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_EXTRA: ContextVar[Tensor | None] = ContextVar("features of the maps", default=None)
"""Of the pass that this thread or task is in, so that one network serves several at once."""


@dataclass(frozen=True, slots=True)
class InjectionPoint:
    """The place in an encoder at which features of the maps are added."""

    module: str
    """Name of the module; empty for the whole encoder."""
    side: Literal["input", "output"]
    stride: Literal[1, 2, 4, 16]
    channels: int
    layout: Literal["nchw", "nhwc"] = "nchw"
    """Of what passes there."""


class Conv1S(nn.Module):
    """RITM's way of giving a pretrained encoder more inputs, which the paper takes over: maps at full size become
    features that are added to the stem's output.

    The learned scale starts small, so that training begins with what the encoder knows.
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
    """A second patch embedding beside the encoder's own, as SimpleClick (stride 16) and FocalClick (7x7, stride 4) have
    it for transformers."""

    def __init__(self, maps: int, channels: int, *, stride: int) -> None:
        super().__init__()
        kernel = 7 if stride == 4 else stride
        self.layers = nn.Conv2d(maps, channels, kernel, stride=stride, padding=kernel // 2 if stride == 4 else 0)
        self.scale = nn.Parameter(torch.tensor([0.05]))  # with an axis, for FSDP shards no scalars
        self._stride = stride

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k _ _"]:
        height, width = maps.shape[-2:]
        return self.layers(F.pad(maps, (0, -width % self._stride, 0, -height % self._stride))) * self.scale


def fusion(entry: InjectionPoint, maps: int) -> nn.Module:
    """The module that turns maps into what `entry` takes."""
    kind = Conv1S if entry.stride <= 2 else PatchEmbedding
    return kind(maps, entry.channels, stride=entry.stride)


def attach(net: nn.Module, entry: InjectionPoint) -> None:
    """Prepare `net` so that what `adding` names is added at `entry` in every pass."""
    module = net.get_submodule(entry.module) if entry.module else net
    if entry.side == "output":
        module.register_forward_hook(_after_nhwc if entry.layout == "nhwc" else _after)
    else:
        module.register_forward_pre_hook(_before)


@contextmanager
def injecting(extra: Tensor) -> Iterator[None]:
    """Passes inside this block have `extra` added at the entry."""
    token = _EXTRA.set(extra)
    try:
        yield
    finally:
        _EXTRA.reset(token)


def _after(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    extra = _EXTRA.get()
    return output if extra is None else output + _resized(extra, output.shape[-2], output.shape[-1])


def _after_nhwc(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    extra = _EXTRA.get()
    return output if extra is None else output + _resized(extra, *output.shape[1:3]).permute(0, 2, 3, 1)


def _before(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    extra = _EXTRA.get()
    if extra is None:
        return None
    return (inputs[0] + _resized(extra, inputs[0].shape[-2], inputs[0].shape[-1]), *inputs[1:])


def _resized(extra: Tensor, height: int, width: int) -> Tensor:
    # Encoders round odd sizes in their own ways.
    if extra.shape[-2:] == (height, width):
        return extra
    return F.interpolate(extra, size=(height, width), mode="bilinear", align_corners=False)
