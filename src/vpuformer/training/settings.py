"""Settings of frozen dataclasses, checked and read from text; those of a part are named `part.name`. No torch."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vpuformer.errors import ConfigError, unknown_name

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "none"}


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
    hints = _hints(kind)
    given = {}
    for name, value in values.items():
        hint = _known(hints, name, prefix)
        if is_dataclass(hint) and isinstance(value, Mapping):
            value = build(hint, _usual(kind, name) | dict(value), f"{prefix}{name}.")  # type: ignore[arg-type]
        given[name] = _checked(hint, value, prefix + name)
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


def _assign(kind: type, values: dict[str, Any], name: str, text: str, prefix: str) -> None:
    first, dot, rest = name.partition(".")
    hint = _known(_hints(kind), first, prefix)
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


def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


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


def _checked(hint: Any, value: Any, name: str) -> Any:
    """The value if it is of the type; lists become tuples and whole numbers numbers."""
    if get_origin(hint) in (Union, types.UnionType):
        for option in get_args(hint):
            try:
                return _checked(option, value, name)
            except ConfigError:
                continue
    elif get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
    elif get_origin(hint) is tuple:
        parts = get_args(hint)
        if isinstance(value, (list, tuple)) and (Ellipsis in parts or len(value) == len(parts)):
            return tuple(_checked(parts[0], part, name) for part in value)
    elif get_origin(hint) is Mapping:
        if isinstance(value, Mapping):
            return {str(key): _checked(get_args(hint)[1], part, f"{name}.{key}") for key, part in value.items()}
    elif hint is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"a setting of the recipe is of the wrong type: {name}={value!r} should be {wanted(hint)}")
