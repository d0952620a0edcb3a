"""A network as two graphs, whatever runs them. Imports no torch."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap
from vpuformer.errors import CheckpointError, ConfigError, MissingDependencyError
from vpuformer.inference.graphs import Graphs
from vpuformer.inference.network import Arrays, Masks, Pixels, Prompts, collated
from vpuformer.model.prompt_inputs import Grids, encoder_prompt_maps, prompt_inputs

Graph = Callable[[Arrays], Sequence[npt.NDArray[Any]]]
"""A graph that is loaded: inputs by name, of which it takes those it knows, to outputs in their order."""


@dataclass(frozen=True, slots=True)
class ArrayFeatures:
    """Features of one sample, by name."""

    parts: Arrays

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return sum(part.nbytes for part in self.parts.values())


class GraphNetwork:
    """The graphs of a checkpoint; see `vpuformer.inference.network.Network`.

    A copy that is unpickled, as in another process, loads the graphs again.

    Args:
        name_or_path: a checkpoint with graphs; see `vpuformer.inference.graphs`.
        load: makes a `Graph` of a file; a function of a module, so that it can be pickled.

    Raises:
        CheckpointError: the checkpoint is missing or broken, or has no graphs, or some of another export.
    """

    device = "cpu"

    def __init__(self, name_or_path: str | os.PathLike[str], load: Callable[[Path], Graph]) -> None:
        graphs = Graphs.read(name_or_path)
        graphs.check_files()
        self.config, self.sha256 = graphs.manifest.config, graphs.manifest.sha256
        self.input_size = graphs.input_size
        self.features_depend_on_mask = self.config.features_depend_on_mask
        self.features_depend_on_prompts = self.config.features_depend_on_prompts
        self._features = graphs.features
        self._grids = Grids((self.input_size, self.input_size), graphs.lateral_eighth)
        self._encode, self._decode = (_loaded(load, path) for path in (graphs.encode, graphs.decode))
        self._made_of = graphs.folder.absolute(), load

    def __getstate__(self) -> tuple[Path, Callable[[Path], Graph]]:
        return self._made_of

    def __setstate__(self, state: tuple[Path, Callable[[Path], Graph]]) -> None:
        GraphNetwork.__init__(self, *state)

    def encode(self, pixels: Pixels, masks: Masks, prompts: Prompts) -> list[ArrayFeatures]:
        """See `Network`."""
        if pixels.shape[1:3] != self._grids.image:
            raise ConfigError(
                f"the exported network takes {self.input_size} x {self.input_size} pixels, got {pixels.shape[2]} x"
                f" {pixels.shape[1]}; export it with --input-size {pixels.shape[1]}"
            )
        inputs: dict[str, npt.NDArray[Any]] = {"pixels": pixels, "mask": masks}
        if self.features_depend_on_prompts:
            maps = encoder_prompt_maps(self.config, collated(prompts), self._grids.image)
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

    def decode(self, features: Sequence[ArrayFeatures], masks: Masks, prompts: Prompts) -> FloatMap:
        """See `Network`."""
        if len(features) == 1:
            joined = features[0].parts
        else:
            joined = {name: np.concatenate([each.parts[name] for each in features]) for name in self._features}
        inputs = prompt_inputs(self.config, collated(prompts), self._grids)
        (logits,) = self._decode({**joined, "mask": masks, **inputs.named()})
        return logits

    def to_arrays(self, features: ArrayFeatures) -> Arrays:
        """See `Network`."""
        return features.parts

    def from_arrays(self, arrays: Arrays) -> ArrayFeatures:
        """See `Network`."""
        return ArrayFeatures({name: np.ascontiguousarray(arrays[name]) for name in self._features})


def _loaded(load: Callable[[Path], Graph], path: Path) -> Graph:
    try:
        return load(path)
    except MissingDependencyError:
        raise
    except Exception as error:  # runtimes have no common class of their errors
        raise CheckpointError(f"{path} cannot be read as a graph ({error!s:.200}); export it again") from error
