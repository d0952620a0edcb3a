"""Functions for CVAT: an interactor, and masks in the boxes of a task.

This file is a function module of `cvat-cli`: `create` returns the interactor. Coordinates are edges in pixels of the
image, with pixel corners at integers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from vpuformer.arrays import BoolMask
from vpuformer.extras import imported, require
from vpuformer.formats import parts_of
from vpuformer.formats.outlines import turned
from vpuformer.inference.protocol import Encoded, Query, Segmenter, as_readonly_rgb
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.integrations.boxes import segment_boxes
from vpuformer.integrations.sam.masks import expected_iou
from vpuformer.prompts import Box, Click, Prompt


def create(model: str = "default", device: str | None = None, runtime: str | None = None) -> "Interactor":
    """The interactor, as `cvat-cli function run-agent` asks for it.

    Args:
        model, device, runtime: see `VPUFormerSegmenter.from_pretrained`, also for errors.
    """
    return Interactor(VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime))


class Interactor:
    """An `InteractionFunction` that takes positive and negative points, and a box.

    An image is encoded once, and its features are kept by the agent.

    Raises:
        MissingDependencyError: cvat-sdk is not installed.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._sdk, self._segmenter = _sdk(), segmenter
        self.spec = self._sdk.InteractionFunctionSpec(min_pos_points=0, min_neg_points=0, min_bounding_boxes=0)

    def preprocess_image(self, context: Any, image: Image.Image) -> Encoded:
        """Encode an image, once for all prompts."""
        del context
        return self._segmenter.encode(as_readonly_rgb(image))

    def detect(self, context: Any, pp_image: Encoded, prompts: Any) -> list[Any]:
        """Segment the object that the prompts show.

        Args:
            prompts: `InteractionPrompts`.

        Returns:
            An `InteractionResultShape` with the mask; none for an empty mask.

        Raises:
            PromptError: a prompt lies outside the image, or there is none.
        """
        del context
        given: list[Prompt] = [] if prompts.bounding_box is None else [_box(np.ravel(prompts.bounding_box))]
        for points, positive in ((prompts.pos_points, True), (prompts.neg_points, False)):
            given += [Click(x - 0.5, y - 0.5, positive) for x, y in points]
        (answer,) = self._segmenter.segment([Query(pp_image, given)])
        if not answer.mask.any():
            return []
        encode_mask = imported("cvat_sdk.masks").encode_mask
        return [self._sdk.InteractionResultShape(type="mask", points=encode_mask(answer.mask))]


class BoxMasks:
    """A `DetectionFunction` with a mask, or polygons, for each rectangle of a task.

    `cvat_sdk.auto_annotation.annotate_task` runs it.

    Args:
        dataset: the `cvat_sdk.datasets.TaskDataset` of the task, with annotations.

    Raises:
        MissingDependencyError: cvat-sdk is not installed.
    """

    def __init__(self, dataset: Any, segmenter: Segmenter) -> None:
        self._sdk, self._segmenter = _sdk(), segmenter
        self._boxes = {
            sample.frame_name: [each for each in sample.annotations.shapes if each.type.value == "rectangle"]
            for sample in dataset.samples
        }
        used = {each.label_id for boxes in self._boxes.values() for each in boxes}
        labels = [self._sdk.label_spec(label.name, label.id) for label in dataset.labels if label.id in used]
        self.spec = self._sdk.DetectionFunctionSpec(labels=labels)

    def detect(self, context: Any, image: Image.Image) -> list[Any]:
        """Segment the object in each rectangle of a frame.

        Args:
            context: `DetectionFunctionContext`. Masks below its `conf_threshold` are left out, by their expected IoU.

        Raises:
            PromptError: a rectangle lies outside the image.
        """
        boxes = self._boxes[context.frame_name]
        if not boxes:
            return []
        answers = segment_boxes(self._segmenter, image, [_edges(each) for each in boxes])
        least = context.conf_threshold or 0
        return [
            shape
            for box, answer in zip(boxes, answers, strict=True)
            if answer.mask.any() and expected_iou(answer) >= least
            for shape in self._shapes(box.label_id, answer.mask, polygons=context.conv_mask_to_poly)
        ]

    def _shapes(self, label: int, mask: BoolMask, *, polygons: bool) -> Sequence[Any]:
        """One mask; or a polygon for each part, without its holes."""
        if not polygons:
            return [self._sdk.mask(label, imported("cvat_sdk.masks").encode_mask(mask))]
        return [self._sdk.polygon(label, part.outer.ravel().astype(float).tolist()) for part in parts_of(mask)]


def _edges(rectangle: Any) -> tuple[float, float, float, float]:
    """The edges of a rectangle, or of one around it if it is turned."""
    x0, y0, x1, y1 = rectangle.points
    corners = turned(
        [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], getattr(rectangle, "rotation", 0), ((x0 + x1) / 2, (y0 + y1) / 2)
    )
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _box(edges: Any) -> Box:
    left, top, right, bottom = (float(edge) - 0.5 for edge in edges)
    return Box(left, top, right, bottom)


def _sdk() -> Any:
    require("cvat", "a function for CVAT")
    return imported("cvat_sdk.auto_annotation")
