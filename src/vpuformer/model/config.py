"""What a network is made of: one frozen dataclass, and the variants by name. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.fields import check_fields
from vpuformer.geometry import check_input_size

DensePrompts = Literal["none", "late", "middle", "early"]
MaskFusion = Literal["early", "late"]
Prior = Literal["none", "vectors", "shapes"]

IMAGE_ENCODERS = ("mobilenetv2", "hrnet18s", "resnet50", "mit_b0", "vit_b")
"""The names of `vpuformer.model.encoders.BACKBONES`, without importing torch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VPUFormerConfig:
    """The shape of a VPUFormer. The defaults are the variant `default` but for `dense_prompts`, of which every image
    encoder is capable as it stands here; `paper` is the paper to the word.

    Raises:
        ConfigError: a field is out of range or contradicts another.
    """

    backbone: str = "mobilenetv2"
    """Image encoder: a name of `vpuformer.model.encoders.BACKBONES`, or `timm:` and any network of timm."""
    input_size: int = 448
    """Side of the square that the image or crop is stretched to. Prompts are encoded at 448 whatever this is."""
    dim: int = 128
    """Width d of image and prompt tokens in the attention."""
    heads: int = 8
    layers: int = 3
    """Number of DMA layers; the decoder has one scale more."""
    ffn_dim: int = 256
    """Hidden width of the two feed-forward layers of a DMA layer."""
    decoder_dim: int = 64
    """Width of the decoder's features at every scale, and of the embedding that P2CL compares."""
    pue_hidden: int = 256
    """Hidden width of the projection from a prompt's vector to its token."""

    prompt_encoding: str = "pue"
    """How a prompt becomes a token, a name of `vpuformer.model.prompt_encoders.PROMPT_ENCODERS`: `pue`, or what
    Table IV compares it with, `distance-map` and `learned-vector`."""
    formula: Literal["extent", "literal", "fixed-boxes", "literal-scribbles"] = "extent"
    visual: Literal["none", "damping", "product"] = "none"
    sigma: float = 3.0
    peak: float = 1.0
    """Formula, visual distance, width and peak of the prompt vectors; see `vpuformer.encoding.pue.prompt_vectors`."""
    kind_embedding: bool = True
    """Tell the network whether a prompt is a click, a box or a scribble."""
    position_embedding: bool = True
    """Give prompts the positional code of their place in the image."""
    temperature: float = 30.0
    """Of the positional code: its longest wavelength in multiples of the shortest one."""
    position_code: Literal["sines", "fourier"] = "sines"
    """Positional code of the image tokens: sines and cosines along each axis, or Segment Anything's random Fourier
    features, which the paper cites and of which `temperature` is no part."""

    mask_fusion: MaskFusion = "late"
    """Where the previous mask enters: `early` through Conv1S into the image encoder's stem (the paper), or `late`, next
    to its features, so that these depend on the image alone and are computed once for all its objects and prompts."""
    dense_prompts: DensePrompts = "late"
    """Draw the prompts as maps too: not at all (the paper), after the image encoder ("late"), there and within it at
    1/8, so that its coarse stages run for every prompt and the fine ones once for an image ("middle"), or into its
    stem (its authors' code, "early")."""
    dma: bool = True
    """Without DMA (Table V) prompts enter as maps alone, so `dense_prompts` must not be `none`."""
    null_tokens: int = 0
    """Number of learned "not a prompt" tokens that take part in the attention of every sample, so that an image token
    can attend to no prompt. 4 is a good number; with 0, a single prompt gets all attention everywhere."""
    prior: Prior = "none"
    """Add the log of where a prompt is to the logits of the cross-attentions: as its vector shows it ("vectors"), or
    with the inside of boxes and the stroke of scribbles instead of their profiles ("shapes")."""
    sign_values: bool = False
    """Add a learned vector times a prompt's sign to what the image tokens read of the prompts."""
    fine_attention: Literal["none", "eighth", "quarter"] = "none"
    """The decoder's finer scales attend to the prompts too: at 1/8 ("eighth"), or at 1/8 and 1/4 ("quarter")."""
    mixing: bool = False
    """Image tokens exchange what they have read of the prompts with their neighbours: a depthwise 7x7 convolution in
    every DMA layer."""
    gate_norm: bool = False
    """Normalise the responses before the sigmoid of Eq. 9, over the places and over the channels, with a learned scale
    and shift: their maximum is large everywhere, so that the gates hardly filter."""
    gate: bool = True
    """Filter the encoder's features by what the prompts respond to (Eqs. 9 and 10)."""
    residual: bool = True
    """Residual paths around the self-attention and the feed-forward layers, with normalised inputs; the paper's Eqs. 7
    and 8 have them around the cross-attentions only."""
    add_tokens: bool = True
    """Add the updated image tokens to the gated features; the paper only gates."""
    finest_scale: Literal["raw", "dma"] = "dma"
    """What the finest scale of the decoder is made of: the encoder's features, or the last DMA layer's."""
    lateral_scales: Literal["quarter", "quarter+eighth"] = "quarter+eighth"
    """Which of the encoder's finer stages reach the decoder directly."""
    refine: bool = True
    """A 3x3 convolution on the merged features at 1/4; the paper's head has 1x1 convolutions alone."""
    upsampler: bool = True
    """Take the logits from 1/4 to 1/2 with the finest features of the image; the paper only enlarges them."""
    linear_query: bool = False
    """P2CL's embedding of a prompt is linear, as printed in Eq. 14, instead of a perceptron with one hidden layer."""
    contrast_query: Literal["sum", "self-attended"] = "sum"
    """Prompt features that P2CL embeds: the sum of the original ones and of every layer's output (the authors' code),
    or the self-attended query q' of the last layer, as printed in Eq. 14. Without DMA it is the original ones."""

    def __post_init__(self) -> None:
        check_fields(self)
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "null_tokens" else 1
            if isinstance(value, int) and not isinstance(value, bool) and value < least:
                raise ConfigError(f"{field.name}={value} must be at least {least}")
        for name in ("sigma", "peak", "temperature"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}={getattr(self, name)} must be above 0")
        if self.dim % self.heads:
            raise ConfigError(f"heads={self.heads} does not divide dim={self.dim}")
        if self.dim % 4:
            raise ConfigError(f"dim={self.dim} must be a multiple of 4: a quarter each for sine and cosine of x and y")
        check_input_size(self.input_size)
        if not self.dma and self.dense_prompts == "none":
            raise ConfigError("dma=False and dense_prompts='none': no prompt reaches the mask; draw them early or late")
        if self.dense_prompts == "middle" and self.mask_fusion != "late":
            raise ConfigError("dense_prompts='middle' draws the previous mask as well: it needs mask_fusion='late'")
        if self.fine_attention != "none" and (self.prior == "none" or not self.null_tokens or not self.dma):
            raise ConfigError(
                f"fine_attention={self.fine_attention!r} needs dma=True, a prior, and null_tokens: without them a"
                " single prompt gets the same weight at every place"
            )
        if not self.gate and not self.add_tokens:
            raise ConfigError("gate=False and add_tokens=False: nothing would be left of what DMA computes")
        if self.position_embedding and self.prompt_encoding != "pue":
            raise ConfigError(
                "position_embedding=True reads PuE's vectors, which"
                f" prompt_encoding={self.prompt_encoding!r} does not make"
            )
        if self.position_code == "fourier" and self.position_embedding:
            raise ConfigError("position_embedding=True needs a code of each axis of its own: position_code='sines'")
        if self.contrast_query == "self-attended" and not self.gate:
            raise ConfigError("contrast_query='self-attended' and gate=False: nothing reads the last layer's prompts")
        if self.layers != 3:
            raise ConfigError(f"layers={self.layers}: the decoder's four scales take three DMA layers")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `config.json` holds them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "VPUFormerConfig":
        """The inverse of `to_dict`; a field that is missing keeps its default.

        Raises:
            ConfigError: a field is unknown, of the wrong type or out of range.
        """
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(unknown_name("setting of the model", name, known))
        return cls(**values)


VARIANTS: Mapping[str, VPUFormerConfig] = MappingProxyType(
    {
        "default": VPUFormerConfig(dense_prompts="middle"),
        "paper": VPUFormerConfig(
            dim=256,
            ffn_dim=1024,
            decoder_dim=256,
            pue_hidden=2048,
            kind_embedding=False,
            position_embedding=False,
            temperature=10000.0,
            mask_fusion="early",
            dense_prompts="none",
            residual=False,
            add_tokens=False,
            finest_scale="raw",
            lateral_scales="quarter",
            refine=False,
            upsampler=False,
            linear_query=True,
            position_code="fourier",
            contrast_query="self-attended",
        ),
    }
)


def variant(name: str) -> VPUFormerConfig:
    """The configuration of this name.

    Raises:
        ConfigError: there is none.
    """
    if name not in VARIANTS:
        raise ConfigError(unknown_name("variant", name, VARIANTS))
    return VARIANTS[name]
