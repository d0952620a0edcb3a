"""SAM, SAM 2 and SAM-HQ as baselines, as their authors' predictors use them.

`sam_prompts` converts the prompts. Of the rest:

* The image encoder runs once an image, in `encode`.
* The model's own answer goes back into it with the next prompt, as the logits of low resolution that it came as. A mask
  of other origin has no such logits and is left out: the models take nothing but their own.
* To a single point it gives three answers, of which the one counts that it thinks best itself; to all else one.
* The answer is the sigmoid of the logits, stretched to the image. A logit of 0, where Segment Anything draws the
  line, is a probability of 0.5; that evaluation draws it at 0.49 (a logit of -0.04) is of no consequence.
"""

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import torch
from torch import Tensor

from vpuformer.arrays import RGB, FloatMap, Size
from vpuformer.errors import PromptError
from vpuformer.evaluation.baselines.sam_models import FAMILIES, Family, load
from vpuformer.evaluation.baselines.sam_prompts import SamPrompts, sam_prompts, to_frame
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.model.device import choose_device

MAX_ANSWERS = 32
"""Answers of an image whose logits are kept for the next prompt, if no more objects are asked about; 0.3 MB each."""


class SamImage(Encoded):
    """An image as the model encodes it, and the logits of its last answers.

    Args:
        image: see `as_readonly_rgb`.
        frame: (H, W) of the resized image, without what pads it to a square.
        sizes: sizes of image and frame, as the processor takes them back. SAM keeps the proportions and pads; SAM 2
            stretches the image to a square, and has only the first.
        embeddings: arguments of the model.
    """

    def __init__(self, image: RGB, frame: Size, sizes: dict[str, Tensor], embeddings: dict[str, Any]) -> None:
        super().__init__(image)
        self.frame, self.sizes, self.embeddings = frame, sizes, embeddings
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, Tensor] = OrderedDict()
        self._most = MAX_ANSWERS

    def expect(self, number: int) -> None:
        """Keep the logits of so many answers or more: those to objects asked about together."""
        with self._lock:
            self._most = max(self._most, number)

    def logits(self, mask: FloatMap | None) -> Tensor | None:
        """The logits, shape [1, 1, h, w], of the answer with these values; None for others."""
        with self._lock:
            return None if mask is None else self._answers.get(_digest(mask))

    def keep(self, probability: FloatMap, logits: Tensor) -> None:
        """Keep the logits of an answer, in place of the oldest."""
        with self._lock:
            self._answers[_digest(probability)] = logits
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)


class Sam:
    """A model of Segment Anything.

    Args:
        family: which of the models.
        model: of the class that the family names.
        processor: the same; it resizes images and stretches masks.
        name: as tables show it.
        device: such as "cpu" or "cuda"; by default the best one there is.

    Raises:
        ConfigError: there is no such device.
    """

    def __init__(self, family: Family, model: Any, processor: Any, name: str, device: str | None = None) -> None:
        self.name = name
        self._family = family
        self._device = choose_device(device)
        self._model = model.eval().to(self._device)
        self._processor = processor
        self._sha256: str | None = None

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
        """Name of the device."""
        return str(self._device)

    @property
    def sha256(self) -> str:
        """Digest of all tensors with their names, however they are stored."""
        if self._sha256 is None:
            digest = hashlib.sha256()
            for name, tensor in sorted(self._model.state_dict().items()):
                digest.update(f"{name}{tuple(tensor.shape)}".encode())
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
            self._sha256 = digest.hexdigest()
        return self._sha256

    @torch.inference_mode()
    def encode(self, image: RGB) -> SamImage:
        """Run the image encoder."""
        inputs = self._processor(images=image, input_data_format="channels_last", return_tensors="pt")
        pixels = inputs["pixel_values"].to(self._device)
        sizes = {name: inputs[name] for name in ("original_sizes", "reshaped_input_sizes") if name in inputs}
        height, width = inputs["reshaped_input_sizes"][0].tolist() if len(sizes) > 1 else pixels.shape[-2:]
        encoded = SamImage(image, (height, width), sizes, self._encode(pixels))
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # its time is taken here, not at the first prompt
        return encoded

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """Answer one query after the other.

        Raises:
            PromptError: a query has no prompt.
            InputError: another segmenter has encoded the image of a query.
        """
        images = [query.encoded_as(SamImage) for query in queries]
        for image, number in Counter(images).items():
            image.expect(number)
        return [self._answer(query, image) for query, image in zip(queries, images, strict=True)]

    @torch.inference_mode()
    def _answer(self, query: Query, image: SamImage) -> Prediction:
        if not query.prompts:
            raise PromptError(f"{self.name} has nothing to go by; give at least one click, box or scribble")
        prompts = sam_prompts(query.prompts)
        previous = image.logits(query.mask)
        arguments = {"multimask_output": prompts.ambiguous and previous is None, **self._arguments(prompts, image)}
        if previous is not None:
            arguments["input_masks"] = previous
        output = self._model(**image.embeddings, **arguments)
        best = int(output.iou_scores[0, 0].argmax())
        logits = output.pred_masks[:, 0, best : best + 1]
        probability = self._stretch(logits, image).sigmoid().float().cpu().numpy()
        clamp = self._family.clamp
        image.keep(probability, logits if clamp is None else logits.clamp(-clamp, clamp))
        return Prediction(probability)

    def _encode(self, pixels: Tensor) -> dict[str, Any]:
        made = self._model.get_image_embeddings(pixels)
        names = self._family.embeddings
        return dict(zip(names, (made,) if len(names) == 1 else made, strict=True))

    def _arguments(self, prompts: SamPrompts, image: SamImage) -> dict[str, Tensor]:
        """Batches of one image with one object: points [1, 1, n, 2], labels [1, 1, n], boxes [1, 1, 4]."""
        arguments: dict[str, Tensor] = {}
        if len(prompts.labels):
            points = to_frame(prompts.points, image.size, image.frame)
            arguments["input_points"] = torch.from_numpy(points)[None, None].to(self._device)
            arguments["input_labels"] = torch.from_numpy(prompts.labels)[None, None].to(self._device)
        if prompts.box is not None:
            corners = to_frame(prompts.box.reshape(2, 2), image.size, image.frame)
            arguments["input_boxes"] = torch.from_numpy(corners).reshape(1, 1, 4).to(self._device)
        return arguments

    def _stretch(self, logits: Tensor, image: SamImage) -> Tensor:
        """Logits [1, 1, h, w] at the size of the image, [H, W]."""
        return self._processor.post_process_masks([logits], binarize=False, **image.sizes)[0][0, 0]


def _digest(mask: FloatMap) -> bytes:
    """Digest of the values of a mask: a copy of an answer has the same."""
    return hashlib.sha256(mask.tobytes()).digest()
