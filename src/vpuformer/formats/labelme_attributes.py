"""Attributes of objects in a shape of LabelMe: lines "name: value" of its description."""

import json
import re
from collections.abc import Mapping
from typing import Any

from vpuformer.formats.attributes import Value, Values, plain_values, readable_values

DESCRIPTION = "description"
"""Attribute with the lines of a description that do not begin with a name and a colon."""

_LINE = re.compile(r'("(?:[^"\\]|\\.)*"\s*|[^:]+):(.*)')
"""A name, which may be quoted, and the text after its colon."""


def as_description(attributes: Values) -> str:
    """The attributes as text, a line each.

    A text that would be read as a number, or that has several lines, is written as in JSON, and so is a name with a
    colon.

    >>> print(as_description({"colour": "dark red", "doors": 4.0, "plate": "7", "size: cm": 3.0}))
    colour: dark red
    doors: 4
    plate: "7"
    "size: cm": 3
    """
    return "\n".join(f"{_name(name)}: {_text(value)}" for name, value in plain_values(attributes).items())


def shape_attributes(shape: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes of a shape: its description, its flags, and `attributes`.

    X-AnyLabeling writes `attributes`.

    >>> shape_attributes({"description": "colour: dark red\\nat the left", "flags": {"parked": True}})
    {'colour': 'dark red', 'description': 'at the left', 'parked': 'true'}
    """
    found: dict[str, Any] = {}
    description = shape.get("description")
    others = []
    for line in description.split("\n") if isinstance(description, str) else ():
        if parts := _LINE.fullmatch(line.strip()):
            name, text = map(str.strip, parts.groups())
            found[str(_value(name)) if name.startswith('"') else name] = _value(text)
        elif line.strip():
            others.append(line.strip())
    if others:
        found[DESCRIPTION] = " ".join(others)
    for key in ("flags", "attributes"):
        values = shape.get(key)
        found |= values if isinstance(values, dict) else {}
    return readable_values(found)


def _name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) if ":" in name or name.startswith('"') else name


def _text(value: Value) -> str:
    if isinstance(value, str) and (not isinstance(_value(value), str) or _value(value) != value or "\n" in value):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _value(text: str) -> Any:
    """A number or a quoted text as JSON has it, else the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else text
