"""Dual-cross Merging Attention (section III-C): prompts and image attend to each other."""

from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vpuformer.encoding.position import grid_code, random_frequencies
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.features import PromptedFeatures, PromptTokens

LAYERS = 3
"""DMA layers; the decoder has one scale more."""

_FIRST_SCALE = 2.5
"""What `1 + g_c + g_s` of Eq. 10 is on average in a network that has learned nothing."""


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention of several heads; keys that are not `valid` get no weight.

    Written out: prompts are a few dozen at most, so that all weights fit into memory with ease, and PyTorch's fused
    kernels, which are made for thousands of tokens on both sides, cost a training step on a CPU a tenth more.
    """

    def __init__(self, dim: int, heads: int, key_dim: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        key_dim = key_dim or dim
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(key_dim, dim), nn.Linear(key_dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(
        self,
        query: Float[Tensor, "b q d"],
        key: Float[Tensor, "b k e"],
        value: Float[Tensor, "b k e"],
        valid: Bool[Tensor, "b k"] | None = None,
        bias: Float[Tensor, "b h q k"] | None = None,
    ) -> Float[Tensor, "b q d"]:
        """Attend; `bias` is added to the logits."""
        q, k, v = (
            rearrange(projected, "b n (h e) -> b h n e", h=self.heads)
            for projected in (self.query(query), self.key(key), self.value(value))
        )
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        if bias is not None:
            scores = scores + bias
        if valid is not None:
            scores = scores.masked_fill(~valid[:, None, None, :], -torch.inf)
        return self.out(rearrange(scores.softmax(dim=-1).to(v.dtype) @ v, "b h n e -> b n (h e)"))

    def of_many(
        self,
        query: Float[Tensor, "b d q"],
        key: Float[Tensor, "b k e"],
        value: Float[Tensor, "b k e"],
        valid: Bool[Tensor, "b k"],
        bias: Float[Tensor, "b h k q"],
    ) -> Float[Tensor, "b d q"]:
        """The same for thousands of queries and a few keys, channels first.

        The projections of the queries and of the answers are applied to keys and values instead, which are fewer.
        """
        k, v = (
            rearrange(projected, "b n (h e) -> b h n e", h=self.heads)
            for projected in (self.key(key), self.value(value))
        )
        k = k * k.shape[-1] ** -0.5
        into = rearrange(self.query.weight, "(h e) d -> h e d", h=self.heads)
        out = rearrange(self.out.weight, "d (h e) -> h e d", h=self.heads)
        offset = k @ rearrange(self.query.bias, "(h e) -> h e 1", h=self.heads)
        scores = rearrange(rearrange(k @ into, "b h n d -> b (h n) d") @ query, "b (h n) q -> b h n q", h=self.heads)
        scores = (scores + (bias + offset)).masked_fill(~valid[:, None, :, None], -torch.inf)
        weights = rearrange(scores.softmax(dim=2).to(v.dtype), "b h n q -> b (h n) q")
        return rearrange(v @ out, "b h n d -> b d (h n)") @ weights + self.out.bias[:, None]


class FeedForward(nn.Module):
    """A perceptron with one hidden layer, on normalised input (Eq. 8)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        return self.layers(x)


def interactive_information_filtering(
    features: Float[Tensor, "b l d"],
    prompt_response: Float[Tensor, "b n d"],
    visual_response: Float[Tensor, "b l d"],
    is_prompt: Bool[Tensor, "b n"],
) -> Float[Tensor, "b l d"]:
    """`f_v (1 + g_c + g_s)` (Eqs. 9 and 10).

    The channel gate `g_c` is the sigmoid of the highest response among the prompts, for every channel; the spatial gate
    `g_s` that of the highest response among the channels, for every image token. Eq. 10 as printed would square `f_v`.
    Tokens without a prompt never win.
    """
    channel = prompt_response.masked_fill(~is_prompt[..., None], -torch.inf).amax(dim=1, keepdim=True)
    spatial = visual_response.amax(dim=2, keepdim=True)
    return features * (1 + channel.sigmoid() + spatial.sigmoid())


class PriorGain(nn.Module):
    """A log-prior as a bias of attention logits, times a learned gain per head (first 1)."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(heads))

    def forward(self, prior: Float[Tensor, "b q k"]) -> Float[Tensor, "b h q k"]:
        return self.gain[:, None, None] * prior[:, None]


class Mixing(nn.Module):
    """A depthwise 7x7 convolution over the grid of image tokens; starts as nothing.

    Image tokens attend to prompts alone. This carries what one of them has read to its neighbours, as the convolutions
    in the feed-forward layers of SegFormer do.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.convolution = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        nn.init.zeros_(self.convolution.weight)
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]

    def forward(self, tokens: Float[Tensor, "b l d"], width: int) -> Float[Tensor, "b l d"]:
        grid = rearrange(self.norm(tokens), "b (h w) d -> b d h w", w=width)
        return rearrange(self.convolution(grid), "b d h w -> b (h w) d")


class LayerOutput(NamedTuple):
    """What one DMA layer hands on."""

    query: Float[Tensor, "b n d"]
    """Updated prompt features."""
    visual: Float[Tensor, "b l d"]
    """Updated image tokens."""
    dual: Float[Tensor, "b l d"]
    """`F_dual`, the filtered or scaled features of the encoder; with `add_tokens`, plus `visual`."""
    attended: Float[Tensor, "b n d"]
    """q' of Eq. 7: the self-attended prompt features."""


class DMALayer(nn.Module):
    """One layer: self-attention, two cross-attentions, feed-forward layers, filtering."""

    def __init__(self, config: VPUFormerConfig) -> None:
        super().__init__()
        dim, heads, ffn_dim = config.dim, config.heads, config.ffn_dim
        self.residual, self.add_tokens = config.residual, config.add_tokens
        self.scale = None if config.filtering else nn.Parameter(torch.full((dim,), _FIRST_SCALE))
        self.self_attention = MultiHeadAttention(dim, heads)
        self.prompt_to_semantic = MultiHeadAttention(dim, heads)
        self.semantic_to_prompt = MultiHeadAttention(dim, heads)
        self.prompt_ffn, self.visual_ffn = FeedForward(dim, ffn_dim), FeedForward(dim, ffn_dim)
        self.norm_query = nn.LayerNorm(dim) if self.residual else nn.Identity()
        self.norm_attended = nn.LayerNorm(dim) if self.residual else nn.Identity()
        self.norm_visual = nn.LayerNorm(dim) if self.residual else nn.Identity()
        self.prompt_prior = PriorGain(heads) if config.prior != "none" else None
        self.visual_prior = PriorGain(heads) if config.prior != "none" else None
        self.mixing = Mixing(dim) if config.mixing else None

    def forward(
        self,
        query: Float[Tensor, "b n d"],
        visual: Float[Tensor, "b l d"],
        tokens: PromptTokens,
        features: Float[Tensor, "b l d"],
        position: Float[Tensor, "l d"],
        width: int,
        prior: Float[Tensor, "b n l"] | None = None,
    ) -> LayerOutput:
        """Let prompts and image look at each other once.

        Args:
            query: prompt features so far.
            visual: image tokens so far.
            tokens: prompt features as PuE made them, which every layer adds again.
            features: `f_v`, what the image encoder made; this is what is filtered or scaled.
            position: positional code of the image tokens.
            width: image tokens in a row of their grid.
            prior: log-prior of every token over the image tokens (`vpuformer.encoding.prior`).
        """
        query = query + tokens.features
        normal = self.norm_query(query)
        attended = self.self_attention(normal, normal, normal, tokens.valid)
        if self.residual:
            query = attended = query + attended
            attended = self.norm_attended(attended)
        semantic = self.norm_visual(visual)

        prompt_bias = visual_bias = None
        if self.prompt_prior is not None and self.visual_prior is not None and prior is not None:
            prompt_bias, visual_bias = self.prompt_prior(prior), self.visual_prior(prior.transpose(1, 2))
        prompt_response = self.prompt_to_semantic(attended, semantic + position, semantic, bias=prompt_bias) + query
        read = self.semantic_to_prompt(semantic + position, attended, attended, tokens.valid, visual_bias)
        visual_response = read + visual
        if self.mixing is not None:
            visual_response = visual_response + self.mixing(visual_response, width)
        prompt_hat, visual_hat = self.prompt_ffn(prompt_response), self.visual_ffn(visual_response)
        if self.residual:
            prompt_hat, visual_hat = prompt_response + prompt_hat, visual_response + visual_hat

        if self.scale is None:
            dual = interactive_information_filtering(features, prompt_hat, visual_hat, tokens.is_prompt)
        else:
            dual = features * self.scale
        return LayerOutput(prompt_hat, visual_hat, dual + visual_hat if self.add_tokens else dual, attended)


class DMAOutput(NamedTuple):
    """What the DMA layers make of an image and its prompts."""

    maps: list[Float[Tensor, "b d h w"]]
    """Maps for the decoder's four scales, finest first, all at 1/16."""
    tokens: PromptTokens
    """Sum of the original prompt features and of every layer's."""
    contrast_query: Float[Tensor, "b n d"]
    """Prompt features that P2CL embeds."""


class DMA(nn.ModuleList):
    """All DMA layers, or none (Table V): then every scale is made of the encoder's map."""

    _frequencies: Tensor | None

    def __init__(self, config: VPUFormerConfig) -> None:
        super().__init__(DMALayer(config) for _ in range(LAYERS if config.dma else 0))
        self._config = config
        fourier = config.dma and config.position_code == "fourier"
        if config.dma and not self._prompts_are_read:
            # Training on several devices needs a gradient of every trained weight, and these have none.
            for part in (self[-1].prompt_to_semantic, self[-1].prompt_ffn, self[-1].prompt_prior):
                if part is not None:
                    part.requires_grad_(False)
        self.register_buffer("_frequencies", random_frequencies(config.dim) if fourier else None, persistent=False)

    @property
    def _prompts_are_read(self) -> bool:
        """Whether anything reads the prompt features that the last layer makes."""
        config = self._config
        return config.filtering or config.fine_attention != "none" or config.contrast_query == "sum"

    def forward(self, features: PromptedFeatures, tokens: PromptTokens) -> DMAOutput:
        config, original = self._config, tokens.features
        if not config.dma:
            return DMAOutput([features.semantic] * (LAYERS + 1), tokens, original)
        h, w = features.semantic.shape[-2:]
        position = grid_code((h, w), config.dim, self._frequencies, original.device)
        semantic = visual = rearrange(features.semantic, "b d h w -> b (h w) d")
        prior = None if features.priors is None else rearrange(features.priors.sixteenth, "b n h w -> b n (h w)")
        query, total, attended = torch.zeros_like(original), original, original
        maps = []
        for layer in self:
            query, visual, dual, attended = layer(query, visual, tokens, semantic, position, w, prior)
            total = total + query
            maps.append(rearrange(dual, "b (h w) d -> b d h w", h=h))
        finest = maps[-1] if config.finest_scale == "dma" else features.semantic
        contrast_query = attended if config.contrast_query == "self-attended" else total
        return DMAOutput([finest, *maps], tokens._replace(features=total), contrast_query)
