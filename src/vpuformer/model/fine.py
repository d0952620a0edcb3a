"""Attention of the decoder's finer scales to the prompts, at their own resolution."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from vpuformer.model.config import FINE_HEADS
from vpuformer.model.dma import MultiHeadAttention, PriorGain
from vpuformer.model.features import PromptTokens


class SignEmbedding(nn.Module):
    """A learned vector times the sign of a prompt."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(0.5 * torch.randn(dim))

    def forward(self, sign: Float[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        return sign[..., None] * self.vector


class FineAttention(nn.Module):
    """Attention of a map of features to the prompts, with the prior of their positions.

    Prompts are few, so that this costs little more than four 1x1 convolutions. It starts as nothing.

    Args:
        dim: width of a prompt token.
        width: channels of the map.
    """

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.norm_map, self.norm_tokens = nn.LayerNorm(width), nn.LayerNorm(dim)
        self.attention = MultiHeadAttention(width, FINE_HEADS, dim)
        self.prior = PriorGain(FINE_HEADS)
        self.sign = SignEmbedding(dim)
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.attention.out.bias)

    def forward(
        self, features: Float[Tensor, "b w h8 w8"], tokens: PromptTokens, prior: Float[Tensor, "b n h8 w8"]
    ) -> Float[Tensor, "b w h8 w8"]:
        query = self.norm_map(rearrange(features, "b w y x -> b (y x) w")).transpose(1, 2)
        keys = self.norm_tokens(tokens.features)
        bias = self.prior(prior.flatten(2))
        answer = self.attention.of_many(query, keys, keys + self.sign(tokens.sign), tokens.valid, bias)
        return features + answer.view_as(features)
