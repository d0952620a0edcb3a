"""Attributes of objects, such as their colour: their definitions and values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vpuformer.errors import InputError
from vpuformer.formats.labels import label_name

Kind = Literal["choice", "number", "text"]
Value = str | float
Values = Mapping[str, Value]
"""Values of an object's attributes by their names."""

NO_VALUES: Values = {}

LONGEST_VALUE = 1000
"""Maximum length of a text in characters."""

MOST_VALUES = 100
"""Maximum number of attributes of an object."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """What can be given for an object: one of the choices, a number, or a text."""

    name: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()


def readable_values(values: Mapping[Any, Any]) -> dict[str, Value]:
    """The values of a file that can be kept: texts and finite numbers.

    True and false become texts. Other values are left out.

    >>> readable_values({"colour": "red", " doors ": 4, "parked": False, "tracks": [1], "age": None, "note": ""})
    {'colour': 'red', 'doors': 4.0, 'parked': 'false'}
    """
    found: dict[str, Value] = {}
    for key, value in values.items():
        try:
            name = label_name(str(key)[:200])
        except InputError:
            continue
        if isinstance(value, bool):
            found[name] = str(value).lower()
        elif isinstance(value, int | float) and abs(value) < 1e300 and math.isfinite(value):
            found[name] = float(value)
        elif isinstance(value, str) and (text := value.strip()[:LONGEST_VALUE]):
            found[name] = text
    return dict(list(found.items())[:MOST_VALUES])


def plain_values(values: Values) -> dict[str, str | int | float]:
    """The values as files hold them: whole numbers without a point.

    >>> plain_values({"colour": "red", "doors": 4.0, "length": 3.5})
    {'colour': 'red', 'doors': 4, 'length': 3.5}
    """
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in values.items()
    }
