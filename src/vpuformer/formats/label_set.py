"""Reader of label sets: labels, their colours, groups and attributes, and tags of images.

The list of labels that CVAT shows under "Raw" in its constructor is a label set.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpuformer.errors import ConfigError, InputError, unknown_name
from vpuformer.files import read_bytes, read_json
from vpuformer.formats.attributes import Attribute, Kind
from vpuformer.formats.labels import label_name

_KINDS: Mapping[str, Kind] = {
    "select": "choice",
    "radio": "choice",
    "checkbox": "choice",
    "number": "number",
    "text": "text",
}
"""Kinds of attributes by what CVAT calls them."""

_LONGEST = 200
"""Maximum length of a name in characters."""


@dataclass(frozen=True, slots=True)
class LabelDefinition:
    """A label: its colour as #rrggbb or None, and the heading under which it is listed."""

    name: str
    colour: str | None = None
    group: str = ""
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSet:
    """What can be given for objects and images.

    Attributes:
        attributes: those that objects of any label can have.
        tags: of images.
        label_required: objects without a label cannot be accepted.
    """

    labels: tuple[LabelDefinition, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    tags: tuple[str, ...] = ()
    label_required: bool = False


def read_label_names(path: Path) -> list[str]:
    """Read names of labels from a text file in UTF-8 with one a line.

    Raises:
        ConfigError: the file is missing or no text.
    """
    try:
        return read_bytes(path, error=ConfigError).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8; save it as UTF-8") from error


def read_label_set(path: Path) -> LabelSet:
    """Read a label set from a JSON file.

    Raises:
        ConfigError: the file is missing or no label set.
    """
    content = read_json(path, error=ConfigError, name=str(path))
    given = {"labels": content} if isinstance(content, list) else content
    if not isinstance(given, Mapping) or not isinstance(given.get("labels", []), list):
        raise ConfigError(f"{path} is not a label set; wanted a list of labels, or an object with the list 'labels'")
    if unknown := given.keys() - {"labels", "attributes", "tags", "label_required"}:
        raise ConfigError(
            f"{path} has the unknown key {min(unknown)!r:.60}; wanted labels, attributes, tags or label_required"
        )
    try:
        labels = [_label(entry) for entry in given.get("labels", [])]
        _check_unique("labels", [label.name for label in labels])
        tags = [_name(tag) for tag in _list(given, "tags")]
        required = given.get("label_required", False)
        if not isinstance(required, bool):
            raise InputError(f"'label_required' is true or false, got {required!r:.60}")
        return LabelSet(tuple(labels), _attributes(given), tuple(dict.fromkeys(tags)), required)
    except InputError as error:
        raise ConfigError(f"{path}: {error}") from error


def cvat_attribute(name: Any, kind: Any, values: Sequence[Any]) -> Attribute:
    """An attribute as CVAT defines it: its name, its `input_type` and its `values`.

    >>> cvat_attribute("parked", "checkbox", ["false"])
    Attribute(name='parked', kind='choice', choices=('true', 'false'))

    Raises:
        InputError: there is no such type, or a name is not text on one line.
    """
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InputError(unknown_name("input_type", str(kind), _KINDS))
    if kind == "checkbox":
        return Attribute(_name(name), "choice", ("true", "false"))
    choices = [_name(value) for value in values] if _KINDS[kind] == "choice" else []
    return Attribute(_name(name), _KINDS[kind], tuple(dict.fromkeys(choices)))


def _label(entry: Any) -> LabelDefinition:
    if isinstance(entry, str):
        return LabelDefinition(_name(entry))
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise InputError(f"a label is a name, or an object with a 'name', got {entry!r:.60}")
    colour = entry.get("color") or None
    if colour is not None and not (isinstance(colour, str) and re.fullmatch("#[0-9a-fA-F]{6}", colour)):
        raise InputError(f"the color of {entry['name']!r:.60} is {colour!r:.40}; write it as #rrggbb")
    group = entry.get("group") or ""
    return LabelDefinition(_name(entry["name"]), colour and colour.lower(), group and _name(group), _attributes(entry))


def _attributes(entry: Mapping[str, Any]) -> tuple[Attribute, ...]:
    attributes = [_attribute(each) for each in _list(entry, "attributes")]
    _check_unique("attributes", [each.name for each in attributes])
    return tuple(attributes)


def _attribute(entry: Any) -> Attribute:
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise InputError(f"an attribute is an object with a 'name', got {entry!r:.60}")
    return cvat_attribute(entry["name"], entry.get("input_type", "text"), _list(entry, "values"))


def _list(entry: Mapping[str, Any], key: str) -> Sequence[Any]:
    values = entry.get(key) or []
    if not isinstance(values, list):
        raise InputError(f"{key!r} is a list, got {values!r:.60}")
    return values


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise InputError(f"a name is a text of at most {_LONGEST} characters, got {value!r:.60}")
    return label_name(value)


def _check_unique(things: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two {things} are called {name!r:.60}; rename one of them")
