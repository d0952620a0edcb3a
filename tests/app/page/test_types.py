"""The page's `types.js` has the same fields and types as the server's messages."""

import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from vpuformer.app import finetuning_schemas, import_report, label_schemas, news_schemas, schemas, step_schemas

FILE = Path(schemas.__file__).parent / "page" / "types.js"

ANSWERS = (
    "ObjectState",
    "ImageOpened",
    "ImageListed",
    "Project",
    "Label",
    "Problem",
    "FolderImport",
    "News",
    "FinetuningState",
)
"""Messages of the server, whose fields the page must know completely."""

ALIASES = {"Point": "[number, number]", "Edges": "[number, number, number, number]"}
"""Tuples that have a name in JavaScript."""

Fields = dict[str, tuple[str, bool]]
"""Type in JavaScript and whether it may be missing, by the names of fields."""


def in_javascript() -> dict[str, Fields]:
    """The objects that `types.js` defines."""
    text = re.sub(r"^ \* ?", "", FILE.read_text("utf-8"), flags=re.M)
    found = {}
    for body, name in re.findall(r"@typedef \{\{(.*)\}\} (\w+)", text):
        found[name] = dict(_field(*part.split(":", 1)) for part in _parts(body, ","))
    for name, body in re.findall(r"@typedef \{object\} (\w+)\n((?:@property .*\n)+)", text):
        found[name] = dict(_field(field, kind) for kind, field in re.findall(r"@property \{(.*)\} (\S+)", body))
    return found


def _field(name: str, kind: str) -> tuple[str, tuple[str, bool]]:
    return name.strip(" []?"), (_sorted(kind), name.strip().endswith("?") or name.startswith("["))


def _parts(text: str, separator: str) -> list[str]:
    """Split where no bracket is open."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{(<") - (letter in "]})>")
        if letter == separator and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _sorted(kind: str) -> str:
    for name, meaning in ALIASES.items():
        kind = re.sub(rf"\b{name}\b", meaning, kind)
    return " | ".join(sorted(_parts(kind, "|")))


def from_python(annotation: Any) -> str:
    """A type of a message as JavaScript has it.

    >>> from_python(list[int] | None)
    'null | number[]'
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return from_python(arguments[0])
    if origin is typing.Literal:
        return _sorted(" | ".join(f'"{value}"' for value in arguments))
    if origin in (typing.Union, types.UnionType):
        return _sorted(" | ".join(from_python(part) for part in arguments))
    if origin is list:
        inner = from_python(arguments[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<{', '.join(from_python(part) for part in arguments)}>"
    if origin is tuple:
        return f"[{', '.join(from_python(part) for part in arguments)}]"
    simple = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}
    return simple.get(annotation) or annotation.__name__


def fields_of(message: type[BaseModel]) -> Fields:
    hints = typing.get_type_hints(message, include_extras=True)
    return {name: (from_python(hints[name]), not field.is_required()) for name, field in message.model_fields.items()}


def messages() -> dict[str, type[BaseModel]]:
    return {
        name: value
        for module in (schemas, step_schemas, finetuning_schemas, label_schemas, news_schemas, import_report)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    }


KNOWN = in_javascript()


def test_there_are_types_to_compare() -> None:
    assert len(KNOWN) > 12
    assert KNOWN["BoxStep"] == {
        "type": ('"box"', False),
        "box": ("[number, number, number, number]", False),
        "positive": ("boolean", False),
        "only_here": ("boolean", True),
    }
    assert KNOWN["ObjectState"]["mask"] == ("RleMask | null", False)
    assert set(KNOWN) <= set(messages())


@pytest.mark.parametrize("name", sorted(set(KNOWN) & set(messages())))
def test_a_message_has_the_same_fields_on_both_sides(name: str) -> None:
    page, server = KNOWN[name], fields_of(messages()[name])
    assert {field: kind for field, (kind, _) in page.items()} == {field: kind for field, (kind, _) in server.items()}
    for field, (_, missing) in page.items():
        assert server[field][1] or not missing, f"{name}.{field} is required, and the page may leave it out"


def test_the_page_knows_all_that_it_is_sent() -> None:
    waiting, seen = list(ANSWERS), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        assert name in KNOWN, f"types.js has no {name}"
        kinds = " ".join(kind for kind, _ in fields_of(messages()[name]).values())
        waiting += [word for word in re.findall(r"[A-Z]\w+", kinds) if word in messages()]


@pytest.mark.parametrize(
    ("line", "other"),
    [
        (" * @property {number} area\n", ""),
        (" * @property {number} area\n", " * @property {string} area\n"),
        (" * @property {number} area\n", " * @property {number} area\n * @property {number} length\n"),
        ("@property {RleMask | null} mask", "@property {RleMask} mask"),
    ],
)
def test_a_difference_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, other: str) -> None:
    text = FILE.read_text("utf-8")
    assert line in text
    (tmp_path / "types.js").write_text(text.replace(line, other))
    monkeypatch.setitem(globals(), "FILE", tmp_path / "types.js")
    page, server = in_javascript()["ObjectState"], fields_of(schemas.ObjectState)
    assert {field: kind for field, (kind, _) in page.items()} != {field: kind for field, (kind, _) in server.items()}
