"""Attention of the decoder's finer scales to the prompts: there, where a map of the prompts would be drawn."""

from typing import NamedTuple

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vpuformer.model.dma import MultiHeadAttention, PriorGain, SignEmbedding

HEADS = 4


class Attended(NamedTuple):
    """What the decoder's scales attend to."""

    tokens: Float[Tensor, "b n d"]
    """Prompt features after the DMA layers, and null tokens."""
    valid: Bool[Tensor, "b n"]
    sign: Float[Tensor, "b n"]
    """1 for a positive prompt, -1 for a negative one, 0 for a null token."""
    priors: list[Float[Tensor, "b n _ _"]]
    """Log-prior of every token at 1/4 and at 1/8, as far as the decoder attends there."""


class FineAttention(nn.Module):
    """A map of features attends to the prompts, with the prior of their places at its own resolution.

    Prompts are few, so that this costs little more than four 1x1 convolutions. It starts as nothing.

    Args:
        dim: width of a prompt token.
        width: channels of the map.
    """

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.norm_map, self.norm_tokens = nn.LayerNorm(width), nn.LayerNorm(dim)
        self.attention = MultiHeadAttention(width, HEADS, dim)
        self.prior = PriorGain(HEADS)
        self.sign = SignEmbedding(dim, std=0.5)
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.attention.out.bias)

    def forward(
        self,
        features: Float[Tensor, "b w h8 w8"],
        tokens: Float[Tensor, "b n d"],
        valid: Bool[Tensor, "b n"],
        sign: Float[Tensor, "b n"],
        prior: Float[Tensor, "b n h8 w8"],
    ) -> Float[Tensor, "b w h8 w8"]:
        query = self.norm_map(rearrange(features, "b w y x -> b (y x) w"))
        keys = self.norm_tokens(tokens)
        bias = self.prior(rearrange(prior, "b n y x -> b (y x) n"))
        answer = self.attention(query, keys, keys + self.sign(sign), valid, bias)
        return features + rearrange(answer, "b (y x) w -> b w y x", x=features.shape[-1])
