"""A network as a segmenter sees it: arrays in, arrays out. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap
from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import FrameMap
from vpuformer.prompts import Prompt

Pixels = npt.NDArray[np.uint8]
"""Crops at the input size of the network, RGB, shape (B, S, S, 3)."""

Masks = npt.NDArray[np.float32]
"""The masks so far, shape (B, S, S), in 0..1; zeros where there is none."""

Prompts = Sequence[tuple[Sequence[Prompt], FrameMap]]
"""The prompts of each sample in image pixels, with the map from its image to the canonical frame."""

Arrays = Mapping[str, npt.NDArray[Any]]
"""Arrays by name."""


def collated(prompts: Prompts) -> PromptBatch:
    """The prompts of all samples as arrays."""
    return PromptBatch.collate([each for each, _ in prompts], [frame for _, frame in prompts])


class Network(Protocol):
    """A trained network in some runtime. Used by several threads at once."""

    runtime: str
    """A name of `vpuformer.inference.runtimes.RUNTIMES`."""
    device: str
    """Name of the device, such as "cpu"."""
    input_size: int
    """Side of the square that the network was trained on, in pixels."""
    features_depend_on_mask: bool
    """Whether a new previous mask needs a new pass of the image encoder."""
    features_depend_on_prompts: bool
    """Whether a new prompt needs a new pass of the image encoder."""

    def encode(self, pixels: Pixels, masks: Masks, prompts: Prompts) -> Sequence[Any]:
        """Features of each sample, with `nbytes`. When it returns, the work is done."""
        ...

    def decode(self, features: Sequence[Any], masks: Masks, prompts: Prompts) -> FloatMap:
        """Mask logits, shape (B, S, S)."""
        ...

    def to_arrays(self, features: Any) -> Arrays:
        """Features of one sample as arrays, to be stored."""
        ...

    def from_arrays(self, arrays: Arrays) -> Any:
        """The inverse of `to_arrays`. The features may share the memory of the arrays."""
        ...
