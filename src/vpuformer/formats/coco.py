"""Writer of COCO: `annotations.json`, with masks as compressed run lengths or polygons."""

import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as rle

from vpuformer.arrays import BoolMask
from vpuformer.errors import InputError
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.contours import parts_of
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.output import Output, Written
from vpuformer.geometry import Crop

FILE = "annotations.json"


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str], *, polygons: bool = False) -> Written:
    """Write all objects of all images into one file.

    Images and annotations have the ids they came with, categories are numbered by their label, from 1. With `polygons`,
    a mask is written so if pycocotools decodes it to the same mask; a mask with a hole never is, since COCO's polygons
    have no holes.

    Raises:
        InputError: the disk does not take the file, an object has an unknown label, or two images or
            two objects have one id.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    entries: dict[int, dict[str, Any]] = {}
    annotations: dict[int, dict[str, Any]] = {}
    in_runs = Affected()
    for image in images:
        if image.id in entries:
            raise InputError(f"{image.image} has the id {image.id} of {entries[image.id]['file_name']}")
        entries[image.id] = {
            "id": image.id,
            "file_name": image.image,
            "width": image.width,
            "height": image.height,
        }
        output.images += 1
        for thing in image.masks():
            if thing.id in annotations:
                raise InputError(f"two objects have the id {thing.id}, the second one on {image.image}")
            runs = _runs(thing.mask)
            outlines = _polygons(thing.mask, runs) if polygons else None
            in_runs.add(image.image, polygons and outlines is None)
            box = Crop.around(thing.mask)
            annotations[thing.id] = {
                "id": thing.id,
                "image_id": image.id,
                "category_id": numbers.of(thing.label, image.image) + 1,
                "segmentation": runs if outlines is None else outlines,
                "area": int(np.count_nonzero(thing.mask)),
                "bbox": [0, 0, 0, 0] if box is None else [box.left, box.top, box.width, box.height],
                "iscrowd": 0,
            }
            output.objects += 1
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(numbers.names, 1)]
    content = {
        "info": {"description": "Masks drawn with VPUFormer"},
        "licenses": [],
        "images": list(entries.values()),
        "annotations": list(annotations.values()),
        "categories": categories,
    }
    output.write(FILE, json.dumps(content).encode())
    output.note(numbers.note())
    why = "have holes or no pixels, which COCO's polygons cannot hold, and were written as run lengths"
    output.note(in_runs.note("object", f"of {len(annotations):,} {why}"))
    return output.done()


def _runs(mask: BoolMask) -> dict[str, Any]:
    columns: Any = cv2.transpose(mask.view(np.uint8))  # pycocotools reads columns; NumPy would turn them slowly
    encoded: Any = rle.encode(columns.T)
    return {"size": list(mask.shape), "counts": encoded["counts"].decode("ascii")}


def _polygons(mask: BoolMask, runs: dict[str, Any]) -> list[list[int]] | None:
    """The outlines x, y, x, y, ..., if they say the same as the run lengths."""
    parts = parts_of(mask)
    if not parts or any(part.holes for part in parts):
        return None
    outlines = [part.outer.ravel().tolist() for part in parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pycocotools 2.0 with NumPy 2
        drawn: Any = rle.merge(rle.frPyObjects(outlines, *mask.shape))
    return outlines if drawn["counts"].decode("ascii") == runs["counts"] else None
