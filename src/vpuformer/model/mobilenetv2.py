"""MobileNetV2 without its classifier: the image encoder of the bundled weights.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018. timm has the same network, and its names
of the weights are used here. But importing timm takes longer than importing PyTorch, since it imports all its networks
and torchvision, and the bundled weights shall answer soon after the start.
"""

import math

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_STEM = 32
"""Channels at 1/2, before the first stage."""

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, number of blocks and stride of each stage: t, c, n and s of the paper's Table 2."""

MAPS = {"blocks.0": (2, 16), "blocks.1": (4, 24), "blocks.2": (8, 32), "blocks.4": (16, 96), "blocks.6": (32, 320)}
"""Stride and channels of the feature maps, by the stage that makes them: the last of each stride."""


class MobileNetV2(nn.Module):
    """A stem at 1/2 and seven stages, with random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(3, _STEM, 3, stride=2, padding=1, bias=False)
        self.bn1 = _NormReLU6(_STEM)
        stages, channels = [], _STEM
        for expansion, width, blocks, stride in _STAGES:
            first = _Block(channels, width, stride, expansion)
            stages.append(nn.Sequential(first, *(_Block(width, width, 1, expansion) for _ in range(blocks - 1))))
            channels = width
        self.blocks = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
                nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The feature maps of `MAPS`."""
        x, maps = self.bn1(self.conv_stem(image)), []
        for name, stage in self.blocks.named_children():
            x = stage(x)
            if f"blocks.{name}" in MAPS:
                maps.append(x)
        return maps


class _NormReLU6(nn.BatchNorm2d):
    """A batch norm and its activation."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, as nn.BatchNorm2d has it
        return F.relu6(super().forward(input), inplace=True)


class _Block(nn.Module):
    """An inverted residual: widen, filter each channel, narrow. With an expansion of 1 it does not widen."""

    def __init__(self, channels: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        narrow, norm = "conv_pw", 1
        if expansion > 1:
            self.add_module("conv_pw", nn.Conv2d(channels, inner, 1, bias=False))
            self.add_module("bn1", _NormReLU6(inner))
            narrow, norm = "conv_pwl", 2
        self.add_module("conv_dw", nn.Conv2d(inner, inner, 3, stride, padding=1, groups=inner, bias=False))
        self.add_module(f"bn{norm}", _NormReLU6(inner))
        self.add_module(narrow, nn.Conv2d(inner, width, 1, bias=False))
        self.add_module(f"bn{norm + 1}", nn.BatchNorm2d(width))
        self._residual = stride == 1 and channels == width

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        result = x
        for layer in self.children():
            result = layer(result)
        return result + x if self._residual else result
