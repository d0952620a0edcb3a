"""A checkpoint's folder, read without torch: `config.json` and the header of the weights.

A checkpoint is a folder of two files. `model.safetensors` holds the tensors; `config.json` holds ::

    {"format": 1, "config": {...}, "sha256": "...", "metadata": {"dataset": "...", ...}}

where `config` is a `VPUFormerConfig`, `sha256` that of `model.safetensors`, and `metadata` any text about the weights.
Neither can run code.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any

from vpuformer.errors import CheckpointError, InputError, unknown_name
from vpuformer.files import read_json, sha256_of
from vpuformer.model.config import VPUFormerConfig

FORMAT = 1
"""Version of the layout of `config.json`."""

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
GRAPHS_FILE = "graphs.json"
ENCODE_FILE = "encode.onnx"
DECODE_FILE = "decode.onnx"
FILES = (CONFIG_FILE, GRAPHS_FILE, ENCODE_FILE, DECODE_FILE, WEIGHTS_FILE)
"""All files of a checkpoint that has graphs; `vpuformer.inference.graphs` describes the graphs."""

_FIELDS = {"format": int, "config": dict, "sha256": str, "metadata": dict}
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@\w(?!.*\.\.)[\w./-]{0,199})?", re.ASCII)
_PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth", ".tar")
_MAX_HEADER = 100_000_000  # the limit of the safetensors library


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checkpoint without its tensors."""

    weights: Path
    """The safetensors file."""
    config: VPUFormerConfig
    sha256: str
    metadata: Mapping[str, str]
    header: Mapping[str, Any]
    """Header of the safetensors file; see `read_header`."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, by its key."""
        return {key: tuple(entry["shape"]) for key, entry in self.header.items() if key != "__metadata__"}

    @property
    def parameters(self) -> int:
        """Number of learned parameters; with batch-norm statistics if the file states none."""
        counted = str((self.header.get("__metadata__") or {}).get("parameters"))
        return int(counted) if counted.isdecimal() else sum(prod(shape) for shape in self.shapes.values())


def list_models() -> list[str]:
    """Names of the weights that come with this installation."""
    folder = _own_weights()
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG_FILE}"))


def describe(name_or_path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe a checkpoint in plain values for display, without reading its tensors.

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
        name_or_path: one of `list_models()`; a folder; a safetensors file with `config.json` beside it; or a repository
            `owner/name` or `owner/name@revision` of the Hugging Face Hub, which is downloaded if there is no such
            folder (see `vpuformer.model.repository`).

    Raises:
        CheckpointError: a file is missing or broken, `config.json` is of another version, or a download failed.
        MissingDependencyError: a repository is named, and the extra `hub` is not installed.
    """
    weights = locate(name_or_path)
    config, sha256, metadata = read_config_file(weights.with_name(CONFIG_FILE))
    return Manifest(weights, config, sha256, metadata, read_header(weights))


def locate(name_or_path: str | os.PathLike[str]) -> Path:
    """The safetensors file of a name or path; for a repository, see `read_manifest`.

    Raises:
        CheckpointError: the file is missing, or a pickle, which is never read; or a download failed.
        MissingDependencyError: a repository is named, and the extra `hub` is not installed.
    """
    if not isinstance(name_or_path, str | os.PathLike) or not str(name_or_path):
        raise CheckpointError(f"got {name_or_path!r:.80} as weights; wanted the name of a model, or a folder")
    if name_or_path in list_models():
        return _own_weights() / str(name_or_path) / WEIGHTS_FILE
    path = Path(name_or_path)
    if path.suffix.lower() in _PICKLES and not path.is_dir():
        raise CheckpointError(
            f"{path} is a pickle by its name, and loading a pickle can run any program; pass a folder with"
            f" {WEIGHTS_FILE} and {CONFIG_FILE}"
        )
    if path.is_dir():
        return _file(path / WEIGHTS_FILE)
    if path.suffix == ".safetensors":
        return _file(path)
    if path.exists():
        raise CheckpointError(
            f"{path} is not a safetensors file by its name; pass one, or a folder with {WEIGHTS_FILE} and {CONFIG_FILE}"
        )
    if names_repository(name_or_path):
        from vpuformer.model.repository import download

        return download(str(name_or_path)) / WEIGHTS_FILE
    if len(path.parts) > 1:
        raise CheckpointError(f"the folder {path} does not exist; check the path of the weights")
    if not list_models():
        raise CheckpointError(
            f"no model called {str(name_or_path)!r}: this installation has no weights; pass the folder of a checkpoint"
        )
    raise CheckpointError(f"{unknown_name('model', str(name_or_path), list_models())}")


def names_repository(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether this is `owner/name` or `owner/name@revision`, and not a path that exists.

    >>> names_repository("owner/name@v1"), names_repository("./owner/name"), names_repository(Path("owner/name"))
    (True, False, False)
    """
    return (
        isinstance(name_or_path, str) and bool(_REPOSITORY.fullmatch(name_or_path)) and not Path(name_or_path).exists()
    )


def read_config_file(path: Path) -> tuple[VPUFormerConfig, str, Mapping[str, str]]:
    """Settings, SHA-256 and metadata in a `config.json`.

    Raises:
        CheckpointError: the file is missing, broken, or of another version or network.
    """
    values = read_json(_file(path), error=CheckpointError)
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} does not describe a checkpoint; wanted an object with {', '.join(_FIELDS)}")
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
    try:
        config = VPUFormerConfig.from_dict(values["config"])
    except InputError as error:
        raise CheckpointError(f"{path} describes a network that this version cannot build: {error}") from error
    return config, values["sha256"], values["metadata"]


def read_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file, which the length of the file is checked against.

    It maps each key to `{"dtype": ..., "shape": [...], "data_offsets": [first, end]}`, and perhaps `"__metadata__"` to
    a mapping of text to text.

    Raises:
        CheckpointError: the file is missing, cut short or not a safetensors file.
    """
    try:
        with _file(path).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _MAX_HEADER:
                raise ValueError(f"a header of {length} bytes")
            header = read_json(file.read(length), error=InputError, name="the header")
        end = max((_end_of(entry) for key, entry in header.items() if key != "__metadata__"), default=0)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a safetensors file, or is cut short in its header ({error}); copy or download it again"
        ) from error
    wanted, size = 8 + length + end, path.stat().st_size
    if size != wanted:
        kind = "is cut short" if size < wanted else "is too long"
        raise CheckpointError(f"{path} {kind}: {size} bytes instead of {wanted}; copy or download it again")
    return header


def _end_of(entry: dict[str, Any]) -> int:
    """The byte after a tensor's last one; raises what `read_header` catches if not a tensor."""
    _, end = entry["data_offsets"]
    if not isinstance(entry["dtype"], str) or not all(isinstance(side, int) for side in (end, *entry["shape"])):
        raise TypeError(f"not a tensor: {entry!r:.80}")
    return end


def check_sha256(manifest: Manifest) -> None:
    """Compare the SHA-256 of the weights with the one in `config.json`.

    Raises:
        CheckpointError: they differ.
    """
    if (found := sha256_of(manifest.weights)) != manifest.sha256:
        raise CheckpointError(
            f"{manifest.weights} does not belong to its {CONFIG_FILE}: its SHA-256 begins with"
            f" {found[:12]}, wanted {manifest.sha256[:12]}; copy or download both again"
        )


def _own_weights() -> Path:
    return Path(str(resources.files("vpuformer"))) / "weights"


def _file(path: Path) -> Path:
    if not path.is_file():
        raise CheckpointError(
            f"the file {path} does not exist; a checkpoint is a folder with {WEIGHTS_FILE} and {CONFIG_FILE}"
        )
    return path
