"""`vpuformer train`: a recipe and options for the training loop."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vpuformer.cli.field_options import options_from
from vpuformer.cli.outputs import make_folder
from vpuformer.errors import ConfigError
from vpuformer.extras import require
from vpuformer.memory import keep_freed_memory

_RECIPE = "vpuformer.training.recipe"


@options_from("interaction", _RECIPE, "InteractionSettings", "interactions", "warmup_interactions", defaults=False)
@options_from(
    "chosen",
    _RECIPE,
    "Recipe",
    "split",
    "init",
    "backbone_weights",
    "steps",
    "size",
    "images_per_step",
    "objects_per_image",
    "lr",
    "warmup",
    "cooldown",
    "ema_decay",
    "seed",
    "precision",
    "accelerator",
    "devices",
    "nodes",
    "strategy",
    "accumulate",
    "workers",
    "log_every",
    "validate_every",
    metavars={"split": "FILE", "init": "MODEL", "backbone_weights": "FILE", "cooldown": "SHARE", "lr": "RATE"},
    defaults=False,
)
def train(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the run.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE",
            show_default=False,
            help="default, debug, sbd_ENCODER or cocolvis_ENCODER (vit_b, mit_b0, hrnet18s, resnet50: the paper's), or"
            " the recipe.json of another run.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="[KIND=]PATH", help="Data to train on, such as sbd=PATH; may be repeated."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any setting of the recipe, such as loss.p2cl_weight=0.5 or model.dim=64; may be repeated.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in FOLDER with its recipe and these options.")
    ] = False,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Network variant: default or paper.")] = None,
    *,
    chosen: dict[str, Any],
    interaction: dict[str, Any],
) -> None:
    """Train a network on images with outlined objects, or fine-tune one.

    Every outline serves all three kinds of prompts, which are simulated. Settings without an option keep the value of
    RECIPE. FOLDER/recipe.json lists all of them and is a RECIPE itself. FOLDER/weights is the trained model: vpuformer
    segment IMAGE --model FOLDER/weights ...
    """
    from vpuformer.training.config_io import assign
    from vpuformer.training.recipe import Recipe, read_recipe

    keep_freed_memory()
    written = output / "recipe.json"
    if resume and name is not None:
        raise ConfigError("--resume continues with the recipe of its folder; leave RECIPE out")
    if resume and not written.exists():
        raise ConfigError(f"there is no run to resume in {output}: recipe.json is missing; check the folder")
    values = read_recipe(written) if resume else _values_of(name)
    values |= chosen | {"output": str(output)}
    if data:
        values["data"] = data[0] if len(data) == 1 else tuple(data)
    if "steps" in chosen:
        values["epochs"] = 0
    if interaction:
        values["interaction"] = values.get("interaction", {}) | interaction
    if variant is not None and name not in (None, "default"):
        raise ConfigError(f"{name} has a network of its own; leave --variant out, or use --set model.NAME=VALUE")
    if (network := _network(variant, chosen.get("init"))) is not None:
        values["model"] = network
    values = assign(Recipe, values, settings or [])
    if not values.get("data"):
        raise ConfigError(
            "no data to train on; give the folder of the sets with --data FOLDER, or with its kind: --data sbd=FOLDER"
        )
    recipe = Recipe.from_dict(values)
    if resume:
        _report_changes(read_recipe(written), recipe.to_dict())
    make_folder(output, "the run")
    require("train", "training")

    from lightning_fabric.utilities.rank_zero import rank_zero_only

    from vpuformer.training.interrupts import Interrupted
    from vpuformer.training.loop import train as run

    try:
        run(recipe, resume=resume, on_note=lambda note: typer.echo(f"note: {note}", err=True))
    except Interrupted as stop:
        # The other processes end quietly: their failure would count as a failure of the run.
        if not str(stop):
            raise typer.Exit(0) from None
        typer.echo(str(stop), err=True)
        raise typer.Exit(130) from None
    weights = recipe.folder / "weights"
    rank_zero_only(typer.echo)(f"model: {weights}\nto run it without PyTorch: vpuformer export-network {weights}")


_ORIGIN = ("pretrained", "init", "backbone_weights")
"""Settings of the initial weights, which a resumed run does not use."""


def _report_changes(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Print the settings that a resumed run changes, except its folder, which may have moved.

    Raises:
        ConfigError: a setting of the initial weights changes.
    """
    from vpuformer.training.config_io import differences
    from vpuformer.training.recipe import Recipe

    for name, old, new in differences(Recipe.from_dict(before).to_dict(), after):
        if name in _ORIGIN:
            raise ConfigError(
                f"{name} sets the initial weights, and a resumed run continues from the weights in its folder; leave it"
                " out, or start another run"
            )
        if name != "output":
            typer.echo(f"note: the run continues with {name}={new}; it was {old}", err=True)


def _network(variant: str | None, init: str | None) -> dict[str, Any] | None:
    """The network of a variant, else of the model to fine-tune; None to keep the recipe's."""
    from vpuformer.model.config import variant as variant_named
    from vpuformer.model.manifest import read_manifest

    if variant is not None:
        return variant_named(variant).to_dict()
    return None if init is None else read_manifest(init).config.to_dict()


def _values_of(name: str | None) -> dict[str, Any]:
    """The settings of a recipe by name or file; none without a name.

    Raises:
        ConfigError: the recipe is unknown, or its file cannot be used.
    """
    from vpuformer.training.recipe import read_recipe
    from vpuformer.training.recipes import RECIPES, recipe_named

    if name is None:
        return {}
    if name not in RECIPES and (name.endswith(".json") or Path(name).is_file()):
        return read_recipe(Path(name))
    return recipe_named(name, "", "").to_dict()
