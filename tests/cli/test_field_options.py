"""Options that are derived from the fields of a dataclass."""

from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from vpuformer.cli.field_options import fields_of, options_from

RECIPE = "vpuformer.training.recipe"


def app(seen: dict[str, Any]) -> typer.Typer:
    made = typer.Typer(rich_markup_mode=None)

    @made.command()
    @options_from("recipe", RECIPE, "Recipe", "lr", "freeze_stem", "precision", size="size", every="log_every")
    def command(name: str, *, recipe: dict[str, Any]) -> None:
        """A command."""
        seen.update(recipe, name=name)

    return made


def test_given_options_arrive_by_the_names_of_their_fields() -> None:
    seen: dict[str, Any] = {}
    words = ["one", "--lr", "1e-4", "--no-freeze-stem", "--every", "5"]
    assert CliRunner().invoke(app(seen), words).exit_code == 0
    assert seen == {"name": "one", "lr": 1e-4, "freeze_stem": False, "log_every": 5}


def test_a_value_of_another_type_is_refused() -> None:
    assert CliRunner().invoke(app({}), ["one", "--size", "large"]).exit_code == 2


def test_the_help_is_the_docstring_of_the_field() -> None:
    text = " ".join(CliRunner().invoke(app({}), ["--help"], terminal_width=200).stdout.split())
    assert "Side of the training crops in pixels. [default: 256]" in text
    assert "Steps between two lines of the log." in text


@pytest.mark.parametrize("name", ["Recipe", "InteractionSettings", "LossSettings"])
def test_the_source_and_the_class_have_the_same_fields(name: str) -> None:
    assert list(fields_of(RECIPE, name)) == [field.name for field in fields(getattr(import_module(RECIPE), name))]


@pytest.mark.parametrize(("module", "name"), [("vpuformer.nowhere", "Recipe"), (RECIPE, "Recipes")])
def test_an_unknown_class_is_an_error(module: str, name: str) -> None:
    with pytest.raises(LookupError):
        fields_of(module, name)
