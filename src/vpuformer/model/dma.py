"""Dual-cross Merging Attention (section III-C): prompts look at the picture, the picture looks at the prompts."""

from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with `heads` heads; keys that are not `valid` get no weight.

    Written out: prompts are a few dozen at most, so that all weights fit into memory with ease, and PyTorch's fused
    kernels, which are made for thousands of tokens on both sides, cost a training step on a CPU a tenth more.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(
        self,
        query: Float[Tensor, "b q d"],
        key: Float[Tensor, "b k d"],
        value: Float[Tensor, "b k d"],
        valid: Bool[Tensor, "b k"] | None = None,
    ) -> Float[Tensor, "b q d"]:
        q, k, v = (
            rearrange(projected, "b n (h e) -> b h n e", h=self.heads)
            for projected in (self.query(query), self.key(key), self.value(value))
        )
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        if valid is not None:
            scores = scores.masked_fill(~valid[:, None, None, :], -torch.inf)
        return self.out(rearrange(scores.softmax(dim=-1).to(v.dtype) @ v, "b h n e -> b n (h e)"))


class FeedForward(nn.Module):
    """A perceptron with one hidden layer, on normalised input (Eq. 8)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        return self.layers(x)


class Merged(NamedTuple):
    """What one layer hands on."""

    query: Float[Tensor, "b n d"]
    """Updated prompt features."""
    visual: Float[Tensor, "b l d"]
    """Updated image tokens."""
    dual: Float[Tensor, "b l d"]
    """`F_dual`: the encoder's features, filtered by what the prompts respond to."""
    attended: Float[Tensor, "b n d"]
    """q' of Eq. 7: the self-attended prompt features."""


def interactive_information_filtering(
    features: Float[Tensor, "b l d"],
    prompt_response: Float[Tensor, "b n d"],
    visual_response: Float[Tensor, "b l d"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, "b l d"]:
    """Eqs. 9 and 10: `f_v (1 + g_c + g_s)`.

    The channel gate `g_c` is the sigmoid of the highest response among the prompts, for every channel; the spatial gate
    `g_s` that of the highest response among the channels, for every place. Eq. 10 as printed would square `f_v`.
    Slots without a prompt never win.
    """
    channel_gate = prompt_response.masked_fill(~valid[..., None], -torch.inf).amax(dim=1, keepdim=True).sigmoid()
    spatial_gate = visual_response.amax(dim=2, keepdim=True).sigmoid()
    return features * (1 + channel_gate + spatial_gate)


class DualCrossMergingAttention(nn.Module):
    """One layer: self-attention, two cross-attentions, two feed-forward layers, interactive information filtering.

    Args:
        residual: add residual paths where Eqs. 7 and 8 have none (around self-attention and feed-forward layers) and
            normalise what enters the attentions.
        gate: filter by Eqs. 9 and 10; without it `F_dual` is the updated image tokens alone.
        add_tokens: `F_dual` is the filtered features plus the updated image tokens. The gates alone are
            nearly blind at first: the maximum over many normalised channels is close to 1 everywhere.
    """

    def __init__(
        self, dim: int, heads: int, ffn_dim: int, *, residual: bool, add_tokens: bool, gate: bool = True
    ) -> None:
        super().__init__()
        self.residual, self.add_tokens, self.gate = residual, add_tokens, gate
        self.self_attention = MultiHeadAttention(dim, heads)
        self.prompt_to_semantic = MultiHeadAttention(dim, heads)
        self.semantic_to_prompt = MultiHeadAttention(dim, heads)
        self.prompt_ffn, self.visual_ffn = FeedForward(dim, ffn_dim), FeedForward(dim, ffn_dim)
        self.norm_query = nn.LayerNorm(dim) if residual else nn.Identity()
        self.norm_attended = nn.LayerNorm(dim) if residual else nn.Identity()
        self.norm_visual = nn.LayerNorm(dim) if residual else nn.Identity()

    def forward(
        self,
        query: Float[Tensor, "b n d"],
        original: Float[Tensor, "b n d"],
        visual: Float[Tensor, "b l d"],
        features: Float[Tensor, "b l d"],
        position: Float[Tensor, "l d"],
        valid: Bool[Tensor, "b n"],
    ) -> Merged:
        """One step.

        Args:
            query: prompt features so far.
            original: prompt features as PuE made them, added again at every layer.
            visual: image tokens so far.
            features: `f_v`, what the image encoder made; this is what is filtered.
            position: code of the image tokens' places.
            valid: which prompt slots hold a prompt.
        """
        query = query + original
        normal = self.norm_query(query)
        attended = self.self_attention(normal, normal, normal, valid)
        if self.residual:
            query = attended = query + attended
            attended = self.norm_attended(attended)
        tokens = self.norm_visual(visual)

        prompt_response = self.prompt_to_semantic(attended, tokens + position, tokens) + query
        visual_response = self.semantic_to_prompt(tokens + position, attended, attended, valid) + visual
        prompt_hat, visual_hat = self.prompt_ffn(prompt_response), self.visual_ffn(visual_response)
        if self.residual:
            prompt_hat, visual_hat = prompt_response + prompt_hat, visual_response + visual_hat

        if not self.gate:
            return Merged(prompt_hat, visual_hat, visual_hat, attended)
        dual = interactive_information_filtering(features, prompt_hat, visual_hat, valid)
        return Merged(prompt_hat, visual_hat, dual + visual_hat if self.add_tokens else dual, attended)
