"""Recipes by name, one function each: the paper's rows, baselines, a check, the default.

The paper (section IV-B, Tables I and II): Adam, 5e-4 (5e-5 for ViT-B), a tenth of it after epoch 50 of 55, batches of
32, crops of 448. Its open points follow its authors' code and RITM's: an epoch of SBD is its 8,498 images, one of
COCO+LVIS 30,000 draws; one to three supervised interactions weighted 1, 2, 3; several random first clicks; a tenth of
the learning rate for the pretrained convolutional and SegFormer encoders. The kind of each prompt is drawn per sample,
all three equally often (their code draws one kind per batch, and never a scribble). Imports no torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from vpuformer.data.augmentation import COCOLVIS_STYLE, SBD_STYLE
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.training.recipe import InteractionSettings, LossSettings, Recipe

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
    """ViT-B without the paper's parts, on SBD, trained as the rows above."""
    return _baseline(sbd_vit_b(data, output))


def cocolvis_baseline_vit_b(data: Sources, output: str) -> Recipe:
    """ViT-B without the paper's parts, on COCO+LVIS: the other baseline of Table V."""
    return _baseline(cocolvis_vit_b(data, output))


def sbd_baseline_hrnet18s(data: Sources, output: str) -> Recipe:
    """HRNet-18s without the paper's parts, on SBD: RITM's design, trained as the rows above."""
    return _baseline(sbd_hrnet18s(data, output))


def cocolvis_baseline_hrnet18s(data: Sources, output: str) -> Recipe:
    """HRNet-18s without the paper's parts, on COCO+LVIS: the baseline of Table V."""
    return _baseline(cocolvis_hrnet18s(data, output))


def debug(data: Sources, output: str) -> Recipe:
    """A check of data, loop and files in a minute on one CPU core; no measure of quality."""
    return Recipe(
        data=data,
        output=output,
        model=VPUFormerConfig(input_size=96, dim=32, heads=4, ffn_dim=64, decoder_dim=16, pue_hidden=64),
        size=96,
        images_per_step=4,
        steps=100,
        warmup=10,
        ema_decay=0.9,
        log_every=10,
        validate_every=50,
        validate_objects=8,
    )


def default(data: Sources, output: str) -> Recipe:
    """A small network on a CPU, the start of the shipped weights: the defaults of `Recipe`."""
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
"""Functions by name that make a recipe from the data and the folder of the run."""


def recipe_named(name: str, data: Sources, output: str) -> Recipe:
    """The recipe of this name.

    >>> recipe_named("sbd_mit_b0", "sbd=SBD", "run").lr
    0.0005

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in RECIPES:
        raise ConfigError(unknown_name("recipe", name, RECIPES))
    return RECIPES[name](data, output)


def _paper(backbone: str, data: Sources, output: str) -> Recipe:
    """Section IV-B, without the settings that depend on the set and on the image encoder."""
    return Recipe(
        data=data,
        output=output,
        model=replace(VARIANTS["paper"], backbone=backbone),
        pretrained=True,
        size=448,
        images_per_step=32,
        objects_per_image=1,
        epochs=55,
        epoch_length=8498,
        interaction=InteractionSettings(
            interactions=3,
            warmup_interactions=0,
            mask_drop=0.0,
            repeat_without_prompt_prob=0.0,
            single_first_click_prob=0.0,
            evaluation_prompt_prob=0.0,
        ),
        optimizer="adam",
        weight_decay=0.0,
        schedule="step",
        warmup=0,
        decay=0.1,
        decay_at=50 / 55,
        grad_clip_norm=0.0,
        ema_decay=0.0,
        loss=LossSettings(p2cl_weight=2.0, p2cl_target="error", dice="squared"),
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
    """The recipe with prompts rasterized into the image encoder's input (RITM), without DMA and therefore P2CL.

    The paper does not say how prompts enter the baseline of Table V. All other settings stay, also the kinds of
    prompts, so that a difference between the two comes from these parts.
    """
    return replace(
        recipe,
        model=replace(recipe.model, dma=False, dense_prompts="early"),
        loss=replace(recipe.loss, p2cl_weight=0.0),
    )


def _sbd(recipe: Recipe) -> Recipe:
    return replace(recipe, epoch_length=8498, augmentation=SBD_STYLE)


def _cocolvis(recipe: Recipe) -> Recipe:
    return replace(recipe, epoch_length=30_000, augmentation=COCOLVIS_STYLE)
