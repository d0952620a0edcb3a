"""Writer of label volumes in the geometry of their images, as NIfTI or TIFF."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vpuformer.errors import InputError
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.output import Output, Written
from vpuformer.formats.volume_sources import Source, sources_of

INDEX = "volumes.json"
LABELS, OBJECTS = "labels", "objects"

MOST = np.iinfo(np.uint16).max
"""Largest number of labels, and of objects in a file."""


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str], root: Path | None = None) -> Written:
    """Write `labels/FILE` and `objects/FILE` for each file of images.

    `volumes.json` says what their values mean. In `labels` a voxel has the number of its label, from 1, in `objects`
    that of its object within the file; 0 is background. Where objects overlap, the later one wins in both.

    Args:
        root: the folder of the images, whose files give the geometry. Without it each image is a TIFF of its own.

    Raises:
        InputError: the disk does not take a file, an object has an unknown label, or there are more
            than 65,535 labels, or objects in a file.
        MissingDependencyError: a file needs the extra `medical`.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    lost, gone = Affected(), Affected()
    count, files = 0, []
    sources, missing = sources_of(images, root)
    for image in missing:
        gone.add(image)
    for source, members in sources:
        files.append(_write(source, members, output, numbers, lost))
        for note in source.notes:
            output.note(note)
        count += len(members)
    output.images = count
    names = {0: "background"} | dict(enumerate(numbers.names, 1))
    output.write(INDEX, json.dumps({"labels": names, "files": files}, indent=1).encode())
    output.note(numbers.note())
    if lost:
        output.note(f"Where objects overlap, {lost.of('pixel')} went to the later one: {lost.images}.")
    output.note(gone.note("image", "whose file is gone or has another size, written as a TIFF without a geometry"))
    return output.done()


def _write(
    source: Source, images: Sequence[AnnotatedImage], output: Output, numbers: LabelNumbers, lost: Affected
) -> dict[str, Any]:
    """Write both volumes of a source, and return its entry of the index."""
    classes, objects = source.empty(np.uint16), source.empty(np.uint16)
    value, slices = 0, []
    for image in images:
        labels_here, objects_here = source.view(classes, image), source.view(objects, image)
        listed = []
        for thing in image.masks():
            before = objects_here[thing.mask]
            if not before.size:
                output.leave_out(image.image)
                continue
            value, label = value + 1, numbers.of(thing.label, image.image) + 1
            if value > MOST or label > MOST:
                raise InputError(f"label volumes hold {MOST:,} labels, and objects a file; use the format coco")
            lost.add(image.image, int(np.count_nonzero(before)))
            labels_here[thing.mask], objects_here[thing.mask] = label, value
            listed.append({"value": value, "label": thing.label, "id": thing.id})
            output.objects += 1
        slices.append({"image": image.image, **source.where(image), "objects": listed})
    file = f"{output.stem(source.name)}{source.ending}"
    output.write(f"{LABELS}/{file}", source.encode(_smallest(classes)))
    output.write(f"{OBJECTS}/{file}", source.encode(_smallest(objects)))
    return {"file": file, "slices": slices}


def _smallest(volume: Any) -> Any:
    """The volume in 8 bits if its values fit; a list of pages as one."""
    pages = volume if isinstance(volume, list) else [volume]
    if max(int(page.max()) for page in pages) > np.iinfo(np.uint8).max:
        return volume
    small = [page.astype(np.uint8) for page in pages]
    return small if isinstance(volume, list) else small[0]
