"""Values that the store returns, independent of the database."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vpuformer.app.schemas import Verdict
from vpuformer.formats.attributes import Attribute, Value


class ImageRow(NamedTuple):
    """An image with counts of its objects. A tuple: there may be tens of thousands."""

    id: int
    name: str
    done: bool
    objects: int
    """Number of accepted objects."""
    unaccepted: int
    """Number of objects with a step in force that are not accepted."""
    size: tuple[int, int] | None
    """Height and width; None until the image was opened."""
    labels: tuple[int | None, ...] = ()
    """Labels of these objects, each once; None if some have no label."""
    changed: float | None = None
    """Time of the last change of the image or its objects, in seconds since 1970."""
    review: Verdict | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelRow:
    id: int
    name: str
    colour: str
    group: str = ""
    """Heading under which the label is listed; empty for none."""
    attributes: tuple[Attribute, ...] = ()
    """Attributes that objects with this label can have."""


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """What holds for all labels and images."""

    attributes: tuple[Attribute, ...] = ()
    """Attributes that all objects can have."""
    tags: tuple[str, ...] = ()
    """Tags that are offered for images."""
    label_required: bool = False
    """Whether an object without a label is refused to be accepted."""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    id: int
    image: int
    label: int | None
    accepted: bool
    deleted: bool
    revision: int
    at: int
    attributes: dict[str, Value] = field(default_factory=dict)


class CountedObject(NamedTuple):
    """An object as counts need it."""

    id: int
    image: int
    label: int | None
    accepted: bool
    created: float
    """In seconds since 1970."""
    person: str | None
    """Name of whoever changed it last."""


class TakenStep(NamedTuple):
    """A step as counts need it."""

    object: int
    created: float
    """In seconds since 1970."""
    person: str | None = None
    """Name of whoever took it."""


class Work(NamedTuple):
    """What people have done in a folder."""

    objects: list[CountedObject]
    steps: list[TakenStep]
    """The steps of people, in order of time."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of an object's history. Its answer is read separately because masks may be large."""

    id: int
    content: dict[str, Any]
    answered: bool
    area: int
    seconds: float | None
    person: str | None = None
    """Name of whoever took it."""


def last_answered(row: ObjectRow, steps: Sequence[StepRow]) -> int | None:
    """Return the index of the last step in force that has an answer, or None.

    That answer is the object's current mask. Later steps wait for the network, or the network failed on them.
    """
    return next((index for index in reversed(range(row.at)) if steps[index].answered), None)


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """The result of a step."""

    mask: bytes
    """Encoded by `vpuformer.app.store.rle`."""
    area: int
    """In pixels."""
    crop: tuple[int, int, int, int] | None = None
    """Left, top, width and height of the crop that the network saw; None if the network was not used."""
    logits: bytes | None = None
    """Logits of the crop, encoded by `vpuformer.app.store.logits`."""
    seconds: float | None = None
    """Time that the network took."""
    model: str | None = None
    """Hash of the network's weights."""
    scores: tuple[float, ...] = ()
    """Scores of the candidates that a choose step has chosen from. They are stored with its content."""


def answer_columns(answer: StepAnswer) -> dict[str, Any]:
    """The columns of a step that hold its answer."""
    return {
        "mask": zlib.compress(answer.mask),
        "area": answer.area,
        "crop": None if answer.crop is None else ",".join(map(str, answer.crop)),
        "logits": answer.logits,
        "seconds": answer.seconds,
        "model": answer.model,
    }


def step_text(content: dict[str, Any]) -> str:
    """The content of a step as a column holds it."""
    return json.dumps(content, separators=(",", ":"))
