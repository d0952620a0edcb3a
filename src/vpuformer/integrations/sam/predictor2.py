"""`sam2.sam2_image_predictor.SAM2ImagePredictor` in front of any segmenter."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import BoolMask, Size, as_array
from vpuformer.errors import SessionError
from vpuformer.inference.cleaning import drop_specks, fill_holes
from vpuformer.inference.protocol import Encoded, Query, Segmenter, as_readonly_rgb
from vpuformer.integrations.sam.arrays import prompts_from_arrays
from vpuformer.integrations.sam.masks import LOW_RES, answered, from_low_res, whole_square
from vpuformer.integrations.sam.model import Sam, device_of, image_embedding
from vpuformer.integrations.sam.predictor import object_rows

Floats = npt.NDArray[np.float32]
Answer = tuple[Floats, Floats, Floats]
"""Masks of 0 and 1, or logits, shape (C, H, W); scores, shape (C,); low-resolution logits, shape (C, 256, 256). With
B > 1 objects, each has an axis of length B in front."""


class SAM2ImagePredictor:
    """A segmenter with the interface of `sam2`'s `SAM2ImagePredictor`.

    Masks are float32, as there. Scores are those of `vpuformer.integrations.sam.SamPredictor`.

    >>> predictor = SAM2ImagePredictor.from_pretrained(device="cpu")
    >>> predictor.set_image(np.zeros((30, 40, 3), np.uint8))
    >>> masks, scores, low_res_logits = predictor.predict(box=np.array([[5, 5, 20, 20], [9, 4, 30, 25]]))
    >>> masks.shape, scores.shape, low_res_logits.shape
    ((2, 3, 30, 40), (2, 3), (2, 3, 256, 256))

    Args:
        sam_model: VPUFormer, such as `build_sam2()`, or any other segmenter.
        mask_threshold: logits above it are object; the outline without it is that of VPUFormer.
        max_hole_area: fill holes of at most this area, in pixels of a mask of 256 x 256.
        max_sprinkle_area: drop parts of at most this area, but not the largest.
    """

    def __init__(
        self,
        sam_model: Segmenter,
        mask_threshold: float = 0.0,
        max_hole_area: float = 0.0,
        max_sprinkle_area: float = 0.0,
        **_: Any,
    ) -> None:
        self.model = sam_model
        self.mask_threshold = mask_threshold
        self._areas = max_hole_area, max_sprinkle_area
        self._images: list[Encoded] = []
        self._is_batch = False

    @classmethod
    def from_pretrained(
        cls,
        model_id: str | os.PathLike[str] = "default",
        *,
        device: Any = None,
        runtime: str | None = None,
        **others: Any,
    ) -> "SAM2ImagePredictor":
        """VPUFormer with these weights; see `Sam`. `others` are those of the class."""
        return cls(Sam(model_id, device, runtime=runtime), **others)

    def set_image(self, image: npt.NDArray[Any] | Image.Image) -> None:
        """Encode an image, once for all prompts.

        Args:
            image: RGB, shape (H, W, 3), or a Pillow image.

        Raises:
            ImageError: the image is not an image.
        """
        self._images, self._is_batch = [self.model.encode(as_readonly_rgb(image))], False

    def set_image_batch(self, image_list: Sequence[npt.NDArray[Any] | Image.Image]) -> None:
        """Encode several images, for `predict_batch`; see `set_image`."""
        self._images, self._is_batch = [self.model.encode(as_readonly_rgb(image)) for image in image_list], True

    def reset_predictor(self) -> None:
        """Forget the images."""
        self._images, self._is_batch = [], False

    @property
    def device(self) -> Any:
        """The network's device: a `torch.device` in a program that uses torch, else its name."""
        return device_of(self.model)

    def get_image_embedding(self) -> Any:
        """The deepest features of the images, a tensor of shape (images, C, h, w); needs torch.

        Raises:
            SessionError: there is no image yet, or the segmenter keeps no features.
        """
        embeddings = [image_embedding(each) for each in self._present]
        return embeddings[0].new_tensor(np.concatenate([as_array(each) for each in embeddings]))

    def predict(
        self,
        point_coords: npt.ArrayLike | None = None,
        point_labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask_input: npt.ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> Answer:
        """Segment one object, or B of them.

        Args:
            point_coords: shape (N, 2), or (B, N, 2).
            point_labels: shape (N,), or (B, N); see `prompts_from_arrays`.
            box: shape (4,) or (B, 4).
            mask_input: low-resolution logits of an earlier call, shape (1, 256, 256) or (B, 1, 256, 256).
            multimask_output: return C = 3 masks, the one that the network prefers first, and otherwise C = 1; see
                `SamPredictor.predict`.
            return_logits: return logits instead of masks.
            normalize_coords: whether coordinates are in pixels; otherwise in shares of width and height, 0..1.

        Raises:
            SessionError: there is no image yet.
            PromptError, MaskError: the prompts or the mask do not fit; see `Query`.
        """
        arrays = point_coords, point_labels, box, mask_input
        return self._predict(self._present[-1], arrays, multimask_output, return_logits, normalize_coords)

    def predict_batch(
        self,
        point_coords_batch: Sequence[Any] | None = None,
        point_labels_batch: Sequence[Any] | None = None,
        box_batch: Sequence[Any] | None = None,
        mask_input_batch: Sequence[Any] | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> tuple[list[Floats], list[Floats], list[Floats]]:
        """Segment objects of all images: lists with what `predict` takes and returns for each.

        Raises:
            SessionError: there are no images of `set_image_batch`.
            PromptError, MaskError: the prompts or the mask do not fit; see `Query`.
        """
        if not self._is_batch:
            raise SessionError("there are no images yet; call set_image_batch(images) first")
        columns = point_coords_batch, point_labels_batch, box_batch, mask_input_batch
        found: list[Answer] = []
        for i, encoded in enumerate(self._images):
            arrays = [None if column is None else column[i] for column in columns]
            found.append(self._predict(encoded, arrays, multimask_output, return_logits, normalize_coords))
        return [each[0] for each in found], [each[1] for each in found], [each[2] for each in found]

    @property
    def _present(self) -> list[Encoded]:
        if not self._images:
            raise SessionError("there is no image yet; call set_image(image) first")
        return self._images

    def _predict(
        self,
        encoded: Encoded,
        arrays: Sequence[Any],
        multimask_output: bool,
        return_logits: bool,
        normalize_coords: bool,
    ) -> Answer:
        points, labels, box, mask_input = arrays
        height, width = encoded.size
        scale = (1, 1) if normalize_coords else (width, height)
        columns = (
            None if points is None else _with_axis(points, 3) * scale,
            None if labels is None else _with_axis(labels, 2),
            None if box is None else (as_array(box).reshape(-1, 2, 2) * scale).reshape(-1, 4),
            None if mask_input is None else _with_axis(mask_input, 4),
        )
        queries = []
        for *prompt_arrays, logits in object_rows(columns):
            prompts = prompts_from_arrays(*prompt_arrays)
            mask = None if logits is None else from_low_res(logits, encoded.size, whole_square)
            queries.append(Query(encoded, prompts, mask, new=len(prompts), candidates=multimask_output))
        shifted = self.mask_threshold != 0
        tidy = partial(self._tidied, size=encoded.size)
        found = answered(self.model, queries, whole_square, return_logits=return_logits or shifted, tidy=tidy)
        masks = found.masks if return_logits or not shifted else found.masks > self.mask_threshold
        first = masks.astype(np.float32), found.scores, found.low_res
        return first if len(queries) > 1 else (first[0][0], first[1][0], first[2][0])

    def _tidied(self, mask: BoolMask, size: Size) -> BoolMask:
        holes, specks = (round(area * size[0] * size[1] / LOW_RES**2) for area in self._areas)
        return drop_specks(fill_holes(mask, holes), specks)


def _with_axis(values: Any, axes: int) -> npt.NDArray[Any]:
    """The values as an array with so many axes: one for the objects in front, if it is missing."""
    array = as_array(values)
    return array[None] if array.ndim < axes else array
