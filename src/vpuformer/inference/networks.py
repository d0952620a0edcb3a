"""Networks behind arrays. Another runtime takes PyTorch's place with a class like this."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from vpuformer.arrays import FloatMap
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError
from vpuformer.geometry import FrameMap
from vpuformer.inference.device import choose_device
from vpuformer.model.checkpoint import load_model
from vpuformer.model.vpuformer import Features, VPUFormer
from vpuformer.prompts import Prompt

Pixels = npt.NDArray[np.uint8]
"""Crops at the input size of the network, RGB, shape (B, S, S, 3)."""

Masks = npt.NDArray[np.float32]
"""The masks so far, shape (B, S, S), in 0..1; zeros where there is none."""

Prompts = Sequence[tuple[Sequence[Prompt], FrameMap]]
"""The prompts of each sample in image pixels, with the map from its image to the canonical frame."""


class Network(Protocol):
    """A trained network. Used by several threads at once."""

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

    def to_arrays(self, features: Any) -> Mapping[str, npt.NDArray[Any]]:
        """Features of a sample as arrays by name, for a file."""
        ...

    def from_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
        """The inverse of `to_arrays`. The arrays may become part of the features."""
        ...


class TorchNetwork:
    """A network in PyTorch, on its device. It is not changed, and may be shared.

    Args:
        model: in evaluation mode, with float32 weights.

    Raises:
        ConfigError: the network is in training mode, or its weights are of another type.
    """

    def __init__(self, model: VPUFormer) -> None:
        if model.training:
            raise ConfigError("the network is in training mode and would answer at random; call model.eval() first")
        weights = next(model.parameters())
        if weights.dtype != torch.float32:
            raise ConfigError(
                f"the network's weights are {weights.dtype}, it answers in float32; call model.float() first"
            )
        self.model = model
        self.device = str(weights.device)
        self.input_size = model.config.input_size
        self.features_depend_on_mask = model.features_depend_on_mask
        self.features_depend_on_prompts = model.features_depend_on_prompts

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | os.PathLike[str] = "default", device: str | torch.device | None = None
    ) -> "TorchNetwork":
        """The network with the weights of this name or in this folder, laid out for the device.

        Raises:
            CheckpointError: the weights are missing or broken; see `vpuformer.model.checkpoint.load_model`.
            ConfigError: there is no such device.
        """
        chosen = choose_device(device)
        model = load_model(name_or_path).eval().to(chosen)
        if chosen.type == "cpu":
            model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return cls(model)

    @torch.inference_mode()
    def encode(self, pixels: Pixels, masks: Masks, prompts: Prompts) -> list[Features]:
        """See `Network`."""
        # Pixels lie together in memory, channel by channel: seen as [b, 3, s, s] that is channels last already.
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self.device).float().div_(255)
        collated = self._prompts(prompts) if self.features_depend_on_prompts else None
        features = self.model.encode(images, self._masks(masks), collated)
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        if len(pixels) == 1:
            return [features]
        # Copies: what is kept of one sample must not keep the whole batch.
        return [Features.joined([sample]) for sample in features.samples()]

    @torch.inference_mode()
    def decode(self, features: Sequence[Features], masks: Masks, prompts: Prompts) -> FloatMap:
        """See `Network`."""
        joined = features[0] if len(features) == 1 else Features.joined(features)
        output = self.model.decode(joined, self._masks(masks), self._prompts(prompts))
        return output.logits[:, 0].float().cpu().numpy()

    def to_arrays(self, features: Features) -> dict[str, npt.NDArray[Any]]:
        """See `Network`."""
        return {name: part.cpu().numpy() for name, part in features.named().items()}

    def from_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Features:
        """See `Network`."""
        return Features.from_named({name: torch.from_numpy(part).to(self.device) for name, part in arrays.items()})

    def _masks(self, masks: Masks) -> torch.Tensor:
        return torch.from_numpy(masks)[:, None].to(self.device)

    def _prompts(self, prompts: Prompts) -> PromptBatch:
        return PromptBatch.collate([each for each, _ in prompts], [frame for _, frame in prompts])
