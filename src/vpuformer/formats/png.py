"""Writer of one PNG an object, `IMAGE/0001_label.png`, with a list in `objects.json`."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.attributes import plain_values
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.naming import safe
from vpuformer.formats.output import Output, Written
from vpuformer.formats.pixels import mask_png

INDEX = "objects.json"


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str]) -> Written:
    """Write every mask as a PNG of 0 and 255, numbered from the lowest object to the topmost.

    Folders of a flat set are what `--dataset masks=FOLDER` reads as `FOLDER/masks`. Names of files hold the label as
    far as file systems allow; `objects.json` holds it as it is.

    Raises:
        InputError: the disk does not take a file, or an object has an unknown label.
    """
    output, known = Output(folder), LabelNumbers(labels)
    index = []
    for image in images:
        stem = output.stem(image.image)
        for number, thing in enumerate(image.masks(), 1):
            label = ""
            if thing.label is not None:
                known.of(thing.label, image.image)
                label = f"_{safe(thing.label)}"
            file = f"{stem}/{number:04d}{label}.png"
            output.write(file, mask_png(thing.mask))
            entry = {"file": file, "picture": image.image, "id": thing.id, "label": thing.label}
            index.append(entry | ({"attributes": plain_values(thing.attributes)} if thing.attributes else {}))
            output.objects += 1
    output.write(INDEX, json.dumps(index, indent=1).encode())
    return output.done()
