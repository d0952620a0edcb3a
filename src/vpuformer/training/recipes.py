"""Recipes by name: the paper's rows and baselines, a check, the default.

The paper (section IV-B, Tables I and II): Adam, 5e-4 (5e-5 for ViT-B), a tenth of it after epoch 50 of 55, batches of
32, crops of 448. Its open points follow its authors' code and RITM's: an epoch of SBD is its 8,498 images, one of
COCO+LVIS 30,000 draws; one to three supervised interactions weighted 1, 2, 3; several random first clicks; a tenth of
the learning rate for the pretrained convolutional and SegFormer encoders. The kind of each prompt is drawn per sample,
all three equally often (their code draws one kind per batch, and never a scribble). Imports no torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from vpuformer.data.augmentation import COCOLVIS_STYLE, SBD_STYLE
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.training.recipe import InteractionSettings, LossSettings, Recipe

Sources = str | tuple[str, ...]

_DATA_SETS = {"sbd": (8_498, SBD_STYLE), "cocolvis": (30_000, COCOLVIS_STYLE)}
"""Images of an epoch, and augmentation."""


def _debug(data: Sources, output: str) -> Recipe:
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


def _default(data: Sources, output: str) -> Recipe:
    """A small network on a CPU, the start of the shipped weights: the defaults of `Recipe`."""
    return Recipe(data=data, output=output)


def _paper(dataset: str, backbone: str, data: Sources, output: str) -> Recipe:
    """Section IV-B for one data set and image encoder."""
    epoch_length, augmentation = _DATA_SETS[dataset]
    lr, backbone_lr = (5e-5, 1.0) if backbone == "vit_b" else (5e-4, 0.1)
    return Recipe(
        data=data,
        output=output,
        model=replace(VARIANTS["paper"], backbone=backbone),
        pretrained=True,
        size=448,
        images_per_step=32,
        objects_per_image=1,
        epochs=55,
        epoch_length=epoch_length,
        augmentation=augmentation,
        interaction=InteractionSettings(
            interactions=3,
            warmup_interactions=0,
            mask_drop=0.0,
            repeat_without_prompt_prob=0.0,
            single_first_click_prob=0.0,
            evaluation_prompt_prob=0.0,
        ),
        optimizer="adam",
        lr=lr,
        backbone_lr=backbone_lr,
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


def _baseline(dataset: str, backbone: str, data: Sources, output: str) -> Recipe:
    """The paper's recipe with prompts rasterized into the input (RITM), without DMA and P2CL.

    The paper does not say how prompts enter the baseline of Table V. All other settings stay, also the kinds of
    prompts, so that a difference between the two comes from these parts.
    """
    recipe = _paper(dataset, backbone, data, output)
    return replace(
        recipe,
        model=replace(recipe.model, dma=False, dense_prompts="early"),
        loss=replace(recipe.loss, p2cl_weight=0.0),
    )


RECIPES: Mapping[str, Callable[[Sources, str], Recipe]] = MappingProxyType(
    {
        "default": _default,
        "debug": _debug,
        **{
            f"{dataset}_{backbone}": partial(_paper, dataset, backbone)
            for dataset in _DATA_SETS
            for backbone in ("vit_b", "mit_b0", "hrnet18s", "resnet50")
        },
        **{
            f"{dataset}_baseline_{backbone}": partial(_baseline, dataset, backbone)
            for backbone in ("vit_b", "hrnet18s")
            for dataset in _DATA_SETS
        },
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
