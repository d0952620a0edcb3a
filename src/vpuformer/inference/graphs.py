"""The graphs of a checkpoint, for runtimes other than PyTorch. Imports no torch.

They lie in the folder of the checkpoint: `encode.onnx`, from pixels to features; `decode.onnx`, from features, mask
and prompts to logits; and `graphs.json` ::

    {"format": 1, "sha256": "...", "input_size": 256, "lateral_eighth": true, "features": ["semantic", ...],
     "graphs": {"encode.onnx": "...", "decode.onnx": "..."}}

`sha256` is that of the checkpoint's weights, `graphs` has those of both graphs, and `features` names the outputs of
`encode` in their order. Inputs are called `pixels`, `mask` and `prompt_maps`, or as the features and the fields of
`PromptInputs`. The graphs hold no weights: they read those in `model.safetensors`, which has to lie beside them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpuformer.errors import CheckpointError
from vpuformer.files import read_json, sha256_of
from vpuformer.model.manifest import (
    CONFIG_FILE,
    DECODE_FILE,
    ENCODE_FILE,
    GRAPHS_FILE,
    WEIGHTS_FILE,
    Manifest,
    check_sha256,
    read_manifest,
)

FORMAT = 1
"""Version of the layout."""

_FIELDS = {"format": int, "sha256": str, "input_size": int, "lateral_eighth": bool, "features": list, "graphs": dict}


@dataclass(frozen=True, slots=True)
class Graphs:
    """What `graphs.json` and the checkpoint beside it say."""

    manifest: Manifest
    """The checkpoint."""
    input_size: int
    """Side of the square that the graphs take, in pixels."""
    lateral_eighth: bool
    """See `vpuformer.model.prompt_inputs.Grids`."""
    features: tuple[str, ...]
    digests: Mapping[str, str]
    """The SHA-256 of each graph, by the name of its file."""

    @property
    def folder(self) -> Path:
        """The folder of the checkpoint."""
        return self.manifest.weights.parent

    @property
    def encode(self) -> Path:
        """The graph of the image encoder."""
        return self.folder / ENCODE_FILE

    @property
    def decode(self) -> Path:
        """The graph from features, mask and prompts to logits."""
        return self.folder / DECODE_FILE

    @classmethod
    def read(cls, name_or_path: str | os.PathLike[str]) -> "Graphs":
        """The graphs of a checkpoint.

        Args:
            name_or_path: see `vpuformer.model.manifest.read_manifest`.

        Raises:
            CheckpointError: the checkpoint is missing or broken, has no graphs, or has graphs of other weights.
        """
        manifest = read_manifest(name_or_path)
        folder = manifest.weights.parent
        export = f"export them with: vpuformer export-network {name_or_path}"
        if manifest.weights.name != WEIGHTS_FILE or not (folder / GRAPHS_FILE).is_file():
            raise CheckpointError(f"{manifest.weights} has no graphs beside it; {export}")
        values = read_json(folder / GRAPHS_FILE, error=CheckpointError)
        if not isinstance(values, dict) or any(not isinstance(values.get(key), kind) for key, kind in _FIELDS.items()):
            raise CheckpointError(f"{folder / GRAPHS_FILE} does not describe graphs; {export}")
        if values["format"] != FORMAT:
            raise CheckpointError(f"{folder / GRAPHS_FILE} has format {values['format']}, wanted {FORMAT}; {export}")
        if values["sha256"] != manifest.sha256:
            raise CheckpointError(
                f"the graphs in {folder} are of other weights ({values['sha256'][:12]}) than its {CONFIG_FILE}"
                f" ({manifest.sha256[:12]}); {export}"
            )
        features = tuple(map(str, values["features"]))
        return cls(manifest, values["input_size"], values["lateral_eighth"], features, values["graphs"])

    def check_files(self) -> None:
        """Compare the SHA-256 of weights and graphs with those in `config.json` and `graphs.json`.

        Raises:
            CheckpointError: they differ, as after an export that was stopped, or a folder copied in part.
        """
        check_sha256(self.manifest)
        for path in (self.encode, self.decode):
            if not path.is_file() or sha256_of(path) != self.digests.get(path.name):
                raise CheckpointError(
                    f"{path} is missing or of another export; export it again with:"
                    f" vpuformer export-network {self.folder}"
                )
