"""Writer of PASCAL VOC: maps of labels and objects, boxes as XML, and the list of images."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from vpuformer.errors import InputError
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.naming import without_controls
from vpuformer.formats.output import Output, Written
from vpuformer.formats.pixels import map_png
from vpuformer.geometry import Crop

LIST = "ImageSets/Segmentation/all.txt"
NAMES = "labels.txt"

MOST = 254
"""Largest number of labels, and of objects an image: 255 is the ignored border, which is not written."""


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str]) -> Written:
    """Write the maps of classes and objects, `Annotations`, `ImageSets` and `labels.txt`.

    Where objects overlap, the later one wins in both maps. A box is that of the whole object all the same; as in VOC
    it counts pixels from 1 and names the first and the last one.

    Raises:
        InputError: the disk does not take a file, an object has an unknown label, or there are more
            than 254 labels, or objects on an image.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    lost, hidden = Affected(), Affected()
    stems = []
    for image in images:
        classes = np.zeros((image.height, image.width), np.uint8)
        objects = np.zeros_like(classes)
        boxes: list[tuple[str, Crop]] = []
        for thing in image.masks():
            box = Crop.around(thing.mask)
            if box is None:
                output.leave_out(image.image)
                continue
            label = numbers.of(thing.label, image.image)
            boxes.append((numbers.names[label], box))
            if len(boxes) > MOST or label >= MOST:
                what = f"{len(numbers.names)} labels" if label >= MOST else f"more objects on {image.image}"
                raise InputError(f"maps of PASCAL VOC hold {MOST} of a kind, and there are {what}; use the format coco")
            lost.add(image.image, int(np.count_nonzero(objects[thing.mask])))
            classes[thing.mask], objects[thing.mask] = label + 1, len(boxes)
            output.objects += 1
        pixels = cv2.calcHist([objects], [0], None, [256], [0, 256])  # of each object; np.bincount copies to int64
        hidden.add(image.image, len(boxes) - int(np.count_nonzero(pixels[1:])))
        stem = output.stem(image.image)
        stems.append(stem)
        output.write(f"SegmentationClass/{stem}.png", map_png(classes))
        output.write(f"SegmentationObject/{stem}.png", map_png(objects))
        output.write(f"Annotations/{stem}.xml", _annotation(image, boxes))
    output.write(LIST, _lines(stems))
    output.write(NAMES, _lines(["0 background", *(f"{value} {name}" for value, name in enumerate(numbers.names, 1))]))
    output.note(numbers.note())
    if lost:
        output.note(f"Where objects overlap, {lost.of('pixel')} went to the later one: {lost.images}.")
    output.note(hidden.note("object", "lay wholly under later ones, and only the box is left"))
    return output.done()


def _annotation(image: AnnotatedImage, boxes: list[tuple[str, Crop]]) -> bytes:
    folder, _, name = image.image.rpartition("/")
    root = ElementTree.Element("annotation")
    _add(root, folder=folder, filename=name)
    _add(ElementTree.SubElement(root, "size"), width=image.width, height=image.height, depth=3)
    _add(root, segmented=1)
    for label, box in boxes:
        thing = ElementTree.SubElement(root, "object")
        _add(thing, name=label, pose="Unspecified", truncated=0, difficult=0)
        bounds = ElementTree.SubElement(thing, "bndbox")
        _add(bounds, xmin=box.left + 1, ymin=box.top + 1, xmax=box.left + box.width, ymax=box.top + box.height)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8") + b"\n"


def _add(parent: ElementTree.Element, **texts: str | int) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = without_controls(str(text))


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
