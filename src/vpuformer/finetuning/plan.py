"""The settings of a fine-tuning, and the recipe for the time there is."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from vpuformer.data.augmentation import Augmentation
from vpuformer.data.split import SPLIT
from vpuformer.errors import ConfigError
from vpuformer.fields import check_fields, check_least
from vpuformer.finetuning.photographs import PHOTOGRAPHS
from vpuformer.finetuning.prepare import spec
from vpuformer.geometry import LARGEST_INPUT
from vpuformer.images.addresses import Window, parse_window
from vpuformer.inference.cores import usable_cores
from vpuformer.model.device import choose_device
from vpuformer.model.manifest import read_manifest
from vpuformer.training.precision import fastest_precision
from vpuformer.training.recipe import Accelerator, InteractionSettings, Recipe

TRAINING = "training"
"""Subfolder with the run: its state, log and recipe."""

MOST_STEPS = 5_000
"""Steps after which a fast device has learned what a small data set can teach."""

PHOTOGRAPH_WEIGHT = 1.0
"""Samples of the photographs for each one of the person's images."""

_WARMUP = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneSettings:
    """What a person chooses.

    Raises:
        ConfigError: a setting is of another type or out of range.
    """

    data: str
    """Folder of the images, as absolute path."""
    output: str
    """Folder of the result."""
    start: str = "default"
    """Model to start from, by name or folder, the folder as absolute path."""
    minutes: float = 20.0
    """Time for all of it, with the measuring before and after."""
    device: str | None = None
    """Device, such as cpu; by default the best one."""
    seed: int = 0
    """Seed of all random numbers."""
    window: str | None = None
    """Centre and width of the values that are shown, as `parse_window` reads them; None for what the files ask for."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_least(self, "", 0, "seed")
        if not self.minutes > 0:
            raise ConfigError(f"minutes={self.minutes:g} must be above 0")

    @property
    def shown(self) -> Window | None:
        """The window."""
        return None if self.window is None else parse_window(self.window)


def training_device(name: str | None) -> torch.device:
    """The device of a fine-tuning; see `choose_device`.

    Raises:
        ConfigError: there is no such device, or it is not the first one of its kind.
    """
    device = choose_device(name)
    if device.index:
        raise ConfigError(
            f"fine-tuning uses the first device, not {device}; set CUDA_VISIBLE_DEVICES={device.index} in the"
            f" environment, which makes that one the first, and give the device {device.type}"
        )
    return device


def recipe_for(settings: FinetuneSettings, steps: int, photographs: str | None = None) -> Recipe:
    """The recipe of a run of so many steps.

    Few images are soon learned by heart, and teach a network that all objects look like theirs. So the image encoder
    keeps its weights, the learning rate is low, and every second sample is one of the photographs.

    Args:
        photographs: the set of `vpuformer.finetuning.photographs`, if there is one.

    Raises:
        ConfigError: there is no such device.
        CheckpointError: the model to start from is missing or broken.
    """
    device = training_device(settings.device)
    model = read_manifest(settings.start).config
    folder = Path(settings.output)
    return Recipe(
        data=tuple(filter(None, (spec(folder, Path(settings.data), settings.shown), photographs))),
        set_weights={} if photographs is None else {PHOTOGRAPHS: PHOTOGRAPH_WEIGHT},
        region_sets=() if photographs is None else (PHOTOGRAPHS,),
        output=str(folder / TRAINING),
        split=str(folder / SPLIT),
        model=model,
        init=settings.start,
        size=min(max(32, model.input_size // 32 * 32), LARGEST_INPUT),
        images_per_step=4,
        objects_per_image=2,
        steps=steps,
        interaction=InteractionSettings(warmup_interactions=4),
        augmentation=Augmentation(paste=0.0),
        lr=1e-4,
        backbone_lr=0.0,
        warmup=min(_WARMUP, steps // 5),
        cooldown=0.5,
        seed=settings.seed,
        precision=fastest_precision(device),
        accelerator=cast("Accelerator", device.type),  # the recipe refuses others
        workers=1 if usable_cores() < 4 else 3,
        log_every=10,
        save_minutes=1.0,
        validate_every=0,
    )
