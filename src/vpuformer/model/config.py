"""The parts of a network: one frozen dataclass, and the variants by name. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.fields import build, check_fields
from vpuformer.geometry import check_input_size

IMAGE_ENCODERS = ("mobilenetv2", "efficientnet_lite2", "hrnet18s", "resnet50", "mit_b0", "vit_b")
"""Names of the entries of `vpuformer.model.encoders.BACKBONES`, for programs that load no torch."""

FINE_HEADS = 4
"""Heads of the attention of the decoder's finer scales."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VPUFormerConfig:
    """The shape of a VPUFormer. The defaults are the variant `default`.

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
    ffn_dim: int = 256
    """Hidden width of the two feed-forward layers of a DMA layer."""
    decoder_dim: int = 64
    """Width of the decoder's features at every scale, and of the embedding that P2CL compares."""
    pue_hidden: int = 256
    """Hidden width of the projection from a prompt's vector to its token."""

    prompt_encoding: str = "pue"
    """Encoding of a prompt as a token, a name of `vpuformer.model.prompt_encoders.PROMPT_ENCODERS`: `pue`, or what
    Table IV compares it with, `distance-map` and `learned-vector`."""
    kind_embedding: bool = True
    """Add a learned vector for click, box or scribble to a prompt's token."""
    position_embedding: bool = True
    """Add the positional code of the prompt's position in the image to its token."""
    position_code: Literal["sines", "fourier"] = "sines"
    """Positional code of the image tokens: sines and cosines along each axis, or Segment Anything's random Fourier
    features, which the paper cites."""

    mask_fusion: Literal["early", "late"] = "late"
    """Entry of the previous mask: `early` through Conv1S into the image encoder's stem (the paper), or `late` into
    its features, so that these depend on the image alone and are computed once for all its objects and prompts."""
    dense_prompts: Literal["none", "early"] = "none"
    """Rasterize the prompts to maps as well, into the image encoder's stem: "none" (the paper), or "early" (the
    authors' code)."""
    dma: bool = True
    """Without DMA (Table V) prompts enter as maps alone, so `dense_prompts` must be `early`."""
    null_tokens: int = 4
    """Number of learned "not a prompt" tokens that take part in the attention of every sample, so that an image token
    can attend to no prompt. With 0, a single prompt gets all attention everywhere."""
    prior: Literal["none", "shapes"] = "shapes"
    """Add the log of a prompt's extent (a click's bell, the inside of a box, the stroke of a scribble) to the logits of
    the cross-attentions."""
    fine_attention: Literal["none", "quarter"] = "quarter"
    """The decoder's scales at 1/8 and 1/4 attend to the prompts too."""
    mixing: bool = True
    """Image tokens exchange what they have read of the prompts with their neighbours: a depthwise 7x7 convolution in
    every DMA layer."""
    residual: bool = True
    """Residual paths around the self-attention and the feed-forward layers, with normalised inputs; the paper's Eqs. 7
    and 8 have them around the cross-attentions only."""
    filtering: bool = False
    """Multiply the image's features by the gates of Eqs. 9 and 10 (the paper), instead of by a learned number a
    channel, which no prompt changes."""
    add_tokens: bool = True
    """Add the updated image tokens to these features; the paper does not."""
    finest_scale: Literal["raw", "dma"] = "dma"
    """Source of the decoder's finest scale: the encoder's features, or the last DMA layer's."""
    lateral_scales: Literal["quarter", "quarter+eighth"] = "quarter+eighth"
    """The encoder's finer stages that reach the decoder directly."""
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
        if self.dim % self.heads:
            raise ConfigError(f"heads={self.heads} does not divide dim={self.dim}")
        if self.dim % 4:
            raise ConfigError(f"dim={self.dim} must be a multiple of 4: a quarter each for sine and cosine of x and y")
        if self.fine_attention != "none" and self.decoder_dim % FINE_HEADS:
            raise ConfigError(
                f"decoder_dim={self.decoder_dim} must be a multiple of {FINE_HEADS}, the heads of fine_attention"
            )
        if self.refine and self.decoder_dim < 2:
            raise ConfigError(f"decoder_dim={self.decoder_dim} must be at least 2: refine=True halves it")
        check_input_size(self.input_size)
        if not self.dma and self.dense_prompts == "none":
            raise ConfigError("dma=False, dense_prompts='none': no prompt reaches the mask; set dense_prompts='early'")
        if self.dma and not (self.filtering or self.add_tokens):
            raise ConfigError("filtering=False, add_tokens=False: no prompt reaches the mask; set one of them to true")
        if self.fine_attention != "none" and (self.prior == "none" or not self.null_tokens or not self.dma):
            raise ConfigError(
                f"fine_attention={self.fine_attention!r} needs dma=True, a prior, and null_tokens: without them a"
                " single prompt gets the same weight everywhere"
            )
        if self.position_embedding and self.prompt_encoding != "pue":
            raise ConfigError(
                "position_embedding=True reads PuE's vectors, which"
                f" prompt_encoding={self.prompt_encoding!r} does not make; set it to false"
            )
        if self.position_embedding and self.position_code == "fourier":
            raise ConfigError("position_embedding=True needs a code of each axis of its own: position_code='sines'")

    @property
    def features_depend_on_mask(self) -> bool:
        """Whether a new previous mask needs a new pass of the image encoder."""
        return self.mask_fusion == "early"

    @property
    def features_depend_on_prompts(self) -> bool:
        """Whether a new prompt needs a new pass of the image encoder."""
        return self.dense_prompts == "early"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `config.json` holds them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "VPUFormerConfig":
        """The inverse of `to_dict`; a missing field keeps its default.

        Only `filtering` does not: all networks had the gates before there was this field.

        Raises:
            ConfigError: a field is unknown, of the wrong type or out of range.
        """
        return build(cls, {"filtering": True, **values})


VARIANTS: Mapping[str, VPUFormerConfig] = MappingProxyType(
    {
        "default": VPUFormerConfig(),
        "paper": VPUFormerConfig(
            dim=256,
            ffn_dim=1024,
            decoder_dim=256,
            pue_hidden=2048,
            kind_embedding=False,
            position_embedding=False,
            position_code="fourier",
            mask_fusion="early",
            prior="none",
            fine_attention="none",
            mixing=False,
            residual=False,
            filtering=True,
            add_tokens=False,
            finest_scale="raw",
            lateral_scales="quarter",
            refine=False,
            upsampler=False,
            linear_query=True,
            contrast_query="self-attended",
        ),
    }
)


def variant(name: str) -> VPUFormerConfig:
    """The configuration of this name.

    Raises:
        ConfigError: no variant has that name.
    """
    if name not in VARIANTS:
        raise ConfigError(unknown_name("variant", name, VARIANTS))
    return VARIANTS[name]
