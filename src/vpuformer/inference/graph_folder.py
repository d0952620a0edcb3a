"""A folder with the graphs of a network, for runtimes other than PyTorch.

It holds the graph of the image encoder (`encode`), that of all that follows (`decode`), and `network.json` ::

    {"format": 1, "runtime": "onnx", "config": {...}, "sha256": "...", "input_size": 256, "lateral_eighth": true,
     "features": ["paused_eighth", ...]}

`sha256` is that of the weights that the graphs were made of, and `features` names the outputs of `encode` in their
order. Inputs are called `pixels`, `mask` and `prompt_maps`, or as the features and the fields of `PromptInputs`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from vpuformer.errors import CheckpointError
from vpuformer.files import read_json
from vpuformer.model.config import VPUFormerConfig

FORMAT = 1
"""Version of the layout."""

NETWORK_FILE = "network.json"

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
"""Suffix of the two graphs by the runtime that they are for."""

_FIELDS = {
    "format": int,
    "runtime": str,
    "config": dict,
    "sha256": str,
    "input_size": int,
    "lateral_eighth": bool,
    "features": list,
}


@dataclass(frozen=True, slots=True)
class GraphFolder:
    """What `network.json` says."""

    path: Path
    runtime: str
    config: VPUFormerConfig
    sha256: str
    input_size: int
    """Side of the square that the graphs take, in pixels."""
    lateral_eighth: bool
    """See `vpuformer.model.prompt_inputs.Grids`."""
    features: tuple[str, ...]

    @property
    def encode(self) -> Path:
        """The graph of the image encoder."""
        return self.path / f"encode{SUFFIXES[self.runtime]}"

    @property
    def decode(self) -> Path:
        """The graph from features, mask and prompts to logits."""
        return self.path / f"decode{SUFFIXES[self.runtime]}"

    @classmethod
    def read(cls, folder: str | os.PathLike[str], runtime: str) -> "GraphFolder":
        """The folder's description.

        Raises:
            CheckpointError: it is missing or broken, of another version, or made for another runtime.
        """
        path = Path(folder)
        wanted = f"make the folder with: vpuformer export-network MODEL --format {runtime} -o {path}"
        if not (path / NETWORK_FILE).is_file():
            raise CheckpointError(f"{path} holds no {NETWORK_FILE}; {wanted}")
        values = read_json(path / NETWORK_FILE, error=CheckpointError)
        if not isinstance(values, dict) or any(not isinstance(values.get(key), kind) for key, kind in _FIELDS.items()):
            raise CheckpointError(f"{path / NETWORK_FILE} does not describe a network's graphs; {wanted}")
        if (values["format"], values["runtime"]) != (FORMAT, runtime):
            raise CheckpointError(
                f"{path} is for {values['runtime']!r:.40}, in format {values['format']}; wanted {runtime!r} in format"
                f" {FORMAT}; {wanted}"
            )
        config = VPUFormerConfig.from_dict(values["config"])
        names = tuple(map(str, values["features"]))
        return cls(path, runtime, config, values["sha256"], values["input_size"], values["lateral_eighth"], names)
