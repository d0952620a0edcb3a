"""Weights for an image encoder from a file of any library, with a report of its keys."""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vpuformer.errors import CheckpointError, listed
from vpuformer.model.manifest import read_header

_CONTAINERS = ("model", "state_dict", "model_state_dict", "net")
"""Keys under which many files keep the weights, next to the optimiser's state and the like."""

_PREFIXES = ("module.", "model.", "encoder.", "backbone.", "net.")
"""Prefixes that wrappers put before the names of a network's weights."""

_COUNTER = "num_batches_tracked"
"""Counter of a batch norm, which old files lack and which changes no output."""


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Keys that a file of weights and a network do not share."""

    missing: tuple[str, ...]
    """Keys of the network that the file lacks; none of them changes an output."""
    extra: tuple[str, ...]
    """Keys of the file that the network lacks, such as those of a classifier's head."""


def load_backbone_weights(module: nn.Module, path: str | os.PathLike[str]) -> KeyReport:
    """Load the weights of an image encoder into a network of the same library.

    The names are those of timm (of segmentation-models-pytorch for SegFormer). The file may hold the whole classifier,
    its features, or a model that contains it: prefixes of wrappers are ignored, and `stem_0` is `stem.0`.

    Args:
        module: the network, changed in place; unchanged if an error is raised.
        path: a safetensors file, or one of torch (.pth, .pt, .bin), which is read without running its code.

    Raises:
        CheckpointError: the file is missing or broken, lacks weights of the network, or has one in another shape.
    """
    file = Path(path)
    found = {_plain(key): (key, tensor) for key, tensor in _read(file).items()}
    state = module.state_dict()
    chosen = {key: found[_plain(key)][1] for key in state if _plain(key) in found}
    missing = tuple(key for key in state if key not in chosen)
    used = {_plain(key) for key in chosen}
    extra = tuple(key for plain, (key, _) in found.items() if plain not in used)
    misshapen = [
        f"{key} {list(tensor.shape)} instead of {list(state[key].shape)}"
        for key, tensor in chosen.items()
        if tensor.shape != state[key].shape
    ]
    needed = [key for key in missing if not key.endswith(_COUNTER)]
    if needed or misshapen:
        parts = (("missing", needed), ("of another shape", misshapen), ("extra", extra))
        problems = "; ".join(f"{what}: {listed(keys)}" for what, keys in parts if keys)
        raise CheckpointError(f"{file} holds the weights of another network: {problems}")
    module.load_state_dict(chosen, strict=False)
    return KeyReport(missing, extra)


def _plain(key: str) -> str:
    """A key without the prefixes of wrappers, and as timm flattens it."""
    while (prefix := next((p for p in _PREFIXES if key.startswith(p)), None)) is not None:
        key = key.removeprefix(prefix)
    return key.replace(".", "_")


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            read_header(path)  # its errors are clearer than the library's
            return safetensors.torch.load_file(path)
        if path.suffix in (".pth", ".pt", ".bin"):
            return _tensors(torch.load(path, map_location="cpu", weights_only=True), path)
    except (OSError, safetensors.SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} cannot be read as weights ({reason}); copy or download it again") from error
    raise CheckpointError(f"{path} is not a file of weights by its name; wanted .safetensors, .pth, .pt or .bin")


def _tensors(content: Any, path: Path) -> Mapping[str, Tensor]:
    for name in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds a {type(content).__name__} instead of weights; wanted names and tensors")
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
