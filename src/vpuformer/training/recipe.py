"""What a training run is: one frozen dataclass, written beside its checkpoints. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.model.config import VARIANTS, VPUFormerConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A training run. The defaults are how the shipped weights are made.

    Raises:
        ConfigError: a field is out of range.
    """

    data: str
    """Folder of COCO-format folders, each with `annotations.json` and `images/`; or one such folder."""
    output: str
    """Folder of the run: `recipe.json`, `log.csv`, `last.safetensors`, `weights/`, TensorBoard files."""
    split: str | None = None
    """JSON file that names validation pictures, validation objects and pictures to leave out."""
    model: VPUFormerConfig = field(default_factory=lambda: VARIANTS["default"])
    backbone_weights: str | None = None
    """safetensors file, in timm's names, for the image encoder to start from."""
    init: str | None = None
    """Model (name or folder) to start from, with a fresh optimiser."""

    size: int = 256
    """Side of the training crops in pixels."""
    pictures: int = 8
    """Pictures in a batch (of one process)."""
    objects: int = 2
    """Objects of every picture: they share its crop and, where features depend on the picture alone, the encoder."""
    steps: int = 20_000
    """Optimiser steps."""
    interactions: int = 3
    """Supervised interactions of a batch: uniform from 1 to this number, weighted 1, 2, 3, ..."""
    click: float = 1.0
    box: float = 1.0
    scribble: float = 1.0
    """How often each kind of prompt is drawn, relative to the others; per sample and interaction."""
    mask_drop: float = 0.3
    """How often the previous mask is taken away before a correction: many prompts given at once, and no mask."""
    paste: float = 0.15
    """How often an object is pasted onto another picture."""

    lr: float = 5e-4
    backbone_lr: float = 0.1
    """Learning rate of the image encoder relative to `lr`."""
    weight_decay: float = 0.01
    warmup: int = 200
    """Steps over which the learning rate rises from zero."""
    cooldown: float = 0.2
    """Share of the steps, at the end, over which it falls to zero; in between it is constant."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Decay of the moving average of the weights, which is what is validated and saved."""
    p2cl: float = 2.0
    """Lambda, the weight of P2CL (Eq. 18)."""
    freeze_stem: bool = True
    """Keep the image encoder up to stride 4 as it was pretrained."""
    freeze_norms: bool = True
    """Keep the statistics of its batch norms."""

    seed: int = 0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    workers: int = 1
    """Processes that decode and augment."""
    log_every: int = 20
    save_minutes: float = 3.0
    validate_every: int = 1000
    """Steps; 0 for never."""
    validate_objects: int = 200
    """How many of the validation objects are looked at during training."""

    def __post_init__(self) -> None:
        for name in ("size", "pictures", "objects", "steps", "interactions", "devices", "log_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 1")
        for name in ("cooldown", "paste", "ema", "mask_drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)} must lie between 0 and 1")
        for name in ("lr", "clip"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}={getattr(self, name)} must be above 0")
        if self.init is not None and self.backbone_weights is not None:
            raise ConfigError("init brings an image encoder along; leave backbone_weights out")
        if self.size % 32:
            raise ConfigError(f"size={self.size} must be a multiple of 32, the encoder's coarsest stride")
        if min(self.click, self.box, self.scribble) < 0 or self.click + self.box + self.scribble <= 0:
            raise ConfigError("click, box and scribble are shares: none below zero, and not all of them zero")

    @property
    def kind_shares(self) -> tuple[float, float, float]:
        """Probabilities of click, box and scribble."""
        total = self.click + self.box + self.scribble
        return (self.click / total, self.box / total, self.scribble / total)

    @property
    def folder(self) -> Path:
        return Path(self.output)

    def learning_rate(self, step: int) -> float:
        """At `step`, counted from 0: a linear rise, a plateau, a linear fall to zero."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        fall = (self.steps - step) / max(1.0, self.cooldown * self.steps)
        return self.lr * min(rise, fall, 1.0)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        known = {entry.name for entry in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(unknown_name("setting of a recipe", name, known))
        given = dict(values)
        if isinstance(given.get("model"), Mapping):
            given["model"] = VPUFormerConfig.from_dict(given["model"])
        return cls(**given)
