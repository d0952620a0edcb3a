"""Settings from plain values and from text such as `model.dim=64`. Imports no torch."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.fields import checked, field_types, wanted

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


T = TypeVar("T")


def build(kind: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """Build a dataclass from plain values, as JSON holds them.

    Missing fields keep their defaults, also in parts.

    >>> from vpuformer.data.augmentation import Augmentation
    >>> build(Augmentation, {"flip": 0, "resize": [0.75, 1.25]}).resize
    (0.75, 1.25)

    Raises:
        ConfigError: a field is unknown, of the wrong type or out of range.
    """
    hints = field_types(kind)
    fields_of_kind = {}
    for name, value in values.items():
        hint = _known(hints, name, prefix)
        if is_dataclass(hint) and isinstance(value, Mapping):
            value = build(hint, value, f"{prefix}{name}.")  # type: ignore[arg-type]
        fields_of_kind[name] = checked(hint, value, prefix + name)
    return kind(**fields_of_kind)


def assign(kind: type, values: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Write assignments `NAME=VALUE` over plain nested `values`.

    Each value is read as the type of its field.

    Args:
        kind: the dataclass of the values.
        assignments: "steps=5", "model.dim=64", "augmentation.resize=0.75,1.25", "split=none".

    >>> from vpuformer.data.augmentation import Augmentation
    >>> assign(Augmentation, {"flip": 0.5}, ["flip=0", "resize=0.75,1.25"])
    {'flip': 0.0, 'resize': (0.75, 1.25)}

    Raises:
        ConfigError: an assignment lacks `=`, a field is unknown, or a value is not of its type.
    """
    result = dict(values)
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"{assignment!r} sets nothing; wanted NAME=VALUE, as in model.dim=64")
        _assign(kind, result, name.strip(), text.strip(), "")
    return result


def differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Name, old and new value of each changed setting; None for a missing one.

    >>> differences({"steps": 5, "model": {"dim": 64, "heads": 4}}, {"steps": 9, "model": {"dim": 64, "heads": 8}})
    [('steps', 5, 9), ('model.heads', 4, 8)]
    """
    changed: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed += differences(old, new, f"{prefix}{name}.")
        elif old != new:
            changed.append((prefix + name, old, new))
    return changed


def _assign(kind: type, values: dict[str, Any], name: str, text: str, prefix: str) -> None:
    first, dot, rest = name.partition(".")
    hint = _known(field_types(kind), first, prefix)
    if is_dataclass(hint):
        if not dot:
            raise ConfigError(f"{prefix}{first} has settings of its own; wanted {prefix}{first}.NAME=VALUE")
        inner = dict(values.get(first, {}))
        _assign(hint, inner, rest, text, f"{prefix}{first}.")  # type: ignore[arg-type]
        values[first] = inner
    elif get_origin(hint) is Mapping:
        if not rest and text.lower() != "none":
            raise ConfigError(f"{prefix}{first} has a value for each name; wanted {prefix}{first}.NAME=VALUE, or none")
        others = values.get(first, {}) if rest else {}
        values[first] = {**others, **({rest: _read(get_args(hint)[1], text, f"{prefix}{name}")} if rest else {})}
    elif dot:
        raise ConfigError(f"{prefix}{first} is {wanted(hint)} and has no setting {rest!r}")
    else:
        values[first] = _read(hint, text, prefix + first)


def _known(hints: Mapping[str, Any], name: str, prefix: str) -> Any:
    if name not in hints:
        what = f"setting of {prefix.rstrip('.')}" if prefix else "setting of a recipe"
        in_parts = [
            f"{part}.{name}" for part, hint in hints.items() if is_dataclass(hint) and name in field_types(hint)
        ]
        raise ConfigError(unknown_name(what, name, [*hints, *in_parts]))
    return hints[name]


def _read(hint: Any, text: str, name: str) -> Any:
    """Read text as a value of a type; of several types, the first that accepts it."""
    if get_origin(hint) in (Union, types.UnionType):
        # "none" first and text last, since text accepts everything.
        options = sorted(get_args(hint), key=lambda p: (p is not type(None), Ellipsis in get_args(p), p is str))
        for option in options:
            try:
                return _read(option, text, name)
            except ConfigError:
                continue
    elif hint is type(None) and text.lower() == "none":
        return None
    elif hint is bool and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    elif hint is str or (get_origin(hint) is Literal and text in get_args(hint)):
        return text
    elif hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            pass
    elif get_origin(hint) is tuple and Ellipsis in get_args(hint) and text.lower() == "none":
        return ()
    elif get_origin(hint) is tuple and (Ellipsis in get_args(hint) or text.count(",") + 1 == len(get_args(hint))):
        return tuple(_read(get_args(hint)[0], part.strip(), name) for part in text.split(","))
    raise ConfigError(f"{name}={text!r} should be {wanted(hint)}")
