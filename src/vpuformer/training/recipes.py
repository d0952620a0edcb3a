"""The recipes by name, one function each: the paper's rows (Tables I and II), a baseline, a quick look, the shipped
weights.

The paper (section IV-B): Adam, 5e-4 (5e-5 for ViT-B), a tenth of it after epoch 50 of 55, batches of 32, crops of 448.
What it leaves open follows its authors' code and RITM's: an epoch of SBD is its 8,498 images, one of COCO+LVIS 30,000
draws; one to three supervised interactions weighted 1, 2, 3; several random clicks to begin with; the pretrained
convolutional and SegFormer encoders learn at a tenth of the rate. The kind of each prompt is drawn per sample, all
three equally often (their code draws one kind per batch, and never a scribble). Imports no torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from vpuformer.data.augmentation import COCOLVIS_STYLE, SBD_STYLE
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.training.recipe import Recipe

Sources = str | tuple[str, ...]


def sbd_vit_b(data: Sources, output: str) -> Recipe:
    """ViT-B on SBD."""
    return _sbd(_vit("vit_b", data, output))


def sbd_mit_b0(data: Sources, output: str) -> Recipe:
    """SegFormer-B0 on SBD."""
    return _sbd(_hierarchical("mit_b0", data, output))


def sbd_hrnet18s(data: Sources, output: str) -> Recipe:
    """HRNet-18s on SBD."""
    return _sbd(_hierarchical("hrnet18s", data, output))


def sbd_resnet50(data: Sources, output: str) -> Recipe:
    """ResNet-50 with DeepLabV3+ on SBD."""
    return _sbd(_hierarchical("resnet50", data, output))


def cocolvis_vit_b(data: Sources, output: str) -> Recipe:
    """ViT-B on COCO+LVIS."""
    return _cocolvis(_vit("vit_b", data, output))


def cocolvis_mit_b0(data: Sources, output: str) -> Recipe:
    """SegFormer-B0 on COCO+LVIS."""
    return _cocolvis(_hierarchical("mit_b0", data, output))


def cocolvis_hrnet18s(data: Sources, output: str) -> Recipe:
    """HRNet-18s on COCO+LVIS."""
    return _cocolvis(_hierarchical("hrnet18s", data, output))


def cocolvis_resnet50(data: Sources, output: str) -> Recipe:
    """ResNet-50 with DeepLabV3+ on COCO+LVIS."""
    return _cocolvis(_hierarchical("resnet50", data, output))


def sbd_baseline_vit_b(data: Sources, output: str) -> Recipe:
    """ViT-B without the paper's parts, on SBD: prompts drawn into the encoder, trained as the rows above."""
    return _baseline(sbd_vit_b(data, output))


def cocolvis_baseline_vit_b(data: Sources, output: str) -> Recipe:
    """ViT-B without the paper's parts, on COCO+LVIS: the other baseline of Table V."""
    return _baseline(cocolvis_vit_b(data, output))


def sbd_baseline_hrnet18s(data: Sources, output: str) -> Recipe:
    """HRNet-18s without the paper's parts, on SBD: what RITM does, trained as the rows above."""
    return _baseline(sbd_hrnet18s(data, output))


def cocolvis_baseline_hrnet18s(data: Sources, output: str) -> Recipe:
    """HRNet-18s without the paper's parts, on COCO+LVIS: the baseline of Table V."""
    return _baseline(cocolvis_hrnet18s(data, output))


def debug(data: Sources, output: str) -> Recipe:
    """About a minute on one CPU core: whether data, loop and files are in order, and nothing about quality."""
    return Recipe(
        data=data,
        output=output,
        model=VPUFormerConfig(input_size=96, dim=32, heads=4, ffn_dim=64, decoder_dim=16, pue_hidden=64),
        size=96,
        images=4,
        steps=100,
        warmup=10,
        ema=0.9,
        log_every=10,
        validate_every=50,
        validate_objects=8,
    )


def default(data: Sources, output: str) -> Recipe:
    """A small network on a CPU: the defaults of `Recipe`. The runs behind the shipped weights set out from it."""
    return Recipe(data=data, output=output)


RECIPES: Mapping[str, Callable[[Sources, str], Recipe]] = MappingProxyType(
    {
        maker.__name__: maker
        for maker in (
            default,
            debug,
            sbd_vit_b,
            sbd_mit_b0,
            sbd_hrnet18s,
            sbd_resnet50,
            cocolvis_vit_b,
            cocolvis_mit_b0,
            cocolvis_hrnet18s,
            cocolvis_resnet50,
            sbd_baseline_vit_b,
            cocolvis_baseline_vit_b,
            sbd_baseline_hrnet18s,
            cocolvis_baseline_hrnet18s,
        )
    }
)
"""What makes a recipe of a name out of the data and the folder of the run."""


def recipe_named(name: str, data: Sources, output: str) -> Recipe:
    """The recipe of this name.

    >>> recipe_named("sbd_mit_b0", "sbd=SBD", "run").lr
    0.0005

    Raises:
        ConfigError: there is none.
    """
    if name not in RECIPES:
        raise ConfigError(unknown_name("recipe", name, RECIPES))
    return RECIPES[name](data, output)


def _paper(backbone: str, data: Sources, output: str) -> Recipe:
    """Section IV-B, but for what depends on the set and on the image encoder."""
    return Recipe(
        data=data,
        output=output,
        model=replace(VARIANTS["paper"], backbone=backbone),
        pretrained=True,
        size=448,
        images=32,
        objects=1,
        epochs=55,
        epoch_length=8498,
        interactions=3,
        earlier=0,
        mask_drop=0.0,
        second_look=0.0,
        lone_click=0.0,
        exact=0.0,
        optimizer="adam",
        weight_decay=0.0,
        schedule="step",
        warmup=0,
        decay=0.1,
        decay_at=50 / 55,
        clip=0.0,
        ema=0.0,
        p2cl=2.0,
        p2cl_target="error",
        dice="squared",
        freeze_stem=False,
        freeze_norms=False,
        workers=8,
        save_minutes=15.0,
    )


def _vit(backbone: str, data: Sources, output: str) -> Recipe:
    return replace(_paper(backbone, data, output), lr=5e-5, backbone_lr=1.0)


def _hierarchical(backbone: str, data: Sources, output: str) -> Recipe:
    return replace(_paper(backbone, data, output), lr=5e-4, backbone_lr=0.1)


def _baseline(recipe: Recipe) -> Recipe:
    """Prompts drawn as maps into the image encoder (RITM), no attention between them and the image, and so no P2CL.

    How prompts enter the baseline of Table V the paper does not say. Everything else, the kinds of prompts too, stays
    as it is, so that a difference between the two is one of these parts.
    """
    return replace(recipe, model=replace(recipe.model, dma=False, dense_prompts="early"), p2cl=0.0)


def _sbd(recipe: Recipe) -> Recipe:
    return replace(recipe, epoch_length=8498, augmentation=SBD_STYLE)


def _cocolvis(recipe: Recipe) -> Recipe:
    return replace(recipe, epoch_length=30_000, augmentation=COCOLVIS_STYLE)
