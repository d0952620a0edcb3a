"""Settings from text such as `model.dim=64`. Imports no torch."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal, Union, get_args, get_origin

from vpuformer.errors import ConfigError
from vpuformer.fields import field_type, wanted

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


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
    hint = field_type(kind, first, prefix)
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
