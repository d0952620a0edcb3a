"""Dual-cross Merging Attention (section III-C): prompts look at the image, the image looks at the prompts."""

from collections.abc import Callable
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

    def __init__(self, dim: int, heads: int, key_dim: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        of_keys = dim if key_dim is None else key_dim
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(of_keys, dim), nn.Linear(of_keys, dim)
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
    channel_norm: Callable[[Tensor], Tensor] | None = None,
    spatial_norm: Callable[[Tensor], Tensor] | None = None,
) -> Float[Tensor, "b l d"]:
    """Eqs. 9 and 10: `f_v (1 + g_c + g_s)`.

    The channel gate `g_c` is the sigmoid of the highest response among the prompts, for every channel; the spatial gate
    `g_s` that of the highest response among the channels, for every place. Eq. 10 as printed would square `f_v`.
    Slots without a prompt never win. `channel_norm` and `spatial_norm` change the responses before the sigmoid.
    """
    channel = prompt_response.masked_fill(~valid[..., None], -torch.inf).amax(dim=1, keepdim=True)
    spatial = visual_response.amax(dim=2, keepdim=True)
    channel_gate = (channel if channel_norm is None else channel_norm(channel)).sigmoid()
    spatial_gate = (spatial if spatial_norm is None else spatial_norm(spatial)).sigmoid()
    return features * (1 + channel_gate + spatial_gate)


class NormalisedResponse(nn.Module):
    """Responses of a gate with mean 0 and variance 1 within a sample, then a learned scale and shift.

    The highest of many normalised channels is large at every place, where the sigmoid is flat: the gate is a constant
    and stays one. Compared with each other, places differ. Starts near the open gate, at scale 1 and shift 2.
    """

    def __init__(self) -> None:
        super().__init__()
        # With an axis, for FSDP shards no scalars.
        self.scale, self.shift = nn.Parameter(torch.ones(1)), nn.Parameter(torch.full((1,), 2.0))

    def forward(self, response: Float[Tensor, "b k c"]) -> Float[Tensor, "b k c"]:
        flat = response.float().flatten(1)
        centred = flat - flat.mean(dim=1, keepdim=True)
        normal = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
        return normal.reshape(response.shape).to(response.dtype) * self.scale + self.shift


class PriorGain(nn.Module):
    """A log-prior as the bias of attention logits, times a learned gain a head, 1 at the start."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(heads))

    def forward(self, prior: Float[Tensor, "b q k"]) -> Float[Tensor, "b h q k"]:
        return self.gain[:, None, None] * prior[:, None]


class SignEmbedding(nn.Module):
    """A learned vector times the sign of a prompt."""

    def __init__(self, dim: int, std: float = 0.1) -> None:
        super().__init__()
        self.vector = nn.Parameter(std * torch.randn(dim))

    def forward(self, sign: Float[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        return sign[..., None] * self.vector


class Mixing(nn.Module):
    """A depthwise 7x7 convolution over the grid of image tokens; starts as nothing.

    Image tokens attend to prompts alone. This carries what one of them has read to the places around it, as the
    convolutions in the feed-forward layers of SegFormer do.
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


class DualCrossMergingAttention(nn.Module):
    """One layer: self-attention, two cross-attentions, two feed-forward layers, interactive information filtering.

    Args:
        residual: add residual paths where Eqs. 7 and 8 have none (around self-attention and feed-forward layers) and
            normalise what enters the attentions.
        gate: filter by Eqs. 9 and 10; without it `F_dual` is the updated image tokens alone.
        add_tokens: `F_dual` is the filtered features plus the updated image tokens. The gates alone are
            nearly blind at first: the maximum over many normalised channels is close to 1 everywhere.
        gate_norm: normalise the responses before the sigmoid of Eq. 9: over the places, and over the channels.
        prior: add the prior of the prompts' places to the logits of both cross-attentions.
        sign: add a learned vector, times a prompt's sign, to what the image tokens read of the prompts.
        mixing: image tokens exchange what they have read with their neighbours.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        ffn_dim: int,
        *,
        residual: bool,
        add_tokens: bool,
        gate: bool = True,
        gate_norm: bool = False,
        prior: bool = False,
        sign: bool = False,
        mixing: bool = False,
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
        self.gates = nn.ModuleList([NormalisedResponse(), NormalisedResponse()]) if gate and gate_norm else None
        self.prompt_prior = PriorGain(heads) if prior else None
        self.visual_prior = PriorGain(heads) if prior else None
        self.sign = SignEmbedding(dim) if sign else None
        self.mixing = Mixing(dim) if mixing else None

    def forward(
        self,
        query: Float[Tensor, "b n d"],
        original: Float[Tensor, "b n d"],
        visual: Float[Tensor, "b l d"],
        features: Float[Tensor, "b l d"],
        position: Float[Tensor, "l d"],
        valid: Bool[Tensor, "b n"],
        prompts: Bool[Tensor, "b n"] | None = None,
        prior: Float[Tensor, "b n l"] | None = None,
        sign: Float[Tensor, "b n"] | None = None,
        width: int | None = None,
    ) -> Merged:
        """One step.

        Args:
            query: prompt features so far.
            original: prompt features as PuE made them, added again at every layer.
            visual: image tokens so far.
            features: `f_v`, what the image encoder made; this is what is filtered.
            position: code of the image tokens' places.
            valid: which slots take part in the attention: prompts and null tokens.
            prompts: which slots may win the maximum of Eq. 9; those of `valid` where there are no null tokens.
            prior: log-prior of every slot over the image tokens (`vpuformer.encoding.prior`).
            sign: 1 for a positive prompt, -1 for a negative one, 0 for a null token.
            width: image tokens in a row of their grid; needed for `mixing`.
        """
        query = query + original
        normal = self.norm_query(query)
        attended = self.self_attention(normal, normal, normal, valid)
        if self.residual:
            query = attended = query + attended
            attended = self.norm_attended(attended)
        tokens = self.norm_visual(visual)

        looked = None if self.prompt_prior is None or prior is None else self.prompt_prior(prior)
        shown = None if self.visual_prior is None or prior is None else self.visual_prior(prior.transpose(1, 2))
        values = attended if self.sign is None or sign is None else attended + self.sign(sign)
        prompt_response = self.prompt_to_semantic(attended, tokens + position, tokens, bias=looked) + query
        visual_response = self.semantic_to_prompt(tokens + position, attended, values, valid, shown) + visual
        if self.mixing is not None:
            assert width is not None
            visual_response = visual_response + self.mixing(visual_response, width)
        prompt_hat, visual_hat = self.prompt_ffn(prompt_response), self.visual_ffn(visual_response)
        if self.residual:
            prompt_hat, visual_hat = prompt_response + prompt_hat, visual_response + visual_hat

        if not self.gate:
            return Merged(prompt_hat, visual_hat, visual_hat, attended)
        gates = (None, None) if self.gates is None else self.gates
        dual = interactive_information_filtering(
            features, prompt_hat, visual_hat, valid if prompts is None else prompts, *gates
        )
        return Merged(prompt_hat, visual_hat, dual + visual_hat if self.add_tokens else dual, attended)
