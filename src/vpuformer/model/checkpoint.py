"""Weights to and from files: safetensors and `config.json`, never a pickle.

`vpuformer.model.manifest` has the layout. Nothing is loaded in part: a missing key, an extra key and one of another
shape are errors that name the key.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vpuformer.errors import CheckpointError, listed
from vpuformer.files import sha256_of, write_errors, write_file
from vpuformer.model.device import choose_device
from vpuformer.model.manifest import CONFIG_FILE, FORMAT, WEIGHTS_FILE, check_sha256, read_manifest
from vpuformer.model.vpuformer import VPUFormer


def save_checkpoint(
    model: VPUFormer,
    folder: str | os.PathLike[str],
    *,
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write a model for `load_model(folder)`.

    Each of the two files appears whole or not at all, the weights first. If writing stops between them, the former
    `config.json` does not fit the new weights, and `load_model` reports that.

    Args:
        model: on any device.
        folder: created if it is missing; a checkpoint in it is replaced.
        metadata: text about the weights, such as data, recipe, date, licence.
        dtype: type of floating-point tensors in the file; `torch.float16` halves it. Loaded weights are float32.

    Returns:
        The safetensors file.

    Raises:
        CheckpointError: the folder cannot be written, `metadata` is not text to text, or a weight is not finite, or
            too large for `dtype`.
    """
    if not all(isinstance(text, str) for pair in (metadata or {}).items() for text in pair):
        raise CheckpointError(f"the metadata of a checkpoint map text to text, got {dict(metadata or {})!r:.120}")
    tensors = {key: _stored(tensor, dtype) for key, tensor in model.state_dict().items()}
    broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(
            f"these weights are not finite as {dtype}: {listed(broken)}; the training diverged, or they need float32"
        )
    count = sum(parameter.numel() for parameter in model.parameters())
    content = safetensors.torch.save(tensors, {"format": "pt", "parameters": str(count)})
    target = Path(folder)
    with write_errors(target, error=CheckpointError):
        target.mkdir(parents=True, exist_ok=True)
    write_file(target / WEIGHTS_FILE, content, error=CheckpointError)
    values = {
        "format": FORMAT,
        "config": model.config.to_dict(),
        "sha256": sha256_of(target / WEIGHTS_FILE),
        "metadata": dict(metadata or {}),
    }
    write_file(target / CONFIG_FILE, json.dumps(values, indent=2) + "\n", error=CheckpointError)
    return target / WEIGHTS_FILE


def load_model(
    name_or_path: str | os.PathLike[str] = "default",
    *,
    device: str | torch.device | None = None,
) -> VPUFormer:
    """Load a network with its weights, in evaluation mode and float32.

    Args:
        name_or_path: see `vpuformer.model.manifest.read_manifest`.
        device: where to put the network; the CPU by default.

    Raises:
        CheckpointError: the checkpoint is missing, broken, changed since it was written, or of another network.
        ConfigError: there is no such device.
    """
    chosen = choose_device(device or "cpu")
    manifest = read_manifest(name_or_path)
    check_sha256(manifest)
    with torch.random.fork_rng(devices=[]):  # initial weights, replaced below, leave the caller's generator alone
        model = VPUFormer(manifest.config)
    problems = _differences(model.state_dict(), manifest.shapes)
    if problems:
        raise CheckpointError(f"{manifest.weights} does not hold the weights of its {CONFIG_FILE}: {problems}")
    model.load_state_dict(_read(manifest.weights))
    return model.to(chosen).eval()


def _differences(state: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Differences in keys and shapes between a file and a network, in words; else empty."""
    missing = [key for key in state if key not in shapes]
    extra = [key for key in shapes if key not in state]
    misshapen = [
        f"{key} {list(shapes[key])} instead of {list(tensor.shape)}"
        for key, tensor in state.items()
        if key in shapes and shapes[key] != tuple(tensor.shape)
    ]
    parts = (("missing", missing), ("not in the network", extra), ("of another shape", misshapen))
    return "; ".join(f"{what}: {listed(keys)}" for what, keys in parts if keys)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); copy or download it again") from error


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
    return tensor.clone(memory_format=torch.contiguous_format)
