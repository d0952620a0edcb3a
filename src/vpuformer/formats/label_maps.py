"""Writer of label maps: one an image, and `labels.txt` with the names of the values."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from vpuformer.errors import InputError
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.output import Output, Written
from vpuformer.formats.pixels import map_png

NAMES = "labels.txt"


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str]) -> Written:
    """Write `IMAGE.png`, in which every pixel has the number of its label, or 0.

    The first label is 1. Up to 253 labels make a palette of 8 bits (one value is kept for objects without a label, and
    readers ignore 255), more of them grey of 16 bits. Where objects overlap, the later one wins.

    Raises:
        InputError: the disk does not take a file, an object has an unknown label, or there are more
            than 65,534.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    if len(labels) >= np.iinfo(np.uint16).max:
        raise InputError(f"a label map holds 65,534 labels, these are {len(labels)}; use the format coco")
    kind = np.uint8 if len(labels) + 1 < np.iinfo(np.uint8).max else np.uint16
    lost, alike = Affected(), Affected()
    for image in images:
        values = np.zeros((image.height, image.width), kind)
        seen = set()
        for thing in image.masks():
            before = values[thing.mask]
            if not before.size:
                output.leave_out(image.image)
                continue
            value = numbers.of(thing.label, image.image) + 1
            alike.add(image.image, value in seen)
            seen.add(value)
            lost.add(image.image, int(np.count_nonzero((before != 0) & (before != value))))
            values[thing.mask] = value
            output.objects += 1
        output.write(f"{output.stem(image.image)}.png", map_png(values))
    names = ["0 background", *(f"{value} {name}" for value, name in enumerate(numbers.names, 1))]
    output.write(NAMES, "".join(f"{line}\n" for line in names).encode())
    output.note(numbers.note())
    if lost:
        output.note(
            f"Where objects of different labels overlap, {lost.of('pixel')} went to the later one: {lost.images}."
        )
    shared = "shared the label of another one on the same image, and a label map does not separate them"
    output.note(alike.note("object", shared))
    return output.done()
