"""Image encoders from timm behind one thin adapter: picture (and previous mask) to feature maps at four strides."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import timm
import torch
from jaxtyping import Float
from timm.models import FeatureInfo
from torch import Tensor, nn

from vpuformer.errors import ConfigError, unknown_name

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, by channel; every encoder here was trained with them."""

STRIDES = (4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Backbone:
    """How a timm network is used."""

    timm_name: str
    stem: str
    """The module to whose output Conv1S adds the previous mask, at 1/2."""
    stem_channels: int
    to_quarter: tuple[str, ...]
    """The modules up to stride 4, which training may leave as they are."""


BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {
        "mobilenetv2": Backbone(
            "mobilenetv2_100",
            stem="bn1",
            stem_channels=32,
            to_quarter=("conv_stem", "bn1", "blocks.0", "blocks.1"),
        ),
    }
)


class Conv1S(nn.Module):
    """RITM's way of giving a pretrained encoder more inputs, which the paper takes over: maps at full size are turned
    into features at 1/2 that are added to the stem's output.

    The learned scale starts small, so that training begins with what the encoder knows.
    """

    def __init__(self, maps: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(maps, 16, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, channels, 3, stride=2, padding=1)
        )
        self.scale = nn.Parameter(torch.tensor(0.05))

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        return self.layers(maps) * self.scale


class ImageEncoder(nn.Module):
    """A timm network with `features_only`, its input normalised here.

    With maps it is not to be called from several threads at once: they enter by a hook that lives for one call.

    Args:
        name: one of `BACKBONES`.
        maps: how many maps (previous mask, drawn prompts) Conv1S adds at the stem; 0 for none.
        pretrained: fetch ImageNet weights through timm's hub.
    """

    _mean: Tensor
    _std: Tensor

    def __init__(self, name: str, maps: int = 0, *, pretrained: bool = False) -> None:
        super().__init__()
        if name not in BACKBONES:
            raise ConfigError(unknown_name("backbone", name, BACKBONES))
        spec = BACKBONES[name]
        net = timm.create_model(spec.timm_name, features_only=True, pretrained=pretrained)
        self.net: nn.Module = net
        info = cast(FeatureInfo, net.feature_info)
        self._levels = [info.reduction().index(stride) for stride in STRIDES]
        self.channels: Sequence[int] = [info.channels()[level] for level in self._levels]
        self.fusion = Conv1S(maps, spec.stem_channels) if maps else None
        self._spec = spec
        self._frozen: list[nn.Module] = []
        self.register_buffer("_mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(
        self, image: Float[Tensor, "b 3 h w"], maps: Float[Tensor, "b c h w"] | None = None
    ) -> list[Float[Tensor, "b _ _ _"]]:
        """Feature maps at 1/4, 1/8, 1/16 and 1/32. `image` holds values in [0, 1]."""
        normalised = (image - self._mean) / self._std
        if self.fusion is None:
            features = self.net(normalised)
        else:
            if maps is None:
                raise ValueError("this image encoder takes the previous mask: pass zeros where there is none")
            with self._added_at_stem(self.fusion(maps)):
                features = self.net(normalised)
        return [features[level] for level in self._levels]

    @contextmanager
    def _added_at_stem(self, extra: Tensor) -> Iterator[None]:
        def add(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            return output + extra

        handle = self.net.get_submodule(self._spec.stem).register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()

    def freeze(self, *, stem: bool, norms: bool) -> None:
        """Keep parts of the encoder as they are: everything up to stride 4, the statistics of its batch norms.

        The finest stages take most of the time of a training step, and what they see is much the same in every picture.
        """
        if stem:
            self._frozen += [self.net.get_submodule(name) for name in self._spec.to_quarter]
            for module in self._frozen:
                module.requires_grad_(False)
        if norms:
            self._frozen += [module for module in self.net.modules() if isinstance(module, nn.BatchNorm2d)]
        self.train(self.training)

    def train(self, mode: bool = True) -> "ImageEncoder":
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self
