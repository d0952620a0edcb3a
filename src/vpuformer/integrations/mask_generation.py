"""Masks for a batch of images, from prompts nested as in `transformers`. Needs no torch."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.errors import PromptError
from vpuformer.inference.protocol import Query, Segmenter, as_readonly_rgb
from vpuformer.integrations.sam.arrays import prompts_from_arrays
from vpuformer.integrations.sam.masks import answered, longest_side
from vpuformer.prompts import Prompt

Points = Sequence[Sequence[Sequence[Sequence[float]]]]
"""(x, y) in pixels, by image, object and point."""
Labels = Sequence[Sequence[Sequence[int]]]
"""1 in the object, 0 not in it, -1 padding, by image, object and point."""
Boxes = Sequence[Sequence[Sequence[float]]]
"""x0, y0, x1, y1 in pixels, both corners included, by image and object."""


class ImageMasks(TypedDict):
    """Masks of an image, as `post_process_masks` returns them, and their `iou_scores`."""

    masks: npt.NDArray[np.bool_]
    """Shape (objects, candidates, H, W)."""
    scores: npt.NDArray[np.float32]
    """Estimates of the IoU in 0..1, shape (objects, candidates)."""


def mask_generation(
    images: Sequence[str | os.PathLike[str] | Image.Image | npt.NDArray[Any]],
    input_points: Points | None = None,
    input_labels: Labels | None = None,
    input_boxes: Boxes | None = None,
    *,
    segmenter: Segmenter,
    multimask_output: bool = True,
) -> list[ImageMasks]:
    """Segment prompted objects of several images.

    >>> from vpuformer import Predictor
    >>> segmenter = Predictor.from_pretrained("default", "cpu").segmenter
    >>> image = np.zeros((30, 40, 3), np.uint8)
    >>> [found] = mask_generation([image], input_points=[[[[20, 15]], [[5, 5], [9, 9]]]], segmenter=segmenter)
    >>> found["masks"].shape, found["scores"].shape
    ((2, 3, 30, 40), (2, 3))

    Args:
        images: paths, Pillow images or arrays.
        input_points, input_labels, input_boxes: prompts; see `Points`, `Labels` and `Boxes`. Points without labels are
            in the object.
        segmenter: VPUFormer, or any other.
        multimask_output: three candidates for each object, the preferred one first; otherwise one.

    Raises:
        ImageError: an image is missing, broken or not an image.
        PromptError: the lists do not fit the images or each other, or an object has no prompt.
    """
    columns = {"input_points": input_points, "input_labels": input_labels, "input_boxes": input_boxes}
    for name, column in columns.items():
        if column is not None and len(column) != len(images):
            raise PromptError(f"{name} is for {len(column)} images, and there are {len(images)}; give a list for each")
    results: list[ImageMasks] = []
    for i, image in enumerate(images):
        encoded = segmenter.encode(as_readonly_rgb(image))
        parts = [None if column is None else column[i] for column in columns.values()]
        queries = [
            Query(encoded, prompts, new=len(prompts), candidates=multimask_output) for prompts in _objects(i, *parts)
        ]
        found = answered(segmenter, queries, longest_side, return_logits=False)
        results.append({"masks": found.masks.astype(bool), "scores": found.scores})
    return results


def _objects(image: int, points: Any, labels: Any, boxes: Any) -> Iterator[tuple[Prompt, ...]]:
    """The prompts of each object in an image."""
    counts = {len(part) for part in (points, labels, boxes) if part is not None}
    if len(counts) != 1 or counts == {0} or (points is None and boxes is None):
        raise PromptError(
            f"image {image} has prompts for {sorted(counts) or 'no'} objects; wanted input_points or input_boxes, and"
            " as many objects in each list"
        )
    for k in range(counts.pop()):
        of_object = None if points is None else points[k]
        signs = labels[k] if labels is not None else None if points is None else [1] * len(points[k])
        yield prompts_from_arrays(of_object, signs, None if boxes is None else boxes[k])
