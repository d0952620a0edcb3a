"""Writer of COCO: `annotations.json`, with masks as compressed run lengths or polygons."""

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from pycocotools import mask as rle

from vpuformer.arrays import BoolMask
from vpuformer.errors import InputError
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.attributes import plain_values
from vpuformer.formats.coco_masks import encode
from vpuformer.formats.contours import parts_of
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.output import Output, Written
from vpuformer.geometry import Crop

FILE = "annotations.json"


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str], *, polygons: bool = False) -> Written:
    """Write all objects of all images into one file, piece by piece.

    Attributes of objects are written as CVAT does. The `tags` of an image are an addition to COCO that other programs
    ignore.

    Memory holds one mask, and all ids. Images and annotations have the ids they came with, categories are numbered by
    their label, from 1. With `polygons`, a mask is written so if pycocotools decodes it to the same mask; a mask with a
    hole never is, since COCO's polygons have no holes.

    Raises:
        InputError: the disk does not take the file, an object has an unknown label, or two images or
            two objects have one id.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    image_ids, object_ids, in_runs = set[int](), set[int](), Affected()
    with output.writing(FILE) as file, tempfile.TemporaryFile(dir=folder) as annotations:
        file.write(b'{"info": {"description": "Masks drawn with VPUFormer"}, "licenses": [], "images": [')
        for image in images:
            if image.id in image_ids:
                raise InputError(f"{image.image} has the id {image.id} of another image; give each its own")
            entry: dict[str, Any] = {
                "id": image.id,
                "file_name": image.image,
                "width": image.width,
                "height": image.height,
            }
            if image.tags:
                entry["tags"] = list(image.tags)
            _append(file, entry, first=not image_ids)
            image_ids.add(image.id)
            output.images += 1
            for thing in image.masks():
                if thing.id in object_ids:
                    raise InputError(f"two objects have the id {thing.id}, the second one on {image.image}")
                runs = encode(thing.mask).decode("ascii")
                outlines = _polygons(thing.mask, runs) if polygons else None
                in_runs.add(image.image, polygons and outlines is None)
                box = Crop.around(thing.mask)
                annotation = {
                    "id": thing.id,
                    "image_id": image.id,
                    "category_id": numbers.of(thing.label, image.image) + 1,
                    "segmentation": {"size": list(thing.mask.shape), "counts": runs} if outlines is None else outlines,
                    "area": int(np.count_nonzero(thing.mask)),
                    "bbox": [0, 0, 0, 0] if box is None else [box.left, box.top, box.width, box.height],
                    "iscrowd": 0,
                }
                if thing.attributes:
                    annotation["attributes"] = plain_values(thing.attributes)
                _append(annotations, annotation, first=not object_ids)
                object_ids.add(thing.id)
                output.objects += 1
        file.write(b'], "annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
        categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(numbers.names, 1)]
        file.write(f'], "categories": {json.dumps(categories)}}}'.encode())
    output.note(numbers.note())
    why = "have holes or no pixels, which COCO's polygons cannot hold, and were written as run lengths"
    output.note(in_runs.note("object", f"of {output.objects:,} {why}"))
    return output.done()


def _append(file: IO[bytes], entry: dict[str, Any], *, first: bool) -> None:
    """Write an entry of a JSON list."""
    file.write((b"" if first else b", ") + json.dumps(entry).encode())


def _polygons(mask: BoolMask, runs: str) -> list[list[int]] | None:
    """The outlines x, y, x, y, ..., if they say the same as the run lengths."""
    parts = parts_of(mask)
    if not parts or any(part.holes for part in parts):
        return None
    outlines = [part.outer.ravel().tolist() for part in parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pycocotools 2.0 with NumPy 2
        drawn: Any = rle.merge(rle.frPyObjects(outlines, *mask.shape))
    return outlines if drawn["counts"].decode("ascii") == runs else None
