"""Detections of `supervision` with masks, from predictions and from boxes of a detector."""

import os
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.extras import imported, require
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Segmenter, as_readonly_rgb
from vpuformer.integrations.boxes import edges_of, segment_boxes
from vpuformer.integrations.sam.masks import expected_iou

Detections = Any
"""A `supervision.Detections`."""


def detections_from_predictions(predictions: Sequence[Prediction], class_id: npt.ArrayLike | None = None) -> Detections:
    """Predictions for objects of one image as detections.

    Returns:
        A `supervision.Detections` with masks, tight boxes, and as `confidence` the expected IoU.

    Raises:
        MissingDependencyError: supervision is not installed.
    """
    require("supervision", "a conversion to detections")
    detections = imported("supervision").Detections
    if not predictions:
        return detections.empty()
    masks = np.stack([each.mask for each in predictions])
    return detections(
        xyxy=np.array([edges_of(mask) for mask in masks], np.float32),
        mask=masks,
        confidence=np.array([expected_iou(each) for each in predictions], np.float32),
        class_id=None if class_id is None else np.asarray(class_id, int),
    )


def add_masks(
    detections: Detections,
    image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any],
    segmenter: Segmenter,
) -> Detections:
    """Segment the object in each box of a detector.

    Args:
        detections: a `supervision.Detections` with the boxes of one image.
        image: a path, a Pillow image or an RGB array. OpenCV reads BGR: give `image[..., ::-1]`.

    Returns:
        A copy of the detections with masks, the rest unchanged.

    Raises:
        ImageError: the image is missing, broken or not an image.
        PromptError: a box has no extent, or lies outside the image.
    """
    pixels = as_readonly_rgb(image)
    masked = copy(detections)
    masked.mask = np.zeros((0, *pixels.shape[:2]), bool)
    if len(detections):
        masked.mask = np.stack([each.mask for each in segment_boxes(segmenter, pixels, detections.xyxy)])
    return masked
