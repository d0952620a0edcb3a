"""`vpuformer train`: a recipe and options to a `Recipe`, and that to the training loop."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from vpuformer.cli.outputs import make_folder
from vpuformer.errors import ConfigError, MissingDependencyError
from vpuformer.files import read_json
from vpuformer.memory import keep_freed_memory

_NEEDED = ("lightning_fabric", "tensorboard")

_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK")
"""Where the processes of one run stand which of them they are; the first is 0 in all of them."""


def train(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder of the run.")],
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
        typer.Option(metavar="[KIND=]PATH", help="What to train on, say sbd=PATH; give it again for more."),
    ] = None,
    split: Annotated[Path | None, typer.Option(metavar="FILE", help="JSON: what validates, what is left out.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any setting of the recipe: p2cl=0.5, model.dim=64; give it again."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in FOLDER, with its recipe.")] = False,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Kind of network: default or paper.")] = None,
    init: Annotated[str | None, typer.Option(metavar="MODEL", help="Fine-tune this model, by name or folder.")] = None,
    backbone_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights of a pretrained image encoder.")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Optimiser steps, instead of epochs.")] = None,
    size: Annotated[int | None, typer.Option(metavar="N", help="Side of the crops in pixels.")] = None,
    images: Annotated[int | None, typer.Option(metavar="N", help="Images in a step, of all devices.")] = None,
    objects: Annotated[int | None, typer.Option(metavar="N", help="Objects of each image in a batch.")] = None,
    interactions: Annotated[int | None, typer.Option(metavar="N", help="Most interactions of a sample.")] = None,
    lr: Annotated[float | None, typer.Option(metavar="RATE", help="Learning rate.")] = None,
    warmup: Annotated[int | None, typer.Option(metavar="N", help="Steps in which the rate rises to that.")] = None,
    cooldown: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of the steps in which it falls.")
    ] = None,
    ema: Annotated[float | None, typer.Option(metavar="DECAY", help="Of the averaged weights.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of everything that is random.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="NAME", help="32-true or bf16-mixed.")] = None,
    accelerator: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = None,
    devices: Annotated[int | None, typer.Option(metavar="N", help="How many of them, on each machine.")] = None,
    nodes: Annotated[int | None, typer.Option(metavar="N", help="Machines; run the command on each.")] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, ddp, or fsdp: each device holds a share of the network.")
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(metavar="N", help="Parts of a step that each device computes one by one.")
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes that read images.")] = None,
    log_every: Annotated[int | None, typer.Option(metavar="STEPS", help="How often a line is logged.")] = None,
    validate_every: Annotated[int | None, typer.Option(metavar="STEPS", help="0 for never.")] = None,
) -> None:
    """Train a network on images with outlined objects, or fine-tune one on your own.

    Every object's outline serves for all three kinds of prompts, which are simulated. What stands in no option keeps
    the value of RECIPE; FOLDER/recipe.json has all of them and is a RECIPE itself. FOLDER/weights is the model
    afterwards: vpuformer segment IMAGE --model FOLDER/weights ...
    """
    from vpuformer.training.config_io import assign
    from vpuformer.training.recipe import Recipe

    keep_freed_memory()
    if resume and name is not None:
        raise ConfigError("--resume goes on with the recipe of its folder; leave RECIPE out")
    if resume and not (output / "recipe.json").exists():
        raise ConfigError(f"there is no run to resume in {output}: recipe.json is missing; check the folder")
    values = _read_recipe(output / "recipe.json") if resume else _values_of(name)
    options: dict[str, Any] = {
        "data": _one_or_several(data),
        "output": str(output),
        "split": None if split is None else str(split),
        "init": init,
        "backbone_weights": None if backbone_weights is None else str(backbone_weights),
        "steps": steps,
        "epochs": None if steps is None else 0,
        "size": size,
        "images": images,
        "objects": objects,
        "interactions": interactions,
        "lr": lr,
        "warmup": warmup,
        "cooldown": cooldown,
        "ema": ema,
        "seed": seed,
        "precision": precision,
        "accelerator": accelerator,
        "devices": devices,
        "nodes": nodes,
        "strategy": strategy,
        "accumulate": accumulate,
        "workers": workers,
        "log_every": log_every,
        "validate_every": validate_every,
        "model": _network(variant, init),
    }
    values |= {option: value for option, value in options.items() if value is not None}
    values = assign(Recipe, values, settings or [])
    if not values.get("data"):
        raise ConfigError(
            "no data to train on; give the folder of the sets with --data FOLDER, or with its kind: --data sbd=FOLDER"
        )
    wanted = Recipe.from_dict(values)
    if resume:
        _report_changes(_read_recipe(output / "recipe.json"), wanted.to_dict())
    make_folder(output, "the run")
    for package in _NEEDED:
        if find_spec(package) is None:
            raise MissingDependencyError(f"training needs {package}; install it with: pip install 'vpuformer[train]'")

    from vpuformer.training.interrupts import Interrupted
    from vpuformer.training.loop import train as run

    try:
        run(wanted, resume=resume, on_note=lambda note: typer.echo(f"note: {note}", err=True))
    except Interrupted as stop:
        # Other processes than the first end quietly: whoever started them takes their failure for that of the run.
        if not str(stop):
            raise typer.Exit(0) from None
        typer.echo(str(stop), err=True)
        raise typer.Exit(130) from None
    if not any(int(os.environ.get(rank, "0")) for rank in _RANKS):
        typer.echo(f"model: {wanted.folder / 'weights'}")


_ORIGIN = ("pretrained", "init", "backbone_weights")
"""What a run starts from, and is of no use to one that goes on."""


def _report_changes(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Say which settings of a run go on with another value. The folder may have moved, and is none of them.

    Raises:
        ConfigError: one of them says what a run starts from.
    """
    from vpuformer.training.config_io import differences
    from vpuformer.training.recipe import Recipe

    for name, old, new in differences(Recipe.from_dict(before).to_dict(), after):
        if name in _ORIGIN:
            raise ConfigError(
                f"{name} is what a run starts from, and this one goes on from the weights in its folder; leave it out,"
                " or start another run"
            )
        if name != "output":
            typer.echo(f"note: the run goes on with {name}={new}; it was {old}", err=True)


def _one_or_several(data: list[str] | None) -> str | tuple[str, ...] | None:
    if not data:
        return None
    return data[0] if len(data) == 1 else tuple(data)


def _network(variant: str | None, init: str | None) -> Any:
    """The shape of the network: this variant's, else that of the model to start from, else the recipe's (None)."""
    from vpuformer.model.config import variant as variant_named
    from vpuformer.model.manifest import read_manifest

    if variant is not None:
        return variant_named(variant).to_dict()
    return None if init is None else read_manifest(init).config.to_dict()


def _values_of(name: str | None) -> dict[str, Any]:
    """The settings of a recipe, by its name or from its file; none without a name.

    Raises:
        ConfigError: there is no such recipe, or the file holds none.
    """
    from vpuformer.training.recipes import RECIPES, recipe_named

    if name is None:
        return {}
    if name not in RECIPES and (name.endswith(".json") or Path(name).is_file()):
        return _read_recipe(Path(name))
    return recipe_named(name, "", "").to_dict()


def _read_recipe(file: Path) -> dict[str, Any]:
    """The settings in a recipe's file.

    Raises:
        ConfigError: the file is missing or holds no JSON object.
    """
    from vpuformer.training.recipe import current

    values = read_json(file, error=ConfigError, name=f"the recipe {file}")
    if not isinstance(values, dict):
        raise ConfigError(f"the recipe {file} is no JSON object of settings")
    return current(values)
