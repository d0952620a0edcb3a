"""What the store gives back: values that know nothing of the database they come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ImageRow:
    id: int
    name: str
    done: bool
    objects: int
    """Accepted and not deleted."""
    unaccepted: int
    """Not deleted either."""
    size: tuple[int, int] | None
    """Height and width, known once it was opened."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    id: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class ObjectRow:
    id: int
    image: int
    label: int | None
    accepted: bool
    deleted: bool
    revision: int
    at: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of an object's history; its answer is read apart, since masks may be large."""

    id: int
    content: dict[str, Any]
    answered: bool
    area: int
    seconds: float | None


def last_answered(row: ObjectRow, steps: Sequence[StepRow]) -> int | None:
    """The place of the step whose answer is how an object stands: the last one in force that has one.

    Those after it wait for the network, or it failed on them.
    """
    return next((place for place in reversed(range(row.at)) if steps[place].answered), None)


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """What came of a step."""

    mask: bytes
    """Packed by `vpuformer.app.store.rle`."""
    area: int
    crop: tuple[int, int, int, int] | None = None
    """What the network looked at: left, top, width, height; None where it was not asked."""
    logits: bytes | None = None
    """What it said, as `vpuformer.app.store.logits` packs it: enough to go on from here."""
    seconds: float | None = None
    model: str | None = None
    """Hash of its weights."""


@dataclass(frozen=True, slots=True)
class NewMask:
    """An object that comes from elsewhere."""

    mask: bytes
    """Packed by `vpuformer.app.store.rle`."""
    area: int
    label: int | str | None
    """An id, or a name for which a label is made if there is none."""
