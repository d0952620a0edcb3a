"""A network in ONNX Runtime, on the CPU. Imports no torch."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.extras import require
from vpuformer.inference.graph_folder import GraphFolder
from vpuformer.model.prompt_inputs import Grids, encoder_prompt_maps, prompt_inputs

if TYPE_CHECKING:
    from vpuformer.inference.networks import Masks, Pixels, Prompts

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ArrayFeatures:
    """Features of one sample, by name."""

    parts: Arrays

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return sum(part.nbytes for part in self.parts.values())


class OnnxNetwork:
    """A network that was exported to ONNX; see `vpuformer.inference.networks.Network`.

    Args:
        folder: output of `vpuformer export-network`.
        threads: number of threads for one operation; by default OMP_NUM_THREADS, else every second core.

    Raises:
        CheckpointError: the folder is missing or broken.
        MissingDependencyError: ONNX Runtime is missing.
    """

    device = "cpu"

    def __init__(self, folder: str | os.PathLike[str], *, threads: int | None = None) -> None:
        require("onnx", "a network in ONNX")
        graphs = GraphFolder.read(folder, "onnx")
        self.config, self.sha256 = graphs.config, graphs.sha256
        self.input_size = graphs.input_size
        self.features_depend_on_mask = graphs.config.features_depend_on_mask
        self.features_depend_on_prompts = graphs.config.features_depend_on_prompts
        self._features = graphs.features
        self._grids = Grids((self.input_size, self.input_size), graphs.lateral_eighth)
        self._encode, self._decode = (_Graph(path, threads or _threads()) for path in (graphs.encode, graphs.decode))

    def encode(self, pixels: "Pixels", masks: "Masks", prompts: "Prompts") -> list[ArrayFeatures]:
        """See `Network`."""
        if pixels.shape[1:3] != self._grids.image:
            raise ConfigError(
                f"the exported network takes {self.input_size} x {self.input_size} pixels, got {pixels.shape[2]} x"
                f" {pixels.shape[1]}; export it with --input-size {pixels.shape[1]}"
            )
        inputs: dict[str, npt.NDArray[Any]] = {"pixels": pixels, "mask": masks}
        if self.features_depend_on_prompts:
            maps = encoder_prompt_maps(self.config, _collated(prompts), self._grids.image)
            assert maps is not None
            inputs["prompt_maps"] = maps
        outputs = self._encode(inputs)
        if len(pixels) == 1:
            return [ArrayFeatures(dict(zip(self._features, outputs, strict=True)))]
        # Copies: what is kept of one sample must not keep the whole batch.
        return [
            ArrayFeatures({name: part[i : i + 1].copy() for name, part in zip(self._features, outputs, strict=True)})
            for i in range(len(pixels))
        ]

    def decode(self, features: Sequence[ArrayFeatures], masks: "Masks", prompts: "Prompts") -> FloatMap:
        """See `Network`."""
        joined = {name: np.concatenate([each.parts[name] for each in features]) for name in self._features}
        if len(features) == 1:
            joined = dict(features[0].parts)
        inputs = prompt_inputs(self.config, _collated(prompts), self._grids)
        (logits,) = self._decode({**joined, "mask": masks, **inputs.named()})
        return logits

    def to_arrays(self, features: ArrayFeatures) -> Arrays:
        """See `Network`."""
        return features.parts

    def from_arrays(self, arrays: Arrays) -> ArrayFeatures:
        """See `Network`."""
        return ArrayFeatures({name: np.ascontiguousarray(arrays[name]) for name in self._features})


class _Graph:
    """A graph in a session of ONNX Runtime."""

    def __init__(self, path: Path, threads: int) -> None:
        onnxruntime = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # A thread that spins while it waits takes the core from the browser, or from the thread it waits for.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # An arena would keep the memory of the largest batch, and saves no time here.
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has no common class of its errors
            raise CheckpointError(f"{path} cannot be read as a graph ({error!s:.200}); export it again") from error
        self._inputs = [each.name for each in self._session.get_inputs()]

    def __call__(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        # A graph has no input that it does not use.
        return self._session.run(None, {name: inputs[name] for name in self._inputs})


def _collated(prompts: "Prompts") -> PromptBatch:
    return PromptBatch.collate([each for each, _ in prompts], [frame for _, frame in prompts])


def _threads() -> int:
    number = os.environ.get("OMP_NUM_THREADS", "")
    return int(number) if number.isdecimal() and int(number) else max(1, (os.cpu_count() or 1) // 2)
