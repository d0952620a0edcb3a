"""`segment_anything.SamPredictor` in front of any segmenter."""

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size, as_array
from vpuformer.errors import ImageError, PromptError, SessionError
from vpuformer.extras import imported
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.inference.resample import stretch
from vpuformer.integrations.sam.arrays import prompts_from_arrays
from vpuformer.integrations.sam.masks import Masks, answered, from_low_res, longest_side
from vpuformer.integrations.sam.model import FRAME, Sam, device_of, image_embedding
from vpuformer.integrations.sam.transforms import ResizeLongestSide

Tensor = Any
"""A `torch.Tensor`: this module does not import torch."""


class SamPredictor:
    """A segmenter with the interface of `segment_anything.SamPredictor`.

    Scores are estimated from the probabilities and not learned (`expected_iou`, `Candidate.score`). A box and points
    may be given together in any number.

    >>> predictor = SamPredictor.from_pretrained(device="cpu")
    >>> predictor.set_image(np.zeros((30, 40, 3), np.uint8))
    >>> points, labels = np.array([[20, 15]]), np.array([1])
    >>> masks, scores, low_res_logits = predictor.predict(points, labels)
    >>> masks.shape, scores.shape, low_res_logits.shape
    ((3, 30, 40), (3,), (3, 256, 256))

    Args:
        sam_model: VPUFormer, such as `sam_model_registry["default"]()`, or any other segmenter.
    """

    mask_threshold = 0.0
    """Logits above it are object."""

    def __init__(self, sam_model: Segmenter) -> None:
        self.model = sam_model
        self.transform = ResizeLongestSide(FRAME)
        self._encoded: Encoded | None = None

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | os.PathLike[str] = "default", device: str | None = None, *, runtime: str | None = None
    ) -> "SamPredictor":
        """VPUFormer with these weights; see `Sam`."""
        return cls(Sam(name_or_path, device, runtime=runtime))

    def set_image(self, image: npt.NDArray[np.uint8], image_format: Literal["RGB", "BGR"] = "RGB") -> None:
        """Encode an image, once for all prompts.

        Args:
            image: uint8, shape (H, W, 3).
            image_format: the order of its channels.

        Raises:
            ImageError: the image is not an image, or `image_format` is another word.
        """
        if image_format not in ("RGB", "BGR"):
            raise ImageError(f"image_format is RGB or BGR, got {image_format!r:.40}")
        self._encoded = self.model.encode(image if image_format == "RGB" else image[..., ::-1])

    def set_torch_image(self, transformed_image: Tensor, original_image_size: Size) -> None:
        """Encode an image from the frame of `transform`.

        Args:
            transformed_image: values 0 to 255, shape (1, 3, h, w).
            original_image_size: (H, W) of the image before the transform; masks have this size.

        Raises:
            ImageError: the tensor has another shape.
        """
        pixels = as_array(transformed_image)
        if pixels.ndim != 4 or pixels.shape[:2] != (1, 3):
            raise ImageError(f"the image has the shape {pixels.shape}; wanted (1, 3, height, width)")
        rgb = np.ascontiguousarray(pixels[0].transpose(1, 2, 0).clip(0, 255).astype(np.uint8))
        self._encoded = self.model.encode(stretch(rgb, (original_image_size[0], original_image_size[1])))

    def reset_image(self) -> None:
        """Forget the image."""
        self._encoded = None

    @property
    def is_image_set(self) -> bool:
        """Whether there is an image."""
        return self._encoded is not None

    @property
    def device(self) -> Any:
        """The network's device: a `torch.device` in a program that uses torch, else its name."""
        return device_of(self.model)

    @property
    def original_size(self) -> Size:
        """(H, W) of the image.

        Raises:
            SessionError: there is no image yet.
        """
        return self._present.size

    @property
    def input_size(self) -> Size:
        """(H, W) of the image in the frame of `transform`.

        Raises:
            SessionError: there is no image yet.
        """
        return longest_side(self._present.size, FRAME)

    @property
    def features(self) -> Tensor:
        """See `get_image_embedding`."""
        return self.get_image_embedding()

    def get_image_embedding(self) -> Tensor:
        """The deepest features of the image, shape (1, C, h, w); needs torch.

        Raises:
            SessionError: there is no image yet, or the segmenter keeps no features.
        """
        return image_embedding(self._present)

    def predict(
        self,
        point_coords: npt.ArrayLike | None = None,
        point_labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask_input: npt.ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[BoolMask | FloatMap, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Segment one object.

        Args:
            point_coords, point_labels, box: see `prompts_from_arrays`.
            mask_input: the low-resolution logits of the last call, shape (1, 256, 256).
            multimask_output: return C = 3 masks, the one that the network prefers first: the candidates of a first
                prompt (`Prediction.candidates`), and the first of them again if they are fewer, as with `mask_input`.
                Otherwise C = 1.
            return_logits: return logits instead of masks.

        Returns:
            Masks, bool or, as logits, float32, shape (C, H, W); scores in 0..1, shape (C,); logits of low resolution,
            shape (C, 256, 256), one of which, as (1, 256, 256), is a `mask_input`.

        Raises:
            SessionError: there is no image yet.
            PromptError, MaskError: the prompts or the mask do not fit; see `Query`.
        """
        query = self._query((point_coords, point_labels, box, mask_input), multimask_output)
        found = self._answered([query], return_logits)
        return found.masks[0], found.scores[0], found.low_res[0]

    def predict_torch(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Segment B objects, from tensors in the frame of `transform`.

        Args:
            point_coords: shape (B, N, 2).
            point_labels: shape (B, N).
            boxes: shape (B, 4).
            mask_input: shape (B, 1, 256, 256).
            multimask_output, return_logits: see `predict`.

        Returns:
            What `predict` returns, with an axis for the objects in front, as tensors on `device`.

        Raises:
            SessionError: there is no image yet.
            PromptError: the arguments are of different numbers of objects, or of none.
            MaskError: the mask does not fit.
        """
        size = self._present.size
        points = None if point_coords is None else self.transform.to_original(as_array(point_coords), size)
        corners = None if boxes is None else self.transform.to_original(as_array(boxes).reshape(-1, 2, 2), size)
        columns = (
            points,
            None if point_labels is None else as_array(point_labels),
            None if corners is None else corners.reshape(-1, 4),
            None if mask_input is None else as_array(mask_input),
        )
        queries = [self._query(row, multimask_output) for row in object_rows(columns)]
        torch, found = imported("torch"), self._answered(queries, return_logits)
        masks, scores, low_res = (torch.from_numpy(each).to(self.device) for each in found)
        return masks, scores, low_res

    @property
    def _present(self) -> Encoded:
        if self._encoded is None:
            raise SessionError("there is no image yet; call set_image(image) first")
        return self._encoded

    def _query(self, arrays: Sequence[Any], multimask_output: bool) -> Query:
        encoded, (points, labels, box, mask_input) = self._present, arrays
        mask = None if mask_input is None else from_low_res(mask_input, encoded.size)
        prompts = prompts_from_arrays(points, labels, box)
        # Nobody says which prompts are new, and a box comes behind the points.
        return Query(encoded, prompts, mask, new=len(prompts), candidates=multimask_output)

    def _answered(self, queries: Sequence[Query], return_logits: bool) -> Masks:
        return answered(self.model, queries, longest_side, return_logits=return_logits)


def object_rows(columns: Sequence[npt.NDArray[Any] | None]) -> list[tuple[Any, ...]]:
    """The arguments of each object, from arrays with an axis for the objects in front.

    >>> object_rows([np.zeros((2, 1)), None])
    [(array([0.]), None), (array([0.]), None)]

    Raises:
        PromptError: the arrays are of different lengths, or there is nothing in them.
    """
    lengths = {len(column) for column in columns if column is not None}
    if len(lengths) != 1 or lengths == {0}:
        raise PromptError(
            f"the points, labels, boxes and masks are those of {', '.join(map(str, sorted(lengths))) or 'no'} objects;"
            " wanted the same number for all, and at least one"
        )
    return [tuple(None if column is None else column[i] for column in columns) for i in range(lengths.pop())]
