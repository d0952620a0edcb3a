"""Segment Anything under evaluation: SAM, SAM 2 and SAM-HQ, as their authors' predictors use them.

What the model is told stands in `sam_prompts`. Of the rest:

* The image encoder runs once an image, in `set_image`.
* The model's own answer goes back into it with the next prompt, as the logits of low resolution that it came as. A mask
  of other making has no such logits and is left out: the models take nothing but their own.
* To a single point it gives three answers, of which the one counts that it thinks best itself; to all else one.
* The answer is the sigmoid of the logits, stretched to the image. A logit of 0, where Segment Anything draws the
  line, is a probability of 0.5; that evaluation draws it at 0.49 (a logit of -0.04) is of no consequence.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vpuformer.arrays import RGB, FloatMap, Size
from vpuformer.errors import PromptError
from vpuformer.evaluation.baselines.image import required
from vpuformer.evaluation.baselines.sam_models import FAMILIES, Family, load
from vpuformer.evaluation.baselines.sam_prompts import SamPrompts, sam_prompts, to_frame
from vpuformer.inference.predictor import choose_device
from vpuformer.prompts import Prompt, fit_to_image


@dataclass(frozen=True, eq=False, slots=True)
class _Encoded:
    """An image as the model keeps it."""

    size: Size
    frame: Size
    """Of the resized image, without what pads it to a square."""
    sizes: dict[str, Tensor]
    """The same two, as the processor wants to have them back. SAM keeps the proportions and pads; SAM 2 stretches the
    image to a square, and has only the first."""
    embeddings: dict[str, Any]
    """Arguments of the model."""


@dataclass(frozen=True, eq=False, slots=True)
class _Answer:
    probability: FloatMap
    logits: Tensor
    """Shape [1, 1, h, w], of low resolution."""


class Sam:
    """A model of Segment Anything behind the `Segmenter` interface.

    Args:
        family: which of the models.
        model: of the class that the family names.
        processor: the same; it resizes images and stretches masks.
        name: as tables show it.
        device: such as "cpu" or "cuda"; by default CUDA where there is any, else the CPU.

    Raises:
        ConfigError: there is no such device.
    """

    def __init__(self, family: Family, model: Any, processor: Any, name: str, device: str | None = None) -> None:
        self.name = name
        self._family = family
        self._device = choose_device(device)
        self._model = model.eval().to(self._device)
        self._processor = processor
        self._image: _Encoded | None = None
        self._last: _Answer | None = None

    @classmethod
    def from_pretrained(cls, family: str, checkpoint: str | None = None, device: str | None = None) -> "Sam":
        """The model with these weights.

        Args:
            family: a name of `vpuformer.evaluation.baselines.sam_models.FAMILIES`.
            checkpoint: a folder or a name on the Hugging Face hub; by default `Family.checkpoint`.
            device: see above.

        Raises:
            CheckpointError, MissingDependencyError: see `vpuformer.evaluation.baselines.sam_models.load`.
            ConfigError: there is no such device.
        """
        chosen = choose_device(device)  # before gigabytes are read
        kind = FAMILIES[family]
        source = checkpoint or kind.checkpoint
        return cls(kind, *load(kind, source), f"{family}:{PurePath(source).name}", str(chosen))

    @property
    def device(self) -> str:
        return str(self._device)

    @cached_property
    def weights_sha256(self) -> str:
        """Of all tensors with their names: what tells two checkpoints of a name apart, however they are stored."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.inference_mode()
    def set_image(self, image: RGB) -> None:
        """Encode an image, uint8 (H, W, 3)."""
        self._image = self._last = None
        inputs = self._processor(images=image, input_data_format="channels_last", return_tensors="pt")
        pixels = inputs["pixel_values"].to(self._device)
        sizes = {name: inputs[name] for name in ("original_sizes", "reshaped_input_sizes") if name in inputs}
        height, width = inputs["reshaped_input_sizes"][0].tolist() if len(sizes) > 1 else pixels.shape[-2:]
        size = (image.shape[0], image.shape[1])
        self._image = _Encoded(size, (height, width), sizes, self._encode(pixels))
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # its time is taken here, not at the first prompt

    @torch.inference_mode()
    def predict(self, prompts: Sequence[Prompt], previous: FloatMap | None) -> FloatMap:
        """Probabilities, float32 (H, W); see `vpuformer.evaluation.protocol.Segmenter.predict`.

        Raises:
            SessionError: there is no image yet.
            PromptError: there is no prompt, or one lies outside the image.
        """
        image = required(self._image, self.name)
        if not prompts:
            raise PromptError(f"{self.name} has nothing to go by; give at least one click, box or scribble")
        told = sam_prompts(fit_to_image(prompts, image.size))
        own = self._last if self._last is not None and _same(previous, self._last.probability) else None
        arguments = {"multimask_output": told.ambiguous and own is None, **self._arguments(told, image)}
        if own is not None:
            arguments["input_masks"] = own.logits
        output = self._model(**image.embeddings, **arguments)
        best = int(output.iou_scores[0, 0].argmax())
        logits = output.pred_masks[:, 0, best : best + 1]
        probability = self._stretch(logits, image).sigmoid().float().cpu().numpy()
        clamp = self._family.clamp
        self._last = _Answer(probability, logits if clamp is None else logits.clamp(-clamp, clamp))
        return probability.copy()  # what the caller does to it must not change what is compared next time

    def _encode(self, pixels: Tensor) -> dict[str, Any]:
        made = self._model.get_image_embeddings(pixels)
        names = self._family.embeddings
        return dict(zip(names, (made,) if len(names) == 1 else made, strict=True))

    def _arguments(self, told: SamPrompts, image: _Encoded) -> dict[str, Tensor]:
        """Batches of one image with one object: points [1, 1, n, 2], labels [1, 1, n], boxes [1, 1, 4]."""
        arguments: dict[str, Tensor] = {}
        if len(told.labels):
            points = to_frame(told.points, image.size, image.frame)
            arguments["input_points"] = torch.from_numpy(points)[None, None].to(self._device)
            arguments["input_labels"] = torch.from_numpy(told.labels)[None, None].to(self._device)
        if told.box is not None:
            corners = to_frame(told.box.reshape(2, 2), image.size, image.frame)
            arguments["input_boxes"] = torch.from_numpy(corners).reshape(1, 1, 4).to(self._device)
        return arguments

    def _stretch(self, logits: Tensor, image: _Encoded) -> Tensor:
        """Logits [1, 1, h, w] at the size of the image, [H, W]."""
        return self._processor.post_process_masks([logits], binarize=False, **image.sizes)[0][0, 0]


def _same(previous: FloatMap | None, answer: FloatMap) -> bool:
    """Whether this is the answer, by its values: who asks may have made a copy of it."""
    return previous is not None and np.array_equal(previous, answer)
