"""The settings of a training run as one frozen dataclass. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vpuformer.data.augmentation import Augmentation
from vpuformer.errors import ConfigError, listed
from vpuformer.fields import build, check_fields, check_least, check_shares, field_types
from vpuformer.files import read_json
from vpuformer.geometry import LARGEST_INPUT
from vpuformer.model.config import VPUFormerConfig

Precision = Literal["32-true", "bf16-mixed"]
Accelerator = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InteractionSettings:
    """How the simulated user prompts in training.

    Raises:
        ConfigError: a field is of the wrong type or out of range.
    """

    interactions: int = 3
    """Largest number of supervised interactions. Each batch has a uniform number from 1 to it, with the loss weights
    1, 2, 3, ..."""
    warmup_interactions: int = 3
    """Largest number of interactions without gradient before the supervised ones. Every second batch has none, the
    others a uniform number from 1 to it. They teach the network to correct small errors late in a session."""
    click_weight: float = 1.0
    """Relative frequency of clicks. The kind of prompt is drawn for each sample and interaction."""
    box_weight: float = 1.0
    """Relative frequency of boxes."""
    scribble_weight: float = 1.0
    """Relative frequency of scribbles."""
    mask_drop: float = 0.3
    """Probability that a correction comes without the previous mask, so that all prompts count at once."""
    repeat_without_prompt_prob: float = 0.1
    """Probability that a previous mask that is not dropped comes back without a new prompt."""
    single_first_click_prob: float = 0.5
    """Probability that a sample that starts with a click gets exactly one. The others get RITM's several random clicks
    on both sides of the boundary."""
    evaluation_prompt_prob: float = 0.5
    """Probability that a click or box is the one of the evaluation: a click on the deepest wrong pixel, a tight box
    around one component. The others deviate from it as in RITM and the authors' code."""
    recorded_prompt_prob: float = 0.5
    """Probability that an object for which the data hold prompts of people starts with the first of them."""

    def __post_init__(self) -> None:
        check_fields(self, "interaction.")
        check_least(self, "interaction.", 1, "interactions")
        check_least(self, "interaction.", 0, "warmup_interactions", "click_weight", "box_weight", "scribble_weight")
        check_shares(
            self,
            "interaction.",
            "mask_drop",
            "repeat_without_prompt_prob",
            "single_first_click_prob",
            "evaluation_prompt_prob",
            "recorded_prompt_prob",
        )
        if not self.click_weight + self.box_weight + self.scribble_weight > 0:
            raise ConfigError("click_weight, box_weight and scribble_weight are all 0; set one of them above 0")

    @property
    def kind_probabilities(self) -> tuple[float, float, float]:
        """Probabilities of click, box and scribble."""
        total = self.click_weight + self.box_weight + self.scribble_weight
        return (self.click_weight / total, self.box_weight / total, self.scribble_weight / total)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossSettings:
    """The loss of an answer: NFL + DICE + `p2cl_weight` * P2CL + `anchor_weight` * anchor.

    Raises:
        ConfigError: a field is of the wrong type or out of range.
    """

    p2cl_weight: float = 2.0
    """Lambda, the weight of P2CL (Eq. 18)."""
    p2cl_target: Literal["object", "error"] = "object"
    """Pixels that P2CL draws a prompt to: the object or the background ("object"), or the error region that the prompt
    corrects ("error", the authors' code). For a first prompt both are the same."""
    anchor_weight: float = 0.0
    """Weight of the pixels that a correction breaks: they were right in the previous mask, and are wrong now
    (`losses.anchor_loss`)."""
    dice: Literal["linear", "squared"] = "linear"
    """Denominator of the DICE loss: sums of the values (the authors' code), or of their squares (V-Net, which the paper
    cites)."""

    def __post_init__(self) -> None:
        check_fields(self, "loss.")
        check_least(self, "loss.", 0, "p2cl_weight", "anchor_weight")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A training run.

    The defaults suit a small network and a CPU; `vpuformer.training.recipes` has others by name. The batch
    (`images_per_step` times `objects_per_image`) and the `seed` determine what a run computes. The number of devices
    and of parts changes neither samples nor prompts, and the loss only by rounding. Exceptions: dropout, and P2CL's
    mean where `accumulate` is above 1.

    Raises:
        ConfigError: a field is of the wrong type, out of range or contradicts another.
    """

    data: str | tuple[str, ...]
    """Folders to train on, each with its kind before it where needed ("sbd=PATH"); see
    `vpuformer.data.sources.open_sources`."""
    output: str
    """Folder of the run: `recipe.json`, `log.csv`, `last.safetensors`, `weights/`, TensorBoard files."""
    set_weights: Mapping[str, float] = field(default_factory=dict)
    """Relative frequency of each set of `data`, by name. The default is 1; 0 leaves a set out."""
    region_sets: tuple[str, ...] = ()
    """Names of the sets whose objects are regions, such as walls and sky. They may fill an image, and are not pasted
    into other images."""
    split: str | None = None
    """JSON file with validation images, validation objects and images to leave out."""
    model: VPUFormerConfig = field(default_factory=VPUFormerConfig)
    pretrained: bool = False
    """Start from timm's pretrained image encoder for this network, downloaded if necessary."""
    backbone_weights: str | None = None
    """safetensors file with pretrained weights of the image encoder, in timm's names. It replaces `pretrained`."""
    init: str | None = None
    """Model (name or folder) to fine-tune, with a new optimiser. Weights that both networks have are copied;
    `backbone_weights` replaces its image encoder, and so does `pretrained` if `model` has another one."""

    size: int = 256
    """Side of the training crops in pixels."""
    sizes: tuple[int, ...] = ()
    """Sides of the crops instead of `size`: each step draws one of them, so a side that is named twice comes twice as
    often. The network can then be asked at all of them; by default it is asked at `size`."""
    images_per_step: int = 8
    """Images of one step, over all devices."""
    objects_per_image: int = 2
    """Objects of each image. They share its crop and, where features depend on the image alone, its features."""
    steps: int = 20_000
    """Optimiser steps, unless `epochs` is above 0."""
    epochs: int = 0
    """If above 0, the run has this many epochs of `epoch_length` images, each rounded down to whole steps."""
    epoch_length: int = 0
    """Images of an epoch."""
    interaction: InteractionSettings = field(default_factory=InteractionSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)

    optimizer: Literal["adamw", "adam"] = "adamw"
    """Adam with betas .9 and .999; "adamw" decouples weight decay from the gradient."""
    lr: float = 5e-4
    """Learning rate."""
    backbone_lr: float = 0.1
    """Learning rate of the image encoder relative to `lr`; 0 keeps its weights and statistics."""
    weight_decay: float = 0.01
    schedule: Literal["plateau", "step"] = "plateau"
    """Learning rate after the `warmup`: constant until the `cooldown` ("plateau"), or until it is multiplied by `decay`
    ("step")."""
    warmup: int = 200
    """Steps over which the learning rate rises from zero; 0 for none."""
    cooldown: float = 0.2
    """Share of the steps, at the end, over which the learning rate falls to zero."""
    decay: float = 0.1
    """Factor of the learning rate after `decay_at`, with the schedule "step"."""
    decay_at: float = 50 / 55
    """Share of the steps before the factor `decay` applies."""
    grad_clip_norm: float = 1.0
    """Largest norm of the gradient; 0 for no limit."""
    ema_decay: float = 0.999
    """Decay of the averaged weights, which are validated and saved; 0 for no average."""
    loss: LossSettings = field(default_factory=LossSettings)
    freeze_stem: bool = True
    """Keep the pretrained weights of the image encoder up to stride 4. A run whose encoder starts from random numbers
    trains them anyway, and says so."""
    freeze_norms: bool = True
    """Keep the pretrained statistics of the image encoder's batch norms."""

    seed: int = 0
    """Seed of all random numbers."""
    precision: Precision = "32-true"
    """Arithmetic of the network: 32-true or bf16-mixed."""
    accelerator: Accelerator = "auto"
    """Kind of device; "auto" is the best one that there is."""
    devices: int = 1
    """Devices of one machine."""
    nodes: int = 1
    """Machines; run the same command on each."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """Use of several devices: each holds the whole network ("ddp" and "auto") or a share of it ("fsdp")."""
    accumulate: int = 1
    """Parts of a step that each device computes one after the other, to save memory."""
    workers: int = 1
    """Processes per device that read and augment images."""
    log_every: int = 20
    """Steps between two lines of the log."""
    save_minutes: float = 3.0
    """Minutes between two saved states."""
    validate_every: int = 1000
    """Steps between two validations; 0 for none."""
    validate_objects: int = 200
    """Largest number of objects in a validation."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_least(self, "", 1, "size", "images_per_step", "objects_per_image", "steps", "devices", "nodes")
        check_least(self, "", 1, "accumulate", "log_every")
        check_least(self, "", 0, "epochs", "epoch_length", "warmup", "workers", "validate_every", "validate_objects")
        check_least(self, "", 0, "weight_decay", "grad_clip_norm", "seed", "save_minutes", "backbone_lr")
        check_shares(self, "", "cooldown", "decay", "decay_at", "ema_decay")
        if not self.lr > 0:
            raise ConfigError(f"lr={self.lr} must be above 0")
        for name, sides, what in (("size", (self.size,), "be a multiple"), ("sizes", self.sizes, "hold multiples")):
            if any(side < 1 or side % 32 or side > LARGEST_INPUT for side in sides):
                raise ConfigError(
                    f"{name}={','.join(map(str, sides))} must {what} of 32, the encoder's coarsest stride, up to"
                    f" {LARGEST_INPUT}"
                )
        if self.epochs and self.epoch_length < self.images_per_step:
            raise ConfigError(
                f"epoch_length={self.epoch_length} is less than one step of images_per_step={self.images_per_step}"
            )
        parts = self.devices * self.nodes * self.accumulate
        if self.images_per_step < parts:
            raise ConfigError(
                f"images_per_step={self.images_per_step} counts the images of all devices, and there are {parts} parts"
                " (devices x nodes x accumulate); give each part an image"
            )

    @property
    def folder(self) -> Path:
        return Path(self.output)

    @property
    def sources(self) -> tuple[str, ...]:
        """`data` as a tuple."""
        return (self.data,) if isinstance(self.data, str) else self.data

    @property
    def length(self) -> int:
        """Optimiser steps of the run.

        >>> Recipe(data="", output="", epochs=55, epoch_length=8498, images_per_step=32).length
        14575
        """
        return self.epochs * (self.epoch_length // self.images_per_step) if self.epochs else self.steps

    def size_of(self, step: int) -> int:
        """Side of the crops of `step`, counted from 0.

        >>> [Recipe(data="", output="", sizes=(192, 256)).size_of(step) for step in range(5)]
        [256, 256, 192, 256, 256]
        """
        if not self.sizes:
            return self.size
        return self.sizes[np.random.default_rng((self.seed, step, 0, 4)).integers(len(self.sizes))]

    def learning_rate(self, step: int, share: float = 0.0) -> float:
        """Learning rate at `step`, counted from 0: a rise, then a plateau and a fall, or a drop.

        Args:
            share: of the run that is done, if its time ends before its steps; the fall follows the larger share.
        """
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "step":
            return self.lr * rise * (self.decay if step >= round(self.decay_at * self.length) else 1.0)
        fall = min(self.length - step, (1 - share) * self.length) / max(1.0, self.cooldown * self.length)
        return self.lr * min(rise, fall, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `recipe.json` holds them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The inverse of `to_dict`, also through JSON; missing fields keep their defaults.

        The recipe of a run that is older than a field of the network has the network of its time
        (`VPUFormerConfig.from_dict`).

        Raises:
            ConfigError: a field is unknown, of the wrong type or out of range.
        """
        model = values.get("model")
        if isinstance(model, Mapping) and field_types(VPUFormerConfig).keys() - model.keys() == {"filtering"}:
            values = {**values, "model": VPUFormerConfig.from_dict(model).to_dict()}
        return build(cls, values)


def read_recipe(file: Path) -> dict[str, Any]:
    """Read the settings of a `recipe.json` as plain values, not yet checked.

    Raises:
        ConfigError: the file is missing, holds no JSON object, or has settings of another version.
    """
    values = read_json(file, error=ConfigError, name=f"the recipe {file}")
    if not isinstance(values, dict):
        raise ConfigError(f"the recipe {file} is not a JSON object of settings")
    unknown = [name for name in values if name not in field_types(Recipe)]
    if unknown:
        raise ConfigError(
            f"the recipe {file} has settings that this version does not know ({listed(unknown)}); use the version of"
            " vpuformer that wrote it, or begin a new run"
        )
    return values
