"""`vpuformer train`: options to a `Recipe`, and the recipe to the training loop."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from vpuformer.cli.outputs import make_folder
from vpuformer.errors import ConfigError, MissingDependencyError

_NEEDED = ("lightning_fabric", "tensorboard")


def train(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder of the run.")],
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="COCO-format sets: FOLDER/NAME/annotations.json and images.")
    ] = None,
    split: Annotated[Path | None, typer.Option(metavar="FILE", help="JSON: what validates, what is left out.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="recipe.json of another run; options given here go before it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in FOLDER, with its recipe.")] = False,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Kind of network: default or paper.")] = None,
    init: Annotated[str | None, typer.Option(metavar="MODEL", help="Fine-tune this model, by name or folder.")] = None,
    backbone_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="safetensors of a pretrained image encoder, in timm's names.")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Optimiser steps.")] = None,
    size: Annotated[int | None, typer.Option(metavar="N", help="Side of the crops in pixels.")] = None,
    pictures: Annotated[int | None, typer.Option(metavar="N", help="Pictures in a batch.")] = None,
    objects: Annotated[int | None, typer.Option(metavar="N", help="Objects of each picture in a batch.")] = None,
    interactions: Annotated[int | None, typer.Option(metavar="N", help="Most interactions of a sample.")] = None,
    lr: Annotated[float | None, typer.Option(metavar="RATE", help="Learning rate.")] = None,
    warmup: Annotated[int | None, typer.Option(metavar="N", help="Steps in which the rate rises to that.")] = None,
    cooldown: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of the steps in which it falls.")
    ] = None,
    ema: Annotated[float | None, typer.Option(metavar="DECAY", help="Of the averaged weights.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of everything that is random.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="NAME", help="32-true, bf16-mixed or 16-mixed.")] = None,
    accelerator: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = None,
    devices: Annotated[int | None, typer.Option(metavar="N", help="How many of them.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes that read pictures.")] = None,
    log_every: Annotated[int | None, typer.Option(metavar="STEPS", help="How often a line is logged.")] = None,
    validate_every: Annotated[int | None, typer.Option(metavar="STEPS", help="0 for never.")] = None,
) -> None:
    """Train a network on pictures with outlined objects, or fine-tune one on your own.

    Every object's outline serves for all three kinds of prompts, which are simulated. What stands in no option keeps
    the value of --recipe, or its default; FOLDER/recipe.json has all of them. FOLDER/weights is the model afterwards:
    vpuformer segment IMAGE --model FOLDER/weights ...
    """
    from vpuformer.training.recipe import Recipe

    if resume and recipe is not None:
        raise ConfigError("--resume goes on with the recipe of its folder; leave --recipe out")
    values = _read_recipe(output / "recipe.json" if resume else recipe)
    options: dict[str, Any] = {
        "data": None if data is None else str(data),
        "output": str(output),
        "split": None if split is None else str(split),
        "init": init,
        "backbone_weights": None if backbone_weights is None else str(backbone_weights),
        "steps": steps,
        "size": size,
        "pictures": pictures,
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
        "workers": workers,
        "log_every": log_every,
        "validate_every": validate_every,
        "model": _network(variant, init),
    }
    values |= {name: value for name, value in options.items() if value is not None}
    if "data" not in values:
        raise ConfigError("no data to train on; give the folder of the sets with --data FOLDER")
    try:
        wanted = Recipe.from_dict(values)
    except TypeError as error:
        raise ConfigError(f"a setting of the recipe is of the wrong type: {error}") from error
    make_folder(output, "the run")
    for package in _NEEDED:
        if find_spec(package) is None:
            raise MissingDependencyError(f"training needs {package}; install it with: pip install 'vpuformer[train]'")

    from vpuformer.training.loop import train as run

    run(wanted, resume=resume)
    typer.echo(f"model: {wanted.folder / 'weights'}")


def _network(variant: str | None, init: str | None) -> Any:
    """The shape of the network: this variant's, else that of the model to start from, else the recipe's (None)."""
    from vpuformer.model.config import variant as variant_named
    from vpuformer.model.manifest import read_manifest

    if variant is not None:
        return variant_named(variant)
    return None if init is None else read_manifest(init).config


def _read_recipe(file: Path | None) -> dict[str, Any]:
    """The settings in a recipe's file; none without a file.

    Raises:
        ConfigError: the file is missing or holds no JSON object.
    """
    if file is None:
        return {}
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"the recipe {file} is no valid JSON ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"the recipe {file} is no JSON object of settings")
    return values
