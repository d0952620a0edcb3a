"""`vpuformer info`: what is installed, what it runs on, which models there are."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any

import typer

_PACKAGES = ("vpuformer", "torch", "torchvision", "timm", "numpy", "opencv-python-headless", "scikit-image")


def info(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="A model by name, or its folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Tell about this installation and its models, or about one MODEL."""
    from vpuformer.model.manifest import available, describe

    described = {name: describe(name) for name in ([model] if model else available())}

    from vpuformer.inference.device import choose_device

    facts = {
        "versions": {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES},
        "device": str(choose_device()),
        "models": described,
    }
    typer.echo(json.dumps(facts) if as_json else _told(facts))


def _told(facts: Mapping[str, Any]) -> str:
    lines = [f"{package} {number}" for package, number in facts["versions"].items()]
    lines.append(f"device: {facts['device']}")
    if not facts["models"]:
        lines.append("no models: this installation came without weights")
    for name, model in facts["models"].items():
        lines += ["", f"model {name}", *(f"  {line}" for line in _model_lines(model))]
    return "\n".join(lines)


def _model_lines(model: Mapping[str, Any]) -> list[str]:
    config = model["config"]
    return [
        f"weights: {model['path']} ({model['bytes'] / 1e6:.1f} MB, {model['dtype']})",
        f"sha256: {model['sha256']}",
        f"parameters: {model['parameters'] / 1e6:.2f} million",
        f"image encoder: {config['backbone']}",
        f"input: {config['input_size']} x {config['input_size']} pixels",
        *(f"{key}: {value}" for key, value in model["metadata"].items()),
    ]
