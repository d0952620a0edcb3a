"""The multi-scale feature decoder (section III-D), and P2CL's embedding of pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vpuformer.model.features import LateralScales, Priors, PromptTokens, map_size, resized
from vpuformer.model.fine import FineAttention

HALF = 16
"""Channels of the features at 1/2."""

DROPOUT = 0.1
"""Share of the merged map's channels that are dropped in training, as in the heads of MMSegmentation."""


def group_norm(channels: int) -> nn.GroupNorm:
    """One group: a layer norm for maps, independent of the batch."""
    return nn.GroupNorm(1, channels)


class MultiScaleDecoder(nn.Module):
    """Four maps at stride 16, brought to four scales, aligned and merged at 1/4 to a logit.

    The scales are 1/4, 1/8, 1/16 and 1/32 (Eq. 11); Eqs. 12 and 13 align and merge them.

    The paper's factors 4, 16, 32, 64 cannot be reached by its "4x upsampling with two transposed convolutions"; its
    authors' code has the four strides used here. Merging by a 1x1 convolution over the concatenated, upsampled maps
    is done as the sum of four 1x1 convolutions before upsampling: the same function at a fraction of the work.

    Args:
        dim: channels of the incoming maps.
        width: channels D at every scale and of the merged map.
        refine: add a residual 3x3 convolution, at half the width, to the merged map.
        attend: let the scales at 1/4 and 1/8 attend to the prompts.
    """

    def __init__(self, dim: int, width: int, *, refine: bool, attend: bool) -> None:
        super().__init__()
        half, quarter = max(dim // 2, 1), max(dim // 4, 1)
        self.scales = nn.ModuleList(
            [
                nn.Sequential(
                    nn.ConvTranspose2d(dim, half, 2, stride=2),
                    group_norm(half),
                    nn.GELU(),
                    nn.ConvTranspose2d(half, quarter, 2, stride=2),
                    group_norm(quarter),
                    nn.Conv2d(quarter, width, 1),
                ),
                nn.Sequential(nn.ConvTranspose2d(dim, half, 2, stride=2), group_norm(half), nn.Conv2d(half, width, 1)),
                nn.Conv2d(dim, width, 1),
                nn.Sequential(nn.Conv2d(dim, 2 * dim, 2, stride=2), group_norm(2 * dim), nn.Conv2d(2 * dim, width, 1)),
            ]
        )
        self.attend = nn.ModuleList(FineAttention(dim, width) for _ in range(2 if attend else 0))
        self.activate = nn.ModuleList(nn.Sequential(group_norm(width), nn.GELU()) for _ in range(4))
        self.align = nn.ModuleList(nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU()) for _ in range(4))
        self.merge = nn.ModuleList(nn.Conv2d(width, width, 1, bias=i == 0) for i in range(4))
        self.refine = (
            nn.Sequential(
                group_norm(width),
                nn.Conv2d(width, width // 2, 1),
                nn.GELU(),
                nn.Conv2d(width // 2, width // 2, 3, padding=1),
                nn.GELU(),
                nn.Conv2d(width // 2, width, 1),
            )
            if refine
            else None
        )
        self.dropout = nn.Dropout2d(DROPOUT)
        self.head = nn.Conv2d(width, 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(
        self,
        maps: Sequence[Float[Tensor, "b d h16 w16"]],
        lateral: LateralScales,
        tokens: PromptTokens,
        priors: Priors | None,
    ) -> tuple[Float[Tensor, "b 1 h4 w4"], Float[Tensor, "b width h4 w4"]]:
        """Mask logits and merged features `F_v`, both at 1/4; `maps` has the finest scale first."""
        size = map_size(lateral.quarter)
        merged = torch.zeros_like(lateral.quarter)
        for i, level in enumerate(maps):
            scaled = self.scales[i](_at_least_two(level) if i == 3 else level)
            extra = (lateral.quarter, lateral.eighth, None, None)[i]
            if extra is not None:
                scaled = resized(scaled, map_size(extra)) + extra
            if priors is not None and i < len(self.attend):
                scaled = self.attend[i](scaled, tokens, (priors.quarter, priors.eighth)[i])
            merged = merged + resized(self.merge[i](self.align[i](self.activate[i](scaled))), size)
        if self.refine is not None:
            merged = merged + self.refine(merged)
        pixels = F.relu(merged)
        return self.head(self.dropout(pixels)), pixels


class Upsampler(nn.Module):
    """Logits at 1/4 to logits at 1/2, with the image's features at 1/2.

    The decoder's merged map scales and shifts these features, and two convolutions read off how far the boundary has to
    move. It begins as little more than enlarging.

    Args:
        width: channels of the decoder's merged map.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Conv2d(width, HALF, 1)
        self.shift = nn.Conv2d(width, HALF, 1)
        self.layers = nn.Sequential(nn.GELU(), nn.Conv2d(HALF, HALF, 3, padding=1), nn.GELU())
        self.correct = nn.Conv2d(HALF, 1, 3, padding=1)
        nn.init.normal_(self.correct.weight, std=0.01)
        nn.init.zeros_(self.correct.bias)  # type: ignore[arg-type]

    def forward(
        self,
        logits: Float[Tensor, "b 1 h4 w4"],
        pixels: Float[Tensor, "b width h4 w4"],
        half: Float[Tensor, "b 16 h2 w2"],
    ) -> Float[Tensor, "b 1 h2 w2"]:
        size = map_size(half)
        scale, shift = (resized(layer(pixels), size) for layer in (self.scale, self.shift))
        return resized(logits, size) + self.correct(self.layers(half + scale * half + shift))


def _at_least_two(maps: Tensor) -> Tensor:
    """A map one token high or wide still has a coarser scale: itself."""
    h, w = maps.shape[-2:]
    return maps if min(h, w) >= 2 else F.pad(maps, (0, w % 2, 0, h % 2), mode="replicate")
