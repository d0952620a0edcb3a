"""Frozen dataclasses of settings: made from plain values, and checks of their fields."""

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from vpuformer.errors import ConfigError, unknown_name

T = TypeVar("T")

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "none"}


def build(kind: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """Build a dataclass from plain values, as JSON holds them.

    Missing fields keep their defaults, also in parts.

    >>> from vpuformer.data.augmentation import Augmentation
    >>> build(Augmentation, {"flip": 0, "resize": [0.75, 1.25]}).resize
    (0.75, 1.25)

    Raises:
        ConfigError: a field is unknown, of the wrong type or out of range.
    """
    fields_of_kind = {}
    for name, value in values.items():
        hint = field_type(kind, name, prefix)
        if is_dataclass(hint) and isinstance(value, Mapping):
            value = build(hint, value, f"{prefix}{name}.")  # type: ignore[arg-type]
        fields_of_kind[name] = checked(hint, value, prefix + name)
    return kind(**fields_of_kind)


def check_fields(settings: Any, prefix: str = "") -> None:
    """Check every field and convert it to its type: lists to tuples, integers to floats.

    Call this in the `__post_init__` of a dataclass, frozen or not.

    Args:
        prefix: put before the name of a field in the error.

    Raises:
        ConfigError: a value is of another type, or a number is not finite.
    """
    for name, hint in field_types(type(settings)).items():
        object.__setattr__(settings, name, checked(hint, getattr(settings, name), prefix + name))


@cache
def field_types(kind: type) -> dict[str, Any]:
    """The type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def field_type(kind: type, name: str, prefix: str = "") -> Any:
    """The type of a field; a `ConfigError` if no field has that name."""
    hints = field_types(kind)
    if name not in hints:
        inner = [f"{part}.{name}" for part, hint in hints.items() if is_dataclass(hint) and name in field_types(hint)]
        what = f"setting of {prefix.rstrip('.')}" if prefix else "setting"
        raise ConfigError(unknown_name(what, name, [*hints, *inner]))
    return hints[name]


def check_least(settings: Any, prefix: str, least: int, *names: str) -> None:
    """Raise a `ConfigError` unless these fields are at least `least`."""
    for name in names:
        if not getattr(settings, name) >= least:
            raise ConfigError(f"{prefix}{name}={getattr(settings, name)} must be at least {least}")


def check_shares(settings: Any, prefix: str, *names: str) -> None:
    """Raise a `ConfigError` unless these fields lie in 0..1."""
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise ConfigError(f"{prefix}{name}={getattr(settings, name)} must lie between 0 and 1")


def checked(hint: Any, value: Any, name: str) -> Any:
    """The value converted to a type.

    >>> checked(tuple[float, float] | None, [1, 2], "resize")
    (1.0, 2.0)

    Raises:
        ConfigError: it is not of the type, or a number is not finite.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if get_origin(hint) in (Union, types.UnionType):
        for option in get_args(hint):
            try:
                return checked(option, value, name)
            except ConfigError:
                continue
    elif get_origin(hint) is Literal:
        if isinstance(value, str) and value in get_args(hint):
            return value
    elif get_origin(hint) is tuple:
        parts = get_args(hint)
        if isinstance(value, (list, tuple)) and (Ellipsis in parts or len(value) == len(parts)):
            return tuple(checked(parts[0], part, name) for part in value)
    elif get_origin(hint) is Mapping:
        if isinstance(value, Mapping):
            return {str(key): checked(get_args(hint)[1], part, f"{name}.{key}") for key, part in value.items()}
    elif hint is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"a setting is of the wrong type: {name}={value!r:.80} should be {wanted(hint)}")


def wanted(hint: Any) -> str:
    """A type in words.

    >>> wanted(int | None), wanted(tuple[float, float]), wanted(Literal["adam", "adamw"])
    ('a whole number or none', '2 numbers, as in 0.5,1', 'adam or adamw')
    """
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(wanted(part) for part in get_args(hint)))
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        return "several, with commas between them" if Ellipsis in parts else f"{len(parts)} numbers, as in 0.5,1"
    if get_origin(hint) is Mapping:
        return f"{wanted(get_args(hint)[1])} for each name"
    return _NAMES.get(hint, f"the settings of {getattr(hint, '__name__', hint)}")
