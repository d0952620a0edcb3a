"""The whole network: `forward` is figure 3."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.maps import CHANNELS, rasterize_prompts
from vpuformer.encoding.position import grid_code
from vpuformer.encoding.prior import NOWHERE, prompt_priors
from vpuformer.errors import ConfigError
from vpuformer.geometry import CANONICAL
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.decoder import LateralScales, MultiScaleDecoder, Upsampler
from vpuformer.model.dma import DualCrossMergingAttention
from vpuformer.model.encoders import FeaturePyramid, ImageEncoder
from vpuformer.model.fine import Attended
from vpuformer.model.prompt_encoders import prompt_encoder

SCALES = {"none": (), "eighth": (1,), "quarter": (0, 1)}
"""Scales of the decoder that attend to the prompts, by `VPUFormerConfig.fine_attention`."""
FINE = 16
"""Channels of the features at 1/2."""


def repeat_samples(part: Float[Tensor, "b ..."], times: int) -> Float[Tensor, "b_times ..."]:
    """Every sample `times` in a row, in the memory layout that `part` has.

    `repeat_interleave` on the tensor itself drops channels last, and all that follows would be rearranged.
    """
    return part[torch.arange(len(part), device=part.device).repeat_interleave(times)]


class Features(NamedTuple):
    """What the image encoder makes of an image. Reusable for every object while it depends on the image alone."""

    visual: Float[Tensor, "b d h16 w16"] | Float[Tensor, "b c h8 w8"]
    """`f_v`: all stages, projected to d channels and merged at 1/16; or, where its coarse stages wait for the prompts
    (`dense_prompts="middle"`), the encoder's map at 1/8."""
    lateral: LateralScales
    """The finer stages, projected to the decoder's width."""
    colours: Float[Tensor, "b 3 448 448"] | None
    """The image in the canonical frame, if the prompt vectors compare colours."""

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return sum(part.nbytes for part in (self.visual, *self.lateral, self.colours) if part is not None)

    def repeat(self, times: int) -> "Features":
        """Every sample `times` in a row: several objects of one image."""
        return _partwise(lambda part: repeat_samples(part, times), self)

    def samples(self) -> list["Features"]:
        """Those of each sample, as batches of one."""
        count = len(self.visual)
        return [_partwise(lambda part, i=i: part[i : i + 1], self) for i in range(count)]

    @staticmethod
    def joined(samples: Sequence["Features"]) -> "Features":
        """Batches behind each other; the inverse of `samples`."""
        return _partwise(lambda *parts: torch.cat(parts), *samples)


def _partwise(combine: Callable[..., Tensor], *features: Features) -> Features:
    """`combine` of each part; a part that is missing stays missing."""

    def combined(*parts: Tensor | None) -> Any:
        return None if parts[0] is None else combine(*parts)

    lateral = LateralScales(*map(combined, *(each.lateral for each in features)))
    visual, colours = (combined(*parts) for parts in ([f.visual for f in features], [f.colours for f in features]))
    return Features(visual, lateral, colours)


class Output(NamedTuple):
    """What the network says."""

    logits: Float[Tensor, "b 1 h w"]
    """Of the mask, at the size of the input."""
    pixels: Float[Tensor, "b D h4 w4"]
    """`F_v`, the embedding of pixels that P2CL compares with `prompts`."""
    prompts: Float[Tensor, "b n D"]
    """The embedding of prompts."""


class VPUFormer(nn.Module):
    """Visual Prompt Unified Transformer: image, previous mask and prompts to a mask.

    >>> from vpuformer.geometry import Crop, FrameMap
    >>> from vpuformer.prompts import Click
    >>> model = VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)).eval()
    >>> prompts = PromptBatch.collate([[Click(30, 20)]], [FrameMap.to_canonical(Crop.whole((64, 64)))])
    >>> with torch.inference_mode():
    ...     model(torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64), prompts).logits.shape
    torch.Size([1, 1, 64, 64])
    """

    def __init__(self, config: VPUFormerConfig, *, pretrained: bool = False) -> None:
        super().__init__()
        self.config = config
        early = (config.mask_fusion == "early") + CHANNELS * (config.dense_prompts == "early")
        late = (config.mask_fusion == "late") + CHANNELS * (config.dense_prompts in ("late", "middle"))
        dim, width = config.dim, config.decoder_dim

        self.pue = prompt_encoder(config)
        self.backbone = ImageEncoder(config.backbone, early, pretrained=pretrained)
        quarter, eighth = self.backbone.quarter_channels, self.backbone.eighth_channels
        self.project = nn.ModuleList(nn.Conv2d(channels, dim, 1) for channels in self.backbone.semantic_channels)
        self.lateral_quarter = None if quarter is None else nn.Conv2d(quarter, width, 1)
        eighth = eighth if config.lateral_scales == "quarter+eighth" else None
        self.lateral_eighth = None if eighth is None else nn.Conv2d(eighth, width, 1)
        middle = self.backbone.eighth_channels if config.dense_prompts == "middle" else None
        if config.dense_prompts == "middle" and (middle is None or not self.backbone.can_pause):
            raise ConfigError(
                f"dense_prompts='middle': the image encoder {config.backbone!r} cannot pause at 1/8; set"
                " dense_prompts='late'"
            )
        self.dense = DensePrompts(late, dim, width, middle) if late else None
        self.dma = nn.ModuleList(
            DualCrossMergingAttention(
                dim,
                config.heads,
                config.ffn_dim,
                residual=config.residual,
                add_tokens=config.add_tokens,
                gate=config.gate,
                gate_norm=config.gate_norm,
                prior=config.prior != "none",
                sign=config.sign_values,
                mixing=config.mixing,
            )
            for _ in range(config.layers if config.dma else 0)
        )
        self.null_tokens = (
            nn.Parameter(torch.randn(config.null_tokens, dim)) if config.null_tokens and config.dma else None
        )
        self.decoder = MultiScaleDecoder(dim, width, refine=config.refine, attending=SCALES[config.fine_attention])
        self.lateral_half = (
            nn.Conv2d(self.backbone.half_channels or 3, FINE, 3, padding=1) if config.upsampler else None
        )
        self.sharpen = Upsampler(width, FINE) if config.upsampler else None
        self.embed_prompt = (
            nn.Linear(dim, width)
            if config.linear_query
            else nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, width))
        )

    @property
    def features_depend_on_mask(self) -> bool:
        """Whether a new previous mask needs a new pass of the image encoder."""
        return self.config.mask_fusion == "early"

    @property
    def features_depend_on_prompts(self) -> bool:
        """Whether a new prompt needs a new pass of the image encoder."""
        return self.config.dense_prompts == "early"

    def forward(
        self,
        image: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"],
        prompts: PromptBatch,
        seeds: Int64[Tensor, " b"] | None = None,
    ) -> Output:
        """Segment.

        Args:
            image: values in [0, 1].
            mask: the previous mask as probabilities, zeros where there is none.
            prompts: every prompt given so far.
            seeds: of every sample, for the choices that scribbles leave open, in training.
        """
        return self.decode(self.encode(image, mask, prompts), mask, prompts, seeds)

    def encode(
        self,
        image: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"] | None = None,
        prompts: PromptBatch | None = None,
    ) -> Features:
        """The image encoder; `mask` and `prompts` matter only where the features depend on them."""
        colours = None
        if self.config.visual != "none":
            colours = F.interpolate(image, size=(CANONICAL, CANONICAL), mode="bilinear", align_corners=False)
        if self._coarse_stages_wait:
            fine, eighth = self.backbone.begin(image)
            return Features(eighth, self._lateral(fine, image), colours)
        maps = []
        if self.features_depend_on_mask:
            maps.append(torch.zeros_like(image[:, :1]) if mask is None else mask)
        if self.features_depend_on_prompts:
            if prompts is None:
                raise ValueError("dense_prompts='early' draws the prompts into the image encoder: pass them")
            maps.append(rasterize_prompts(prompts, (image.shape[-2], image.shape[-1])))
        pyramid = self.backbone(image, torch.cat(maps, dim=1) if maps else None)

        visual = self._merged(pyramid.semantic, (image.shape[-2], image.shape[-1]))
        return Features(visual, self._lateral(pyramid, image), colours)

    @property
    def _coarse_stages_wait(self) -> bool:
        """Whether the image encoder's stages beyond 1/8 run when the prompts are there."""
        return self.config.dense_prompts == "middle"

    def _merged(self, stages: Sequence[Tensor], image_size: tuple[int, int]) -> Float[Tensor, "b d h16 w16"]:
        """`f_v` of the semantic stages."""
        size = (-(-image_size[0] // 16), -(-image_size[1] // 16))
        visual = sum(
            F.adaptive_avg_pool2d(projected, size)
            if projected.shape[-1] > size[-1] or projected.shape[-2] > size[-2]
            else F.interpolate(projected, size=size, mode="bilinear", align_corners=False)
            for projected in (project(stage) for project, stage in zip(self.project, stages, strict=True))
        )
        assert isinstance(visual, Tensor)
        return visual

    def _lateral(self, pyramid: FeaturePyramid, image: Tensor) -> LateralScales:
        eighth = quarter = half = None
        if self.lateral_half is not None:
            if pyramid.half is None:
                size = (-(-image.shape[-2] // 2), -(-image.shape[-1] // 2))
                half = self.lateral_half(F.adaptive_avg_pool2d(image, size))
            else:
                half = self.lateral_half(pyramid.half)
        if self.lateral_eighth is not None and pyramid.eighth is not None:
            eighth = self.lateral_eighth(pyramid.eighth)
        if self.lateral_quarter is not None and pyramid.quarter is not None:
            quarter = self.lateral_quarter(pyramid.quarter)
        if quarter is None:
            # An encoder of one resolution: the decoder's finest scale comes from that one map alone.
            size = (-(-image.shape[-2] // 4), -(-image.shape[-1] // 4))
            quarter = image.new_zeros(len(image), self.config.decoder_dim, *size)
        return LateralScales(quarter, eighth, half)

    def decode(
        self,
        features: Features,
        mask: Float[Tensor, "b 1 h w"],
        prompts: PromptBatch,
        seeds: Int64[Tensor, " b"] | None = None,
    ) -> Output:
        """Everything after the image encoder."""
        query, valid = self.pue(prompts, features.colours, seeds)
        visual, lateral, _ = features
        if self.dense is not None:
            drawn = self.dense(self._late_maps(mask, prompts, (lateral.quarter.shape[-2], lateral.quarter.shape[-1])))
            if drawn.eighth is not None:
                eighth = visual + _filled(drawn.eighth, visual)
                size = (mask.shape[-2], mask.shape[-1])
                visual = self._merged(self.backbone.resume(eighth, size), size)
            lateral = lateral._replace(quarter=lateral.quarter + drawn.quarter)
            visual = visual + F.adaptive_avg_pool2d(drawn.sixteenth, (visual.shape[-2], visual.shape[-1]))

        slots = self._slots(query, valid, prompts, visual, lateral)
        levels, tokens, contrasted = self._merge(visual, slots)
        attended = slots.attended(tokens) if self.config.fine_attention != "none" else None
        logits, pixels = self.decoder(levels, lateral, attended)
        if self.sharpen is not None and lateral.half is not None:
            logits = self.sharpen(logits, pixels, lateral.half)
        size = (mask.shape[-2], mask.shape[-1])
        logits = F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)
        return Output(logits, pixels, self.embed_prompt(contrasted[:, : query.shape[1]]))

    def _late_maps(self, mask: Tensor, prompts: PromptBatch, size: tuple[int, int]) -> Tensor:
        maps = []
        if self.config.mask_fusion == "late":
            maps.append(F.adaptive_avg_pool2d(mask, size))
        if self.config.dense_prompts in ("late", "middle"):
            maps.append(rasterize_prompts(prompts, size))
        return torch.cat(maps, dim=1)

    def _slots(
        self,
        query: Float[Tensor, "b n d"],
        valid: Bool[Tensor, "b n"],
        prompts: PromptBatch,
        visual: Float[Tensor, "b d h w"],
        lateral: LateralScales,
    ) -> "Slots":
        """The prompts and, behind them, the null tokens, with what the attention has to know of them."""
        config = self.config
        sign = torch.where(prompts.valid, torch.where(prompts.positive, 1.0, -1.0), 0.0)
        priors = None
        if config.prior != "none" and config.dma:
            h, w = visual.shape[-2:]
            finer = [(lateral.quarter.shape[-2], lateral.quarter.shape[-1]), (2 * h, 2 * w)]
            if lateral.eighth is not None:
                finer[1] = (lateral.eighth.shape[-2], lateral.eighth.shape[-1])
            sizes = [(h, w), *(finer if config.fine_attention != "none" else [])]
            shapes = config.prior == "shapes"
            priors = prompt_priors(prompts, sizes, shapes=shapes, formula=config.formula, sigma=config.sigma)
        slots = Slots(query, valid, valid, sign, priors)
        return slots if self.null_tokens is None else slots.followed_by(self.null_tokens)

    def _merge(
        self, visual: Float[Tensor, "b d h w"], slots: "Slots"
    ) -> tuple[list[Float[Tensor, "b d h w"]], Float[Tensor, "b n d"], Float[Tensor, "b n d"]]:
        """The DMA layers: maps for the decoder's four scales, finest first, the prompt features that the decoder may
        attend to, and the prompts' part in P2CL.

        P2CL reads the sum of the original prompt features and of every layer's, or the last layer's self-attended ones
        (`contrast_query`). Without DMA (Table V) all scales are made of the encoder's map, and P2CL reads the prompt
        features as they are.
        """
        original = slots.tokens
        if not self.config.dma:
            return [visual] * 4, original, original
        h, w = visual.shape[-2:]
        config = self.config
        position = grid_code((h, w), config.dim, config.temperature, visual.device, config.position_code)
        features = tokens = rearrange(visual, "b d h w -> b (h w) d")
        query, embedding = torch.zeros_like(original), original
        prior = None if slots.priors is None else rearrange(slots.priors[0], "b n h w -> b n (h w)")
        attended = original
        duals = []
        for layer in self.dma:
            query, tokens, dual, attended = layer(
                query, original, tokens, features, position, slots.valid, slots.prompts, prior, slots.sign, w
            )
            embedding = embedding + query
            duals.append(rearrange(dual, "b (h w) d -> b d h w", h=h))
        contrasted = attended if config.contrast_query == "self-attended" else embedding
        return [duals[-1] if config.finest_scale == "dma" else visual, *duals], embedding, contrasted


class Slots(NamedTuple):
    """What takes part in the attention beside the image: prompts and null tokens."""

    tokens: Float[Tensor, "b n d"]
    valid: Bool[Tensor, "b n"]
    """Slots that hold a prompt, the stand-in for one, or a null token."""
    prompts: Bool[Tensor, "b n"]
    """Those of them that are no null token."""
    sign: Float[Tensor, "b n"]
    """1 for a positive prompt, -1 for a negative one, 0 for everything else."""
    priors: list[Float[Tensor, "b n _ _"]] | None
    """Log-priors over the image tokens and, where the decoder attends too, over its maps at 1/4 and 1/8."""

    def followed_by(self, null_tokens: Float[Tensor, "k d"]) -> "Slots":
        """These slots, and the null tokens behind them."""
        b, k = len(self.tokens), len(null_tokens)
        nowhere = math.log(NOWHERE)
        return Slots(
            torch.cat([self.tokens, null_tokens.to(self.tokens.dtype).expand(b, -1, -1)], dim=1),
            F.pad(self.valid, (0, k), value=True),
            F.pad(self.prompts, (0, k), value=False),
            F.pad(self.sign, (0, k)),
            None if self.priors is None else [F.pad(p, (0, 0, 0, 0, 0, k), value=nowhere) for p in self.priors],
        )

    def attended(self, tokens: Float[Tensor, "b n d"]) -> Attended:
        """What the decoder attends to: these slots with `tokens`, their features after DMA."""
        assert self.priors is not None  # fine_attention needs a prior
        return Attended(tokens, self.valid, self.sign, self.priors[1:])


class Drawn(NamedTuple):
    """Features of maps, to be added at three scales."""

    quarter: Float[Tensor, "b width h4 w4"]
    sixteenth: Float[Tensor, "b dim h16 w16"]
    eighth: Float[Tensor, "b c h8 w8"] | None


class DensePrompts(nn.Module):
    """Maps at 1/4 (previous mask, drawn prompts) as features to be added at 1/4 and at 1/16, and perhaps at 1/8.

    Args:
        maps: how many.
        dim, width: channels at 1/16 and at 1/4.
        middle: channels at 1/8; what is added there starts as nothing, for that goes through pretrained stages.
    """

    def __init__(self, maps: int, dim: int, width: int, middle: int | None = None) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(maps, 32, 3, padding=1), nn.GELU())
        self.quarter = nn.Conv2d(32, width, 1)
        self.sixteenth = nn.Sequential(nn.Conv2d(32, 64, 4, stride=4), nn.GELU(), nn.Conv2d(64, dim, 1))
        self.eighth = None if middle is None else nn.Conv2d(32, middle, 3, stride=2, padding=1)
        if self.eighth is not None:
            nn.init.zeros_(self.eighth.weight)
            nn.init.zeros_(self.eighth.bias)  # type: ignore[arg-type]

    def forward(self, maps: Float[Tensor, "b c h4 w4"]) -> Drawn:
        features = self.stem(maps)
        eighth = None if self.eighth is None else self.eighth(features)
        return Drawn(self.quarter(features), self.sixteenth(features), eighth)


def _filled(maps: Tensor, like: Tensor) -> Tensor:
    """With zeros at the right and below, where the encoder's own map was filled up."""
    return F.pad(maps, (0, like.shape[-1] - maps.shape[-1], 0, like.shape[-2] - maps.shape[-2]))
