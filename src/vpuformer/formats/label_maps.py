"""One map of labels a picture, and `labels.txt`, which names the values."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from vpuformer.errors import InputError
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.messages import Tally
from vpuformer.formats.output import Output, Written
from vpuformer.formats.picture import AnnotatedPicture
from vpuformer.formats.pixels import map_png

NAMES = "labels.txt"


def write(pictures: Iterable[AnnotatedPicture], folder: Path, labels: Sequence[str]) -> Written:
    """Write `PICTURE.png`, in which every pixel has the number of its label, and 0 where nothing is.

    The first label is 1. Up to 254 labels make a palette of 8 bits (one value is kept for objects without a label),
    more of them grey of 16 bits. Where objects overlap, the later one wins.

    Raises:
        InputError: the disk does not take a file, an object has a label that is none of `labels`, or there are more
            than 65,534.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    if len(labels) >= np.iinfo(np.uint16).max:
        raise InputError(f"a label map holds 65,534 labels, these are {len(labels)}; use the format coco")
    kind = np.uint8 if len(labels) < np.iinfo(np.uint8).max else np.uint16
    lost, alike = Tally(), Tally()
    for picture in pictures:
        values = np.zeros((picture.height, picture.width), kind)
        seen = set()
        for thing in picture.masks():
            before = values[thing.mask]
            if not before.size:
                output.leave_out(picture.picture)
                continue
            value = numbers.of(thing.label, picture.picture) + 1
            alike.add(picture.picture, value in seen)
            seen.add(value)
            lost.add(picture.picture, int(np.count_nonzero((before != 0) & (before != value))))
            values[thing.mask] = value
            output.objects += 1
        output.write(f"{output.stem(picture.picture)}.png", map_png(values))
    names = ["0 background", *(f"{value} {name}" for value, name in enumerate(numbers.names, 1))]
    output.write(NAMES, "".join(f"{line}\n" for line in names).encode())
    output.note(numbers.note())
    if lost:
        output.note(
            f"Where objects of different labels overlap, {lost.of('pixel')} went to the later one: {lost.pictures}."
        )
    if alike:
        output.note(
            f"{alike.of('object')} shared the label of another one on the same picture, from which a map of labels"
            f" cannot tell them apart: {alike.pictures}."
        )
    return output.done()
