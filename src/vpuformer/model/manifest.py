"""What lies in a checkpoint's folder, read without torch: its name, its `config.json` and the head of its weights.

A checkpoint is a folder of two files. `model.safetensors` holds the tensors; `config.json` holds ::

    {"format": 1, "config": {...}, "sha256": "...", "metadata": {"dataset": "...", ...}}

where `config` is a `VPUFormerConfig`, `sha256` that of `model.safetensors`, and `metadata` whatever its maker had to
say. Neither can run code.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any

from vpuformer.errors import CheckpointError, InputError, unknown_name
from vpuformer.files import read_json
from vpuformer.model.config import VPUFormerConfig

FORMAT = 1
"""Version of the layout of `config.json`."""

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"

_FIELDS = {"format": int, "config": dict, "sha256": str, "metadata": dict}
_PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth", ".tar")
_MAX_HEADER = 100_000_000  # the limit of the safetensors library


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checkpoint, as far as it can be known before its tensors are read."""

    weights: Path
    """The safetensors file."""
    config: VPUFormerConfig
    sha256: str
    metadata: Mapping[str, str]
    header: Mapping[str, Any]
    """Of the safetensors file; see `read_header`."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, by its key."""
        return {key: tuple(entry["shape"]) for key, entry in self.header.items() if key != "__metadata__"}

    @property
    def parameters(self) -> int:
        """How many numbers were learned. The statistics of batch norms are none, and only who wrote the file can tell
        them apart; a file that does not say it counts with them."""
        counted = str((self.header.get("__metadata__") or {}).get("parameters"))
        return int(counted) if counted.isdecimal() else sum(prod(shape) for shape in self.shapes.values())


def list_models() -> list[str]:
    """The names of the weights that came with this installation."""
    folder = _own_weights()
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG_FILE}"))


def describe(name_or_path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a checkpoint is, as plain values for display; its tensors are not read.

    Returns:
        `path` of the weights, `bytes`, `sha256`, `parameters`, `dtype` (such as "F16"), `config` and `metadata`.

    Raises:
        CheckpointError: the checkpoint is missing or broken.
    """
    manifest = read_manifest(name_or_path)
    types = [entry["dtype"] for key, entry in manifest.header.items() if key != "__metadata__"]
    floats = sorted({name for name in types if "F" in name})
    return {
        "path": str(manifest.weights),
        "bytes": manifest.weights.stat().st_size,
        "sha256": manifest.sha256,
        "parameters": manifest.parameters,
        "dtype": "+".join(floats),
        "config": manifest.config.to_dict(),
        "metadata": dict(manifest.metadata),
    }


def read_manifest(name_or_path: str | os.PathLike[str]) -> Manifest:
    """Find a checkpoint and read everything but its tensors.

    Args:
        name_or_path: one of `list_models()`, a folder, or a safetensors file with `config.json` beside it.

    Raises:
        CheckpointError: there is none, a file is missing or broken, or `config.json` is of another version.
    """
    weights = locate(name_or_path)
    values = _read_config_file(weights.with_name(CONFIG_FILE))
    try:
        config = VPUFormerConfig.from_dict(values["config"])
    except InputError as error:
        raise CheckpointError(
            f"{weights.with_name(CONFIG_FILE)} describes a network that this version does not know: {error}"
        ) from error
    return Manifest(weights, config, values["sha256"], values["metadata"], read_header(weights))


def locate(name_or_path: str | os.PathLike[str]) -> Path:
    """The safetensors file that a name or path means.

    Raises:
        CheckpointError: there is none, or it is a pickle, which is never read.
    """
    if not isinstance(name_or_path, str | os.PathLike) or not str(name_or_path):
        raise CheckpointError(f"weights have a name or are in a folder, got {name_or_path!r:.80}")
    if name_or_path in list_models():
        return _own_weights() / str(name_or_path) / WEIGHTS_FILE
    path = Path(name_or_path)
    if path.suffix.lower() in _PICKLES and not path.is_dir():
        raise CheckpointError(
            f"{path} is a pickle by its name, and loading a pickle can run any program; give a folder with"
            f" {WEIGHTS_FILE} and {CONFIG_FILE}"
        )
    if path.is_dir():
        return _file(path / WEIGHTS_FILE)
    if path.suffix == ".safetensors":
        return _file(path)
    if path.exists():
        raise CheckpointError(
            f"{path} is no safetensors file by its name; give it, or the folder with {WEIGHTS_FILE} and {CONFIG_FILE}"
        )
    if len(path.parts) > 1:
        raise CheckpointError(f"there is no folder {path}; check the path of the weights")
    if not list_models():
        raise CheckpointError(
            f"no model called {str(name_or_path)!r}: this installation came without weights; give the folder of some"
        )
    raise CheckpointError(f"{unknown_name('model', str(name_or_path), list_models())}")


def read_header(path: Path) -> dict[str, Any]:
    """The head of a safetensors file: key to `{"dtype": ..., "shape": [...], "data_offsets": [first, end]}`, and
    perhaps `"__metadata__"`, text to text. The length of the file is checked against it.

    Raises:
        CheckpointError: the file is missing, cut short or no safetensors file.
    """
    try:
        with _file(path).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _MAX_HEADER:
                raise ValueError(f"a head of {length} bytes")
            header = read_json(file.read(length), error=InputError, name="the head")
        end = max((_end_of(entry) for key, entry in header.items() if key != "__metadata__"), default=0)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no safetensors file, or is cut short in its head ({error}); copy or download it again"
        ) from error
    wanted, size = 8 + length + end, path.stat().st_size
    if size != wanted:
        kind = "is cut short" if size < wanted else "is too long"
        raise CheckpointError(f"{path} {kind}: {size} bytes, by its head {wanted}; copy or download it again")
    return header


def _end_of(entry: dict[str, Any]) -> int:
    """The byte after the last one of a tensor; an entry that is none raises what `read_header` turns into words."""
    _, end = entry["data_offsets"]
    if not isinstance(entry["dtype"], str) or not all(isinstance(side, int) for side in (end, *entry["shape"])):
        raise TypeError(f"no tensor: {entry!r:.80}")
    return end


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own_weights() -> Path:
    return Path(str(resources.files("vpuformer"))) / "weights"


def _file(path: Path) -> Path:
    if not path.is_file():
        raise CheckpointError(
            f"there is no file {path}; a checkpoint is a folder with {WEIGHTS_FILE} and {CONFIG_FILE}"
        )
    return path


def _read_config_file(path: Path) -> dict[str, Any]:
    values = read_json(_file(path), error=CheckpointError)
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} is no description of a checkpoint; wanted an object with {', '.join(_FIELDS)}")
    if values.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is of format {values.get('format')!r:.40}, and this version reads format {FORMAT};"
            " install a version of vpuformer that fits it"
        )
    for name in values:
        if name not in _FIELDS:
            raise CheckpointError(f"{path}: {unknown_name('field', name, _FIELDS)}")
    for name, kind in _FIELDS.items():
        if not isinstance(values.get(name), kind):
            raise CheckpointError(
                f"{path} has {values[name]!r:.40} as {name!r}, wanted {kind.__name__}"
                if name in values
                else f"{path} has no field {name!r}; it needs {', '.join(_FIELDS)}"
            )
    return values
