"""What a training run is: one frozen dataclass, written beside its checkpoints. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from vpuformer.data.augmentation import Augmentation
from vpuformer.errors import ConfigError
from vpuformer.fields import check_fields
from vpuformer.geometry import LARGEST_INPUT
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.training.config_io import build

Precision = Literal["32-true", "bf16-mixed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A training run. The defaults suit a small network and a CPU; `training.recipes` has others by name.

    What a run computes is told by its batch, `images` times `objects`, and its `seed`; on how many devices, and in
    how many parts, changes neither its samples nor their prompts, and its loss by rounding alone (but for dropout, and
    for P2CL's mean where `accumulate` is above 1).

    Raises:
        ConfigError: a field is out of range or contradicts another.
    """

    data: str | tuple[str, ...]
    """What is trained on, as `vpuformer.data.sources.open_sources` takes it: folders, each perhaps with its kind before
    it ("sbd=PATH")."""
    output: str
    """Folder of the run: `recipe.json`, `log.csv`, `last.safetensors`, `weights/`, TensorBoard files."""
    set_weights: Mapping[str, float] = field(default_factory=dict)
    """How often each set of `data` is drawn, by its name, relative to the others; a set that is not named counts 1,
    and 0 leaves it out."""
    region_sets: tuple[str, ...] = ()
    """Names of the sets whose objects are regions, such as walls and sky: they may fill an image, and are not pasted
    into others."""
    split: str | None = None
    """JSON file that names validation images, validation objects and images to leave out."""
    model: VPUFormerConfig = field(default_factory=lambda: VARIANTS["default"])
    pretrained: bool = False
    """Start from the pretrained image encoder that timm knows for this network (fetched, where it is not at hand)."""
    backbone_weights: str | None = None
    """safetensors file, in timm's names, for the image encoder to start from; goes before `pretrained`."""
    init: str | None = None
    """Model (name or folder) to start from, with a fresh optimiser; of its weights, those that the network has too. Its
    image encoder gives way to `backbone_weights`, if there are any."""

    size: int = 256
    """Side of the training crops in pixels."""
    images: int = 8
    """Images of one step, over all devices."""
    objects: int = 2
    """Objects of every image: they share its crop and, where features depend on the image alone, the encoder."""
    steps: int = 20_000
    """Optimiser steps, unless `epochs` says how long the run is."""
    epochs: int = 0
    """If above 0, the run is this many epochs of `epoch_length` images, each rounded down to whole steps."""
    epoch_length: int = 0
    interactions: int = 3
    """Supervised interactions of a batch: uniform from 1 to this number, weighted 1, 2, 3, ..."""
    earlier: int = 3
    """Interactions before the supervised ones: none in every second batch, in the others uniform from 1 to this number.
    They carry no gradient; from them the network learns what to do late, when little is wrong."""
    click: float = 1.0
    box: float = 1.0
    scribble: float = 1.0
    """How often each kind of prompt is drawn, relative to the others; per sample and interaction."""
    mask_drop: float = 0.3
    """How often the previous mask is taken away before a correction: many prompts given at once, and no mask."""
    second_look: float = 0.1
    """How often a previous mask comes back without a further prompt: the network goes on from its own answer."""
    lone_click: float = 0.5
    """How often an object that is first clicked at gets one click, as a person begins; the others get RITM's several
    random clicks on both sides of the edge."""
    exact: float = 0.5
    """How often a click or box is the very one that evaluation gives (on the deepest wrong pixel; tight around one
    component); the others stray from it as in RITM and the authors' code."""
    augmentation: Augmentation = field(default_factory=Augmentation)

    optimizer: Literal["adamw", "adam"] = "adamw"
    """Adam with betas .9 and .999; "adamw" decays weights apart from the gradient."""
    lr: float = 5e-4
    backbone_lr: float = 0.1
    """Learning rate of the image encoder relative to `lr`."""
    weight_decay: float = 0.01
    schedule: Literal["plateau", "step"] = "plateau"
    """After the `warmup`, the rate is constant until the `cooldown` ("plateau"), or until it is multiplied by `decay`
    ("step")."""
    warmup: int = 200
    """Steps over which the learning rate rises from zero; 0 for none."""
    cooldown: float = 0.2
    """Share of the steps, at the end, over which it falls to zero."""
    decay: float = 0.1
    decay_at: float = 50 / 55
    """Share of the steps after which it is multiplied by `decay`."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 for any."""
    ema: float = 0.999
    """Decay of the moving average of the weights, which is what is validated and saved; 0 for the weights as they
    are."""
    p2cl: float = 2.0
    """Lambda, the weight of P2CL (Eq. 18)."""
    p2cl_target: Literal["object", "error"] = "object"
    """Pixels that P2CL draws a prompt to: the object or the background ("object"), or the error region that the prompt
    was given to correct ("error", the authors' code); of a first prompt they are the same."""
    dice: Literal["linear", "squared"] = "linear"
    """Denominator of the DICE loss: sums of the values (the authors' code), or of their squares (V-Net, which the paper
    cites)."""
    freeze_stem: bool = True
    """Keep the image encoder up to stride 4 as it was pretrained. A run whose encoder starts from random numbers
    trains it nevertheless, and says so."""
    freeze_norms: bool = True
    """Keep the statistics of its batch norms."""

    seed: int = 0
    precision: Precision = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    """Of one machine."""
    nodes: int = 1
    """Machines; the same command runs on each."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """Of several devices: each holds the whole network ("ddp", what "auto" means), or a share of it ("fsdp")."""
    accumulate: int = 1
    """Parts of a step that each device computes one after the other, where all at once is more than it can hold."""
    workers: int = 1
    """Processes of each device that decode and augment."""
    log_every: int = 20
    save_minutes: float = 3.0
    validate_every: int = 1000
    """Steps; 0 for never."""
    validate_objects: int = 200
    """How many of the validation objects are looked at during training."""

    def __post_init__(self) -> None:
        check_fields(self)
        ones = ("size", "images", "objects", "steps", "interactions", "devices", "nodes", "accumulate", "log_every")
        for name in ones:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 1")
        zeros = (
            "epochs",
            "epoch_length",
            "earlier",
            "warmup",
            "workers",
            "validate_every",
            "weight_decay",
            "p2cl",
            "clip",
            "seed",
        )
        for name in (*zeros, "save_minutes", "validate_objects", "backbone_lr"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 0")
        for name in ("cooldown", "decay", "decay_at", "ema", "mask_drop", "second_look", "lone_click", "exact"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)} must lie between 0 and 1")
        if not self.lr > 0:
            raise ConfigError(f"lr={self.lr} must be above 0")
        if self.size % 32 or self.size > LARGEST_INPUT:
            raise ConfigError(
                f"size={self.size} must be a multiple of 32, the encoder's coarsest stride, up to {LARGEST_INPUT}"
            )
        if min(self.click, self.box, self.scribble) < 0 or self.click + self.box + self.scribble <= 0:
            raise ConfigError("click, box and scribble are shares: none below zero, and not all of them zero")
        if self.epochs and self.epoch_length < self.images:
            raise ConfigError(
                f"an epoch of epoch_length={self.epoch_length} is less than a step of images={self.images}"
            )
        if self.images < self.devices * self.nodes * self.accumulate:
            raise ConfigError(
                f"images={self.images} are of all devices together: not one for each of the"
                f" {self.devices * self.nodes * self.accumulate} parts (devices x nodes x accumulate)"
            )

    @property
    def kind_shares(self) -> tuple[float, float, float]:
        """Probabilities of click, box and scribble."""
        total = self.click + self.box + self.scribble
        return (self.click / total, self.box / total, self.scribble / total)

    @property
    def starts_from_trained_encoder(self) -> bool:
        """Whether the image encoder has learned something before the first step."""
        return self.pretrained or self.backbone_weights is not None or self.init is not None

    @property
    def folder(self) -> Path:
        return Path(self.output)

    @property
    def sources(self) -> tuple[str, ...]:
        """`data`, also where it is a single one."""
        return (self.data,) if isinstance(self.data, str) else self.data

    @property
    def length(self) -> int:
        """Optimiser steps of the run.

        >>> Recipe(data="", output="", epochs=55, epoch_length=8498, images=32).length
        14575
        """
        return self.epochs * (self.epoch_length // self.images) if self.epochs else self.steps

    def learning_rate(self, step: int) -> float:
        """At `step`, counted from 0: a linear rise; then a plateau and a linear fall to zero, or a step down."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "step":
            return self.lr * rise * (self.decay if step >= round(self.decay_at * self.length) else 1.0)
        fall = (self.length - step) / max(1.0, self.cooldown * self.length)
        return self.lr * min(rise, fall, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `recipe.json` holds them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The inverse of `to_dict`, also of what JSON made of it; a field that is missing keeps its default.

        Raises:
            ConfigError: a field is unknown, of the wrong type or out of range.
        """
        return build(cls, current(values))


def current(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a `recipe.json`, also of one written before `paste` was part of the augmentation."""
    given = dict(values)
    if "paste" in given:
        given["augmentation"] = {"paste": given.pop("paste")} | given.get("augmentation", {})
    return given
