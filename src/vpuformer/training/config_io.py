"""Settings of frozen dataclasses, checked and read from text; those of a part are named `part.name`. No torch."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.fields import checked, field_types, wanted

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


T = TypeVar("T")


def build(kind: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """A dataclass out of plain values, as JSON has them; a field that is missing keeps its default, and what is not
    said of a part is as the part is by default.

    >>> from vpuformer.data.augmentation import Augmentation
    >>> build(Augmentation, {"flip": 0, "resize": [0.75, 1.25]}).resize
    (0.75, 1.25)

    Raises:
        ConfigError: a field is unknown or of the wrong type, or the dataclass refuses it.
    """
    hints = field_types(kind)
    given = {}
    for name, value in values.items():
        hint = _known(hints, name, prefix)
        if is_dataclass(hint) and isinstance(value, Mapping):
            value = build(hint, _usual(kind, name) | dict(value), f"{prefix}{name}.")  # type: ignore[arg-type]
        given[name] = checked(hint, value, prefix + name)
    return kind(**given)


def assign(kind: type, values: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """`values` (plain, nested) with `NAME=VALUE` written over them, the value being read as the type of its field.

    Args:
        kind: the dataclass that the values are for.
        assignments: "steps=5", "model.dim=64", "augmentation.resize=0.75,1.25", "split=none".

    >>> from vpuformer.data.augmentation import Augmentation
    >>> assign(Augmentation, {"flip": 0.5}, ["flip=0", "resize=0.75,1.25"])
    {'flip': 0.0, 'resize': (0.75, 1.25)}

    Raises:
        ConfigError: there is no `=` or no such field, or the value cannot be read as its type.
    """
    result = dict(values)
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"{assignment!r} sets nothing; wanted NAME=VALUE, as in model.dim=64")
        _assign(kind, result, name.strip(), text.strip(), "")
    return result


def differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Name, old and new value of each setting (plain, nested) that is not the same; None for one that is not there.

    >>> differences({"steps": 5, "model": {"dim": 64, "heads": 4}}, {"steps": 9, "model": {"dim": 64, "heads": 8}})
    [('steps', 5, 9), ('model.heads', 4, 8)]
    """
    found: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{prefix}{name}.")
        elif old != new:
            found.append((prefix + name, old, new))
    return found


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
        kept = values.get(first, {}) if rest else {}
        values[first] = {**kept, **({rest: _read(get_args(hint)[1], text, f"{prefix}{name}")} if rest else {})}
    elif dot:
        raise ConfigError(f"{prefix}{first} is {wanted(hint)} and has no setting {rest!r}")
    else:
        values[first] = _read(hint, text, prefix + first)


def _usual(kind: type, name: str) -> dict[str, Any]:
    """What a part is made of where nothing is said of it: not always what its own class has by default."""
    part = next(field for field in fields(kind) if field.name == name)
    return {} if part.default_factory is MISSING else asdict(part.default_factory())


def _known(hints: Mapping[str, Any], name: str, prefix: str) -> Any:
    if name not in hints:
        what = f"setting of {prefix.rstrip('.')}" if prefix else "setting of a recipe"
        raise ConfigError(unknown_name(what, name, hints))
    return hints[name]


def _read(hint: Any, text: str, name: str) -> Any:
    """Text as a value of a type; the first of several types that takes it."""
    if get_origin(hint) in (Union, types.UnionType):
        # "none" before text, which takes everything, commas as well.
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
