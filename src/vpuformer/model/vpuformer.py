"""The whole network, figure 3 of the paper: image encoder, PuE, DMA, decoder and heads."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from numpy import ndarray as Array
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.decoder import HALF, MultiScaleDecoder, Upsampler
from vpuformer.model.dma import DMA
from vpuformer.model.encoders import FeaturePyramid, ImageEncoder
from vpuformer.model.features import Features, LateralScales, PromptTokens, map_size
from vpuformer.model.injection import PromptInjection, encoder_maps
from vpuformer.model.prompt_encoders import prompt_encoder
from vpuformer.model.prompt_inputs import Grids, PromptInputs, encoder_prompt_maps, prompt_inputs


class Output(NamedTuple):
    """The mask, and what P2CL compares."""

    logits: Float[Tensor, "b 1 h w"]
    """Mask logits at the input resolution."""
    pixel_embeddings: Float[Tensor, "b D h4 w4"]
    """`F_v`, the decoder's merged features."""
    prompt_embeddings: Float[Tensor, "b n D"]


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
        dim, width = config.dim, config.decoder_dim

        # The names of these parts stand in checkpoints, as the keys of their weights.
        self.pue = prompt_encoder(config)
        self.backbone = ImageEncoder(config.backbone, encoder_maps(config), pretrained=pretrained)
        half, quarter, eighth = (getattr(self.backbone, f"{name}_channels") for name in ("half", "quarter", "eighth"))
        self.project = nn.ModuleList(nn.Conv2d(channels, dim, 1) for channels in self.backbone.semantic_channels)
        self.lateral_quarter = None if quarter is None else nn.Conv2d(quarter, width, 1)
        both = config.lateral_scales == "quarter+eighth"
        self.lateral_eighth = nn.Conv2d(eighth, width, 1) if both and eighth is not None else None
        self.dense = PromptInjection(config)
        self.dma = DMA(config)
        nulls = config.null_tokens if config.dma else 0
        self.null_tokens = nn.Parameter(torch.randn(nulls, dim)) if nulls else None
        self.decoder = MultiScaleDecoder(dim, width, refine=config.refine, attend=config.fine_attention == "quarter")
        self.lateral_half = nn.Conv2d(half or 3, HALF, 3, padding=1) if config.upsampler else None
        self.sharpen = Upsampler(width) if config.upsampler else None
        self.embed_prompt = (
            nn.Linear(dim, width)
            if config.linear_query
            else nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, width))
        )

    @property
    def features_depend_on_mask(self) -> bool:
        """Whether a new previous mask needs a new pass of the image encoder."""
        return self.config.features_depend_on_mask

    @property
    def features_depend_on_prompts(self) -> bool:
        """Whether a new prompt needs a new pass of the image encoder."""
        return self.config.features_depend_on_prompts

    def forward(
        self,
        image: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"],
        prompts: PromptBatch,
        seeds: Int64[Array, " b"] | None = None,
    ) -> Output:
        """Segment. `encode` and `decode` are apart so that features can be kept.

        Args:
            image: values in [0, 1].
            mask: the previous mask as probabilities, zeros for none.
            prompts: every prompt given so far.
            seeds: one for each sample, for the choices that scribbles leave open, in training.
        """
        features = self.encode(image, mask, prompts)  # the image encoder
        return self.decode(features, mask, prompts, seeds)  # PuE, DMA, decoder and heads

    def encode(
        self,
        image: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"] | None = None,
        prompts: PromptBatch | None = None,
    ) -> Features:
        """The image encoder.

        `mask` and `prompts` matter only where the features depend on them.
        """
        maps = None if prompts is None else encoder_prompt_maps(self.config, prompts, map_size(image))
        return self.encode_image(image, mask, None if maps is None else torch.from_numpy(maps).to(image.device))

    def encode_image(
        self,
        image: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"] | None,
        prompt_maps: Float[Tensor, "b 4 h w"] | None,
    ) -> Features:
        """`encode`, with the prompts as `encoder_prompt_maps` draws them."""
        pyramid = self.backbone(image, self.dense.into_encoder(image, mask, prompt_maps))
        semantic = self._sum_of_stages(pyramid.semantic, map_size(image))
        return Features(semantic, self._lateral_scales(pyramid, image))

    def decode(
        self,
        features: Features,
        mask: Float[Tensor, "b 1 h w"],
        prompts: PromptBatch,
        seeds: Int64[Array, " b"] | None = None,
    ) -> Output:
        """PuE, DMA, decoder and heads."""
        inputs = prompt_inputs(self.config, prompts, self.grids(map_size(mask)), seeds)
        return self.decode_prompts(
            features, mask, inputs.converted(lambda array: torch.from_numpy(array).to(mask.device))
        )

    def grids(self, image_size: tuple[int, int]) -> Grids:
        """Sizes of the feature maps that prompts enter."""
        return Grids(image_size, self.lateral_eighth is not None)

    def decode_prompts(
        self, features: Features, mask: Float[Tensor, "b 1 h w"], prompts: PromptInputs[Tensor]
    ) -> Output:
        """`decode`, with the prompts as `vpuformer.model.prompt_inputs` makes them."""
        # PuE: a query token for each prompt, then the null tokens.
        query, valid = self.pue(prompts)
        tokens = PromptTokens.of_prompts(query, valid, prompts)
        if self.null_tokens is not None:
            tokens = tokens.with_null_tokens(self.null_tokens)

        # The previous mask enters the image's features.
        prompted = self.dense.into_features(features.semantic, features.lateral, mask, prompts)

        # DMA: prompts and image attend to each other.
        scales = self.dma(prompted, tokens)

        # Decoder: four scales merged at 1/4, and the mask at the input resolution.
        logits, pixels = self.decoder(scales.maps, prompted.lateral, scales.tokens, prompted.priors)
        logits = self._mask_head(logits, pixels, prompted.lateral, map_size(mask))

        # P2CL compares the merged features with the embedding of each prompt.
        return Output(logits, pixels, self.embed_prompt(scales.contrast_query[:, : prompts.valid.shape[1]]))

    def _sum_of_stages(self, stages: Sequence[Tensor], image_size: tuple[int, int]) -> Float[Tensor, "b d h16 w16"]:
        """`f_v`: the projected stages, summed at 1/16."""
        size = (-(-image_size[0] // 16), -(-image_size[1] // 16))
        semantic = sum(resized_stage(project(stage), size) for project, stage in zip(self.project, stages, strict=True))
        assert isinstance(semantic, Tensor)
        return semantic

    def _lateral_scales(self, pyramid: FeaturePyramid, image: Tensor) -> LateralScales:
        eighth = quarter = half = None
        if self.lateral_half is not None:
            finest = F.adaptive_avg_pool2d(image, _part(image, 2)) if pyramid.half is None else pyramid.half
            half = self.lateral_half(finest)
        if self.lateral_eighth is not None and pyramid.eighth is not None:
            eighth = self.lateral_eighth(pyramid.eighth)
        if self.lateral_quarter is not None and pyramid.quarter is not None:
            quarter = self.lateral_quarter(pyramid.quarter)
        if quarter is None:
            # An encoder of one resolution: the decoder's finest scale comes from that one map alone.
            quarter = image.new_zeros(image.shape[0], self.config.decoder_dim, *_part(image, 4))
        return LateralScales(quarter, eighth, half)

    def _mask_head(
        self, logits: Tensor, pixels: Tensor, lateral: LateralScales, size: tuple[int, int]
    ) -> Float[Tensor, "b 1 h w"]:
        """Mask logits at the input resolution, by way of 1/2 where there is an upsampler."""
        if self.sharpen is not None and lateral.half is not None:
            logits = self.sharpen(logits, pixels, lateral.half)
        return F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)


def resized_stage(stage: Float[Tensor, "b c _ _"], size: tuple[int, int]) -> Float[Tensor, "b c h16 w16"]:
    """A stage of the image encoder, or its projection, at 1/16."""
    if stage.shape[-1] > size[-1] or stage.shape[-2] > size[-2]:
        return F.adaptive_avg_pool2d(stage, size)
    return F.interpolate(stage, size=size, mode="bilinear", align_corners=False)


def _part(image: Tensor, stride: int) -> tuple[int, int]:
    """Size of a map of the image at `stride`."""
    return -(-image.shape[-2] // stride), -(-image.shape[-1] // stride)
