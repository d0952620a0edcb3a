"""`vpuformer info`: versions, device, models, and the names that commands accept."""

import json
import platform
from collections.abc import Mapping
from typing import Annotated, Any

import typer

_PACKAGES = ("vpuformer", "onnxruntime", "openvino", "torch", "numpy", "opencv-python-headless", "scikit-image")


def info(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Show only this model: a name, a folder or owner/name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show this installation, the bundled models, and the names that other commands accept.

    With MODEL: versions, the device, and this model.
    """
    from vpuformer.extras import EXTRAS, missing
    from vpuformer.inference.runtimes import choose_runtime
    from vpuformer.model.manifest import describe, list_models

    device = _device()
    facts: dict[str, Any] = {
        "versions": {"python": platform.python_version()} | _versions(),
        "extras": {extra: not missing(extra) for extra in EXTRAS},
        "device": device,
        "models": {
            name: describe(name) | {"runtime": choose_runtime(name, "cpu" if device == "cpu" else None)._asdict()}
            for name in ([model] if model else list_models())
        },
    }
    if model is None:
        facts |= _names()
    typer.echo(json.dumps(facts) if as_json else _summary_text(facts))


def _names() -> dict[str, list[str]]:
    """Names that options accept."""
    from vpuformer.data.kinds.benchmarks import BENCHMARKS
    from vpuformer.data.sources import KINDS
    from vpuformer.evaluation.baselines import BASELINES
    from vpuformer.inference.runtimes import RUNTIMES
    from vpuformer.model.config import IMAGE_ENCODERS
    from vpuformer.training.recipes import RECIPES

    return {
        "image_encoders": list(IMAGE_ENCODERS),
        "recipes": list(RECIPES),
        "training_sets": list(KINDS),
        "evaluation_sets": list(BENCHMARKS),
        "baselines": list(BASELINES),
        "runtimes": list(RUNTIMES),
    }


def _versions() -> dict[str, str]:
    """The version of each package that is installed."""
    from vpuformer.extras import installed_version

    return {package: found for package in _PACKAGES if (found := installed_version(package)) is not None}


def _device() -> str:
    """The device that `device=None` chooses; torch is imported only if an accelerator may be present."""
    from vpuformer.extras import missing
    from vpuformer.inference.runtimes import may_have_accelerator

    if missing("torch") or not may_have_accelerator():
        return "cpu"
    from vpuformer.model.device import choose_device

    return str(choose_device())


def _summary_text(facts: Mapping[str, Any]) -> str:
    lines = [f"{package} {number}" for package, number in facts["versions"].items()]
    lines.append(f"device: {facts['device']}")
    for heading, installed in (("extras", True), ("extras not installed", False)):
        if names := [name for name, present in facts["extras"].items() if present == installed]:
            lines.append(f"{heading}: {', '.join(names)}")
    for name, values in facts.items():
        if isinstance(values, list):
            lines.append(f"{name.replace('_', ' ')}: {', '.join(values)}")
    if not facts["models"]:
        lines.append("models: none; this installation came without weights")
    for name, model in facts["models"].items():
        lines += ["", f"model {name}", *(f"  {line}" for line in _model_lines(model))]
    return "\n".join(lines)


def _model_lines(model: Mapping[str, Any]) -> list[str]:
    config = model["config"]
    return [
        f"weights: {model['path']} ({model['bytes'] / 1e6:.1f} MB, {model['dtype']})",
        f"sha256: {model['sha256']}",
        f"parameters: {model['parameters'] / 1e6:.2f} million",
        f"runtime: {model['runtime']['runtime']}, since {model['runtime']['reason']}",
        f"image encoder: {config['backbone']}",
        f"input: {config['input_size']} x {config['input_size']} pixels",
        *(f"{key}: {value}" for key, value in model["metadata"].items()),
    ]
