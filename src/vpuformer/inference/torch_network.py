"""A network in PyTorch, on any device."""

import os
from collections.abc import Sequence

import torch

from vpuformer.arrays import FloatMap
from vpuformer.errors import ConfigError
from vpuformer.inference.network import Arrays, Masks, Pixels, Prompts, collated
from vpuformer.model.checkpoint import load_model
from vpuformer.model.device import choose_device
from vpuformer.model.vpuformer import Features, VPUFormer


class TorchNetwork:
    """A network in PyTorch, on its device. It is not changed, and may be shared.

    Args:
        model: in evaluation mode, with float32 weights.
        threads: number of threads for one operation on the CPU; by default as many as PyTorch is set to.

    Raises:
        ConfigError: the network is in training mode, or its weights are of another type.
    """

    runtime = "torch"

    def __init__(self, model: VPUFormer, *, threads: int | None = None) -> None:
        if model.training:
            raise ConfigError("the network is in training mode and would answer at random; call model.eval() first")
        weights = next(model.parameters())
        if weights.dtype != torch.float32:
            raise ConfigError(
                f"the network's weights are {weights.dtype}, it answers in float32; call model.float() first"
            )
        self.model = model
        self._threads = threads
        self.device = str(weights.device)
        self.input_size = model.config.input_size
        self.features_depend_on_mask = model.features_depend_on_mask
        self.features_depend_on_prompts = model.features_depend_on_prompts

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] = "default",
        device: str | torch.device | None = None,
        *,
        threads: int | None = None,
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
        return cls(model, threads=threads)

    @torch.inference_mode()
    def encode(self, pixels: Pixels, masks: Masks, prompts: Prompts) -> list[Features]:
        """See `vpuformer.inference.network.Network`."""
        self._use_threads()
        # Pixels lie together in memory, channel by channel: seen as [b, 3, s, s] that is channels last already.
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self.device).float().div_(255)
        batch = collated(prompts) if self.features_depend_on_prompts else None
        features = self.model.encode(images, self._masks(masks), batch)
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        if len(pixels) == 1:
            return [features]
        # Copies: what is kept of one sample must not keep the whole batch.
        return [Features.joined([sample]) for sample in features.samples()]

    @torch.inference_mode()
    def decode(self, features: Sequence[Features], masks: Masks, prompts: Prompts) -> FloatMap:
        """See `vpuformer.inference.network.Network`."""
        self._use_threads()
        joined = features[0] if len(features) == 1 else Features.joined(features)
        output = self.model.decode(joined, self._masks(masks), collated(prompts))
        return output.logits[:, 0].float().cpu().numpy()

    def to_arrays(self, features: Features) -> Arrays:
        """See `Network`."""
        return {name: part.cpu().numpy() for name, part in features.named().items()}

    def from_arrays(self, arrays: Arrays) -> Features:
        """See `Network`."""
        return Features.from_named({name: torch.from_numpy(part).to(self.device) for name, part in arrays.items()})

    def _use_threads(self) -> None:
        # PyTorch keeps the number for each thread of the program.
        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)

    def _masks(self, masks: Masks) -> torch.Tensor:
        return torch.from_numpy(masks)[:, None].to(self.device)
