"""Image encoders behind one adapter: image (and previous mask) to feature maps.

To add an encoder, add an `EncoderSpec` to `BACKBONES`, and its name to `vpuformer.model.config.IMAGE_ENCODERS`. A
network of timm that has `features_only` needs no entry: `timm:` and its name are enough.

The networks are those of libraries: timm has most, SegFormer's encoder comes from segmentation-models-pytorch,
DeepLabV3+'s ASPP from torchvision. These libraries take seconds to import, so each is imported where it is needed. The
encoder of the bundled weights needs none of them: `vpuformer.model.inverted_residuals`.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vpuformer.errors import CheckpointError, ConfigError, MissingDependencyError, unknown_name
from vpuformer.extras import require
from vpuformer.model.injection import InjectionPoint, attach, injecting
from vpuformer.model.inverted_residuals import EFFICIENTNET_LITE2, MOBILENETV2, Architecture, InvertedResiduals

if TYPE_CHECKING:
    from timm.models import FeatureInfo

TIMM = "timm:"
"""Prefix of a network of timm that has no entry in `BACKBONES`."""

_COARSEST = 32
"""Sides of the input are padded to a multiple of this, so that the stages of every encoder fit each other."""


class FeaturePyramid(NamedTuple):
    """The feature maps of an image encoder."""

    semantic: Sequence[Tensor]
    """The coarse stages, at most one for each stride of 8 and above, finest first, to be summed at 1/16."""
    quarter: Tensor | None
    """The finest map at 1/4, for boundaries; None, like the next two, where the encoder lacks it."""
    eighth: Tensor | None
    half: Tensor | None


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel, by which an image is normalised."""

    mean: Sequence[float]
    std: Sequence[float]


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""ImageNet's statistics, of values in 0..1."""


HALVES = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""From -1 to 1, as TensorFlow's EfficientNets have it."""


class EncoderBody(NamedTuple):
    """A network of a library that returns feature maps, and their strides and channels."""

    net: nn.Module
    strides: Sequence[int]
    channels: Sequence[int]
    context: nn.Module | None = None
    """Applied to the last map."""
    context_channels: int = 0
    normalisation: Normalisation | None = None
    """The statistics that the library states for its weights, if any."""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An image encoder: how to make it, and where its parts are."""

    create: Callable[[bool], EncoderBody]
    """Make the network, such as `from_timm(NAME)`; True fetches its pretrained weights through the library's hub."""
    injection: InjectionPoint
    """The place at which the previous mask is added if `mask_fusion` is early."""
    to_quarter: tuple[str, ...] = ()
    """Names of the modules up to stride 4, which training may freeze."""
    normalisation: Normalisation | None = IMAGENET
    """Normalisation of images when the encoder's pretrained weights were made: it belongs to the weights, not to the
    architecture. None for what timm states with the weights, else ImageNet's."""


def from_timm(name: str, **options: Any) -> Callable[[bool], EncoderBody]:
    """A maker of timm's network `name`; `options` are those of `timm.create_model`."""

    def create(pretrained: bool) -> EncoderBody:
        import timm

        net = timm.create_model(name, features_only=True, pretrained=pretrained, **options)
        return _described(net)

    return create


def _described(net: nn.Module) -> EncoderBody:
    info = cast("FeatureInfo", net.feature_info)
    stated = cast(Mapping[str, Any], getattr(net, "pretrained_cfg", None) or {})
    return EncoderBody(
        net,
        info.reduction(),
        info.channels(),
        normalisation=Normalisation(stated["mean"], stated["std"])
        if stated.get("mean") and stated.get("std")
        else None,
    )


def _inverted_residuals(architecture: Architecture, name: str) -> Callable[[bool], EncoderBody]:
    """A maker of our own network, with the weights of timm's `name`."""

    def create(pretrained: bool) -> EncoderBody:
        net = InvertedResiduals(architecture)
        if pretrained:
            net.load_state_dict(from_timm(name)(True).net.state_dict())
        strides, channels = zip(*architecture.maps().values(), strict=True)
        return EncoderBody(net, strides, channels)

    return create


def _deeplab(name: str) -> Callable[[bool], EncoderBody]:
    """A dilated network of stride 8 with DeepLabV3+'s pyramid on top (rates 12, 24, 36)."""

    def create(pretrained: bool) -> EncoderBody:
        from torchvision.models.segmentation.deeplabv3 import ASPP

        body = from_timm(name, output_stride=8)(pretrained)
        context = ASPP(body.channels[-1], [12, 24, 36], 256)
        pooled = cast(nn.Sequential, context.convs[-1])
        # One pixel per image: a batch norm could not learn from it on a device with a single image.
        pooled[2] = nn.GroupNorm(32, 256)
        return body._replace(context=context, context_channels=256)

    return create


class _WithoutInput(nn.Module):
    """An encoder of segmentation-models-pytorch without the image and an empty map."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.encoder(image)[2:]


def _segformer(name: str) -> Callable[[bool], EncoderBody]:
    def create(pretrained: bool) -> EncoderBody:
        require("segformer", f"the image encoder {name!r}")
        from segmentation_models_pytorch.encoders import get_encoder

        encoder = get_encoder(name, weights="imagenet" if pretrained else None)
        return EncoderBody(_WithoutInput(encoder), (4, 8, 16, 32), encoder.out_channels[2:])

    return create


def _vit(name: str) -> Callable[[bool], EncoderBody]:
    # One map, the last block's, before the final norm; the positional code is resampled to any input size.
    return from_timm(name, dynamic_img_size=True, out_indices=(-1,))


BACKBONES: Mapping[str, EncoderSpec] = MappingProxyType(
    {
        "mobilenetv2": EncoderSpec(
            _inverted_residuals(MOBILENETV2, "mobilenetv2_100"),
            InjectionPoint("bn1", "output", 2, 32),
            to_quarter=("conv_stem", "bn1", "blocks.0", "blocks.1"),
        ),
        "efficientnet_lite2": EncoderSpec(
            _inverted_residuals(EFFICIENTNET_LITE2, "tf_efficientnet_lite2"),
            InjectionPoint("bn1", "output", 2, 32),
            to_quarter=("conv_stem", "bn1", "blocks.0", "blocks.1"),
            normalisation=HALVES,
        ),
        "hrnet18s": EncoderSpec(
            from_timm("hrnet_w18_small_v2", feature_location="", out_indices=(1, 2, 3, 4)),
            InjectionPoint("act1", "output", 2, 64),
            to_quarter=("conv1", "bn1", "conv2", "bn2", "layer1"),
        ),
        "resnet50": EncoderSpec(
            _deeplab("resnet50s"),
            InjectionPoint("act1", "output", 2, 128),
            to_quarter=("conv1", "bn1", "layer1"),
        ),
        "mit_b0": EncoderSpec(
            _segformer("mit_b0"),
            # Before the second stage, so that the first one's map stays as it was.
            InjectionPoint("encoder.patch_embed2", "input", 4, 32),
            to_quarter=("encoder.patch_embed1", "encoder.block1", "encoder.norm1"),
        ),
        "vit_b": EncoderSpec(
            # The weights of masked autoencoders; those of timm's default tag want a mean and deviation of .5.
            _vit("vit_base_patch16_224.mae"),
            InjectionPoint("model.patch_embed", "output", 16, 768, "nhwc"),
        ),
    }
)
"""Image encoders by name: the paper's four and the default's; docs/encoders.md has their maps, weights and licences.

All but EfficientNet-Lite2 normalise by ImageNet's statistics; each does as its usual weights want it.
"""


def encoder_spec(name: str) -> EncoderSpec:
    """The encoder of this name: one of `BACKBONES`, or `timm:` and a name of timm's.

    Raises:
        ConfigError: no encoder has that name, or timm's network has no `features_only`.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    if not name.startswith(TIMM):
        raise ConfigError(f"{unknown_name('backbone', name, BACKBONES)}; others are called {TIMM}NAME, as in timm")
    import timm

    network = name.removeprefix(TIMM)
    if not timm.is_model(network):
        near = difflib.get_close_matches(network, timm.list_models(), n=3)
        raise ConfigError(
            f"timm has no network called {network!r}; timm.list_models() has their names"
            + (f". Did you mean {' or '.join(map(repr, near))}?" if near else "")
        )

    def create(pretrained: bool) -> EncoderBody:
        # Some networks take any input size only when asked to.
        for options in ({"dynamic_img_size": True}, {"strict_img_size": False}, {}):
            try:
                return from_timm(network, **options)(pretrained)
            except TypeError:
                continue
            except (RuntimeError, AttributeError, NotImplementedError) as error:
                if pretrained:
                    raise
                raise ConfigError(f"{name} cannot serve as an image encoder: {error}") from error
        raise ConfigError(f"{name} cannot serve as an image encoder: it has no features_only")

    # Its stem is unknown: features of the maps are added to the image.
    return EncoderSpec(create, InjectionPoint("", "input", 1, 3), normalisation=None)


class ImageEncoder(nn.Module):
    """An encoder of `BACKBONES` or of timm, for images of any size, which it normalises.

    Args:
        name: see `encoder_spec`.
        maps: number of maps (previous mask, rasterized prompts) that are added inside it.
        pretrained: fetch the usual pretrained weights through the library's hub.

    Raises:
        ConfigError: no encoder has that name.
        CheckpointError: its weights cannot be fetched.
    """

    _mean: Tensor
    _std: Tensor

    def __init__(self, name: str, maps: int = 0, *, pretrained: bool = False) -> None:
        super().__init__()
        spec = encoder_spec(name)
        body = _fetched(spec, name) if pretrained else spec.create(False)
        self.net = body.net
        self.context = body.context
        self._transposed = str(getattr(body.net, "output_fmt", "NCHW")).endswith("NHWC")
        self._half, self._quarter, self._eighth = (_first(body.strides, stride) for stride in (2, 4, 8))
        # The last of each stride has seen the most; those finer than 1/8 carry boundaries, not meaning.
        last = {stride: i for i, stride in enumerate(body.strides)}
        coarse = [i for stride, i in last.items() if stride >= 8] or [len(body.strides) - 1]
        self._semantic = coarse
        self._strides = body.strides

        channels = list(body.channels)
        self.half_channels = None if self._half is None else channels[self._half]
        self.quarter_channels = None if self._quarter is None else channels[self._quarter]
        self.eighth_channels = None if self._eighth is None else channels[self._eighth]
        self.semantic_channels = [channels[i] for i in coarse]
        if self.context is not None:
            self.semantic_channels[-1] = body.context_channels

        self.fusion = spec.injection.embedding(maps) if maps else None
        if maps:
            attach(self.net, spec.injection)
        self._to_quarter = spec.to_quarter
        self._frozen: list[nn.Module] = []
        mean, std = spec.normalisation or body.normalisation or IMAGENET
        self.register_buffer("_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Float[Tensor, "b 3 h w"], maps: Float[Tensor, "b c h w"] | None = None) -> FeaturePyramid:
        """Feature maps, ceil(h / s) by ceil(w / s) at stride s. `image` holds values in [0, 1]."""
        height, width = image.shape[-2:]
        normalised = self._normalised(image)
        if self.fusion is None:
            features = self.net(normalised)
        else:
            if maps is None:
                raise ValueError("this image encoder takes the previous mask; pass zeros for none")
            with injecting(self.fusion(_padded(maps))):
                features = self.net(normalised)
        levels = [
            _cropped(level.permute(0, 3, 1, 2) if self._transposed else level, stride, height, width)
            for level, stride in zip(features, self._strides, strict=True)
        ]
        semantic = [levels[i] for i in self._semantic]
        if self.context is not None:
            semantic[-1] = self.context(semantic[-1])
        quarter, eighth, half = (None if i is None else levels[i] for i in (self._quarter, self._eighth, self._half))
        return FeaturePyramid(semantic, quarter, eighth, half)

    def _normalised(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 _ _"]:
        return _padded((image - self._mean) / self._std)

    def freeze(self, *, stem: bool, norms: bool) -> None:
        """Freeze the modules up to stride 4, and the statistics of the batch norms.

        The finest stages take most of the time of a training step, and they see much the same in every image. An
        encoder of one resolution, or known by its timm name alone, has no modules up to stride 4.
        """
        if stem:
            self._frozen += [self.net.get_submodule(name) for name in self._to_quarter]
            for module in self._frozen:
                module.requires_grad_(False)
        if norms:
            self._frozen += [module for module in self.net.modules() if isinstance(module, nn.BatchNorm2d)]
        self.train(self.training)

    def train(self, mode: bool = True) -> "ImageEncoder":
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self


def _fetched(spec: EncoderSpec, name: str) -> EncoderBody:
    try:
        return spec.create(True)
    except (ConfigError, MissingDependencyError):
        raise
    except Exception as error:  # the hub's libraries raise anything: no connection, no such file, no weights
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"the pretrained weights of {name} could not be fetched ({type(error).__name__}: {reason}); give them as a"
            " file with --backbone-weights"
        ) from error


def _first(strides: Sequence[int], wanted: int) -> int | None:
    return next((i for i, stride in enumerate(strides) if stride == wanted), None)


def _cropped(maps: Tensor, stride: int, height: int, width: int) -> Tensor:
    """A map without the part that belongs to the padding."""
    return maps[..., : -(-height // stride), : -(-width // stride)]


def _padded(maps: Tensor) -> Tensor:
    """Right and bottom edges repeated until both sides are multiples of 32."""
    height, width = maps.shape[-2:]
    right, bottom = -width % _COARSEST, -height % _COARSEST
    return F.pad(maps, (0, right, 0, bottom), mode="replicate") if right or bottom else maps
