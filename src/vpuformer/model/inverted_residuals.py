"""MobileNetV2 and EfficientNet-Lite2 without their classifiers.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018; Tan and Le, EfficientNet, 2019, and
Google's EfficientNet-Lite, 2020, which has ReLU6 and no squeeze-and-excitation. timm has the same networks, and its
names of the weights are used here. But importing timm takes longer than importing PyTorch, since it imports all its
networks and torchvision, and the bundled weights shall answer soon after the start.
"""

import math
from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_STEM = 32
"""Channels at 1/2, before the first stage."""


class _Stage(NamedTuple):
    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int = 3


class Architecture(NamedTuple):
    """What makes one network of inverted residuals differ from another."""

    stages: tuple[_Stage, ...]
    """Expansion, channels, number of blocks, stride and kernel of each stage."""
    same_padding: bool = False
    """Pad layers of stride 2 as TensorFlow does: by one pixel less at the left and at the top."""
    epsilon: float = 1e-5
    """Epsilon of the batch norms."""

    def maps(self) -> dict[str, tuple[int, int]]:
        """Stride and channels of the feature maps, by the last stage of each stride."""
        found, stride = {}, 2
        for number, stage in enumerate(self.stages):
            stride *= stage.stride
            found[stride] = (f"blocks.{number}", (stride, stage.channels))
        return dict(found.values())


MOBILENETV2 = Architecture(
    (
        _Stage(1, 16, 1, 1),
        _Stage(6, 24, 2, 2),
        _Stage(6, 32, 3, 2),
        _Stage(6, 64, 4, 2),
        _Stage(6, 96, 3, 1),
        _Stage(6, 160, 3, 2),
        _Stage(6, 320, 1, 1),
    )
)
"""The paper's Table 2."""

EFFICIENTNET_LITE2 = Architecture(
    (
        _Stage(1, 16, 1, 1),
        _Stage(6, 24, 3, 2),
        _Stage(6, 48, 3, 2, 5),
        _Stage(6, 88, 4, 2),
        _Stage(6, 120, 4, 1, 5),
        _Stage(6, 208, 5, 2, 5),
        _Stage(6, 352, 1, 1),
    ),
    same_padding=True,
    epsilon=1e-3,
)
"""EfficientNet-B0's stages, 1.1 times as wide, and, but for the first and the last, 1.2 times as deep."""


class InvertedResiduals(nn.Module):
    """A stem at 1/2 and the stages of an architecture, with random weights."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self._maps = architecture.maps()
        padding = _add_padding(self, 3, 2, architecture)
        self.conv_stem = nn.Conv2d(3, _STEM, 3, 2, padding=padding, bias=False)
        self.bn1 = _NormReLU6(_STEM, architecture.epsilon)
        stages, channels = [], _STEM
        for stage in architecture.stages:
            later = stage._replace(stride=1)
            first = _Block(channels, stage, architecture)
            rest = [_Block(stage.channels, later, architecture) for _ in range(stage.blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            channels = stage.channels
        self.blocks = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
                nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The feature maps, finest first; see `Architecture.maps`."""
        *stem, stages = self.children()
        x, maps = image, []
        for layer in stem:
            x = layer(x)
        for name, stage in stages.named_children():
            x = stage(x)
            if f"blocks.{name}" in self._maps:
                maps.append(x)
        return maps


class _NormReLU6(nn.BatchNorm2d):
    """A batch norm and its activation."""

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__(channels, eps=epsilon)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, as nn.BatchNorm2d has it
        return F.relu6(super().forward(input), inplace=True)


def _add_padding(module: nn.Module, kernel: int, stride: int, architecture: Architecture) -> int:
    """Add a layer "pad" where the padding has two sides (for maps of even sides); return what it leaves to the next."""
    if stride == 1 or not architecture.same_padding:
        return kernel // 2
    least = (kernel - 2) // 2
    module.add_module("pad", nn.ZeroPad2d((least, least + 1, least, least + 1)))
    return 0


class _Block(nn.Module):
    """An inverted residual: widen, filter each channel, narrow. With an expansion of 1 it does not widen."""

    def __init__(self, channels: int, stage: _Stage, architecture: Architecture) -> None:
        super().__init__()
        epsilon, width, inner = architecture.epsilon, stage.channels, channels * stage.expansion
        narrow, norm = "conv_pw", 1
        if stage.expansion > 1:
            self.add_module("conv_pw", nn.Conv2d(channels, inner, 1, bias=False))
            self.add_module("bn1", _NormReLU6(inner, epsilon))
            narrow, norm = "conv_pwl", 2
        padding = _add_padding(self, stage.kernel, stage.stride, architecture)
        self.conv_dw = nn.Conv2d(inner, inner, stage.kernel, stage.stride, padding=padding, groups=inner, bias=False)
        self.add_module(f"bn{norm}", _NormReLU6(inner, epsilon))
        self.add_module(narrow, nn.Conv2d(inner, width, 1, bias=False))
        self.add_module(f"bn{norm + 1}", nn.BatchNorm2d(width, eps=epsilon))
        self._residual = stage.stride == 1 and channels == width

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        result = x
        for layer in self.children():
            result = layer(result)
        return result + x if self._residual else result
