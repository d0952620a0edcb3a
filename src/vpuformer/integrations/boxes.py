"""Boxes of detectors to masks, and masks to boxes.

Coordinates are edges in pixels of the image, with pixel *corners* at integers, as in COCO, FiftyOne and CVAT. That is
half a pixel more than the coordinates elsewhere in this package.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import BoolMask
from vpuformer.errors import PromptError
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query, Segmenter, as_readonly_rgb
from vpuformer.prompts import Box

Edges = npt.NDArray[np.float64]
"""Left, top, right and bottom edge of N boxes, shape (N, 4)."""


def segment_boxes(
    segmenter: Segmenter, image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any], boxes: npt.ArrayLike
) -> list[Prediction]:
    """Segment the object in each box of an image.

    Args:
        image: a path, a Pillow image or an RGB array; see `vpuformer.images.read_image`.
        boxes: see `Edges`.

    Raises:
        ImageError: the image is missing, broken or not an image.
        PromptError: a box has no extent, or lies outside the image.
    """
    edges = np.asarray(boxes, np.float64)
    if edges.ndim != 2 or edges.shape[1] != 4:
        raise PromptError(f"boxes have the shape {edges.shape}; wanted (N, 4): left, top, right, bottom")
    encoded = segmenter.encode(as_readonly_rgb(image))
    return segmenter.segment([Query(encoded, [Box(*box)]) for box in (edges - 0.5).tolist()])


def edges_of(mask: BoolMask) -> tuple[int, int, int, int]:
    """The tight box around a mask, shape (H, W); zeros for an empty one.

    >>> edges_of(np.array([[False, False, False], [False, True, True]]))
    (1, 1, 3, 2)
    """
    crop = Crop.around(mask)
    return (0, 0, 0, 0) if crop is None else (crop.left, crop.top, crop.left + crop.width, crop.top + crop.height)
