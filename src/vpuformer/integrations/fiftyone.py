"""Labels of FiftyOne as prompts, and masks as its labels."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import InputError, PromptError
from vpuformer.extras import imported, require
from vpuformer.formats import AnnotatedImage, LabelledMask
from vpuformer.images import image_size
from vpuformer.inference.protocol import Query, Segmenter, as_readonly_rgb
from vpuformer.integrations.boxes import edges_of
from vpuformer.prompts import Box, Click, Prompt, Scribble

Label = Any
"""A label of FiftyOne: `Detection`, `Keypoint` or `Polyline`."""

_LISTS = ("Detections", "Keypoints", "Polylines")
"""Fields that hold lists of labels of an image."""


def add_masks(samples: Any, segmenter: Segmenter, prompts: str, into: str) -> None:
    """Segment the labelled objects of all images, and save them as detections with masks.

    Args:
        samples: a dataset or view of images.
        prompts: a field of labels: `Detections`, whose boxes are prompts; `Keypoints`, the clicks of an object each; or
            `Polylines`, the scribbles of an object each.
        into: the field for the `Detections`, whose boxes become those of the masks. It may be the same field.

    Raises:
        MissingDependencyError: FiftyOne is not installed.
        ImageError: an image is missing or broken. Samples before it are saved.
        PromptError: a prompt lies outside its image, or the labels are of another kind.
    """
    require("fiftyone", "masks for samples of FiftyOne")
    fiftyone = imported("fiftyone")
    for sample in samples.iter_samples(autosave=True):
        labels = sample[prompts]
        found = [] if labels is None else _segmented(sample.filepath, labels, segmenter)
        sample[into] = fiftyone.Detections(
            detections=[
                _detection(fiftyone, label, mask)
                for label, mask in found
                if mask.any() or isinstance(label, fiftyone.Detection)
            ]
        )


def annotated_images(samples: Any, field: str, folder: str | os.PathLike[str]) -> Iterator[AnnotatedImage]:
    """The masks of a field of `Detections`, to be written by `vpuformer.formats.export`.

    Args:
        samples: a dataset or view of images in `folder`. Those without labels are left out, as are detections without a
            mask.

    Raises:
        InputError: an image lies outside the folder.
    """
    root, numbers = Path(folder).resolve(), count(1)
    for index, sample in enumerate(samples, 1):
        path = Path(sample.filepath).resolve()
        if not path.is_relative_to(root):
            raise InputError(f"{path} is not in {root}; give the folder that holds all images")
        if sample[field] is not None:
            height, width = image_size(path)
            masked = [each for each in sample[field].detections if each.has_mask]
            objects = [LabelledMask(_whole_mask(each, (height, width)), each.label, next(numbers)) for each in masked]
            name = path.relative_to(root).as_posix()
            yield AnnotatedImage(name, width, height, objects, id=index, tags=sample.tags)


def _whole_mask(detection: Any, size: Size) -> BoolMask:
    """The mask of a detection in an image of `size` (H, W)."""
    height, width = size
    left, top, across, down = detection.bounding_box
    y0, y1 = round(top * height), round((top + down) * height)
    x0, x1 = round(left * width), round((left + across) * width)
    mask = np.zeros(size, np.bool_)
    inside = mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    if inside.size:  # the box may reach beyond the image
        part = np.asarray(detection.get_mask() > 0, np.uint8)
        whole = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
        inside[:] = whole[max(0, -y0) :, max(0, -x0) :][: inside.shape[0], : inside.shape[1]]
    return mask


def prompts_from_label(label: Label, size: Size) -> tuple[Prompt, ...]:
    """Prompts from a label, for an image of `size` (H, W).

    Raises:
        PromptError: the label is of another kind, or holds no prompt.
    """
    height, width = size

    def points(shares: Any) -> Iterator[tuple[float, float]]:
        """Coordinates with pixel centres at integers; points that are not visible are left out."""
        for x, y in shares:
            if np.isfinite((x, y)).all():
                yield float(x) * width - 0.5, float(y) * height - 0.5

    match type(label).__name__:
        case "Detection":
            x, y, across, down = label.bounding_box
            (left, top), (right, bottom) = points([(x, y), (x + across, y + down)])
            return (Box(left, top, right, bottom),)
        case "Keypoint":
            return tuple(Click(x, y) for x, y in points(label.points))
        case "Polyline":
            return tuple(Scribble(tuple(points(line))) for line in label.points)
        case other:
            raise PromptError(f"a label of type {other} is not a prompt; give Detections, Keypoints or Polylines")


def _segmented(path: str, labels: Any, segmenter: Segmenter) -> list[tuple[Label, BoolMask]]:
    """The labels of an image, each with its mask."""
    name = type(labels).__name__
    if name not in _LISTS:
        raise PromptError(f"{path} has labels of type {name}, wanted {', '.join(_LISTS)}; choose another field")
    listed = labels[name.lower()]
    encoded = segmenter.encode(as_readonly_rgb(path))
    try:
        queries = [Query(encoded, prompts_from_label(each, encoded.size)) for each in listed]
    except InputError as error:
        raise type(error)(f"{path}: {error}") from error
    return [(label, each.mask) for label, each in zip(listed, segmenter.segment(queries), strict=True)]


def _detection(fiftyone: Any, label: Label, mask: BoolMask) -> Any:
    """A detection with a mask, and all else that the label says; without a mask, its own box."""
    detection = label.copy() if isinstance(label, fiftyone.Detection) else fiftyone.Detection(label=label.label)
    if not mask.any():
        return detection
    left, top, right, bottom = edges_of(mask)
    height, width = mask.shape
    detection.bounding_box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
    detection.mask, detection.mask_path = mask[top:bottom, left:right], None
    return detection
