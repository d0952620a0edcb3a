"""JSON messages about labels, attributes and tags."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, FailFast, Field

from vpuformer.app.step_schemas import Identity, Message
from vpuformer.errors import InputError
from vpuformer.formats.attributes import LONGEST_VALUE, MOST_VALUES, Kind
from vpuformer.formats.labels import LONGEST_LABEL, label_name

_MOST = 1000
"""Maximum number of choices, attributes or tags in a list."""

Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL), AfterValidator(label_name)]
Names = Annotated[list[Name], Field(max_length=_MOST)]

Value = Annotated[str, Field(max_length=LONGEST_VALUE)] | Annotated[float, Field(strict=True, allow_inf_nan=False)]


def _few_values(values: Any) -> Any:
    if isinstance(values, dict) and len(values) > MOST_VALUES:  # each bad value is an error of its own
        raise InputError(f"an object has at most {MOST_VALUES} attributes, got {len(values)}; send fewer")
    return values


Values = Annotated[dict[Name, Value], BeforeValidator(_few_values), Field(max_length=MOST_VALUES)]
"""Values of attributes by their names."""


class Attribute(Message):
    """What can be given for an object: one of the choices, a number, or a text."""

    name: Name
    kind: Kind
    choices: Annotated[Names, FailFast()]


Attributes = Annotated[list[Attribute], Field(max_length=_MOST)]


class NewLabel(Message):
    name: Name
    colour: Colour | None = None


class LabelChange(Message):
    """A change. Missing or null fields stay unchanged."""

    name: Name | None = None
    colour: Colour | None = None
    group: Annotated[str, Field(max_length=LONGEST_LABEL)] | None = None
    attributes: Attributes | None = None


class LabelOrder(Message):
    """Ids of labels in their order. Labels that are missing come last."""

    labels: Annotated[list[Identity], Field(max_length=10_000)]


class Label(Message):
    id: int
    name: str
    colour: str
    group: str
    """Heading under which the label is listed; empty for none."""
    attributes: list[Attribute]
    """Attributes that objects with this label can have."""


class LabelSettings(Message):
    """What holds for all labels and images."""

    attributes: Attributes
    """Attributes that all objects can have."""
    tags: Names
    """Tags that are offered for images."""
    label_required: bool
    """Whether an object without a label cannot be accepted."""
