"""Reader of CVAT's XML for images, version 1.1.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/
"""

from collections.abc import Iterator, Set
from contextlib import suppress
from functools import partial
from typing import Any
from xml.etree import ElementTree

import numpy as np

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import InputError, MaskError
from vpuformer.formats.attributes import Attribute, Value, readable_values
from vpuformer.formats.bundle import MOST_DIGITS, Bundle
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    Found,
    FoundImage,
    FoundObject,
    FoundTags,
    LeftOut,
    TargetImage,
    check_size,
    found_box,
)
from vpuformer.formats.label_set import cvat_attribute
from vpuformer.formats.outlines import Corners, ellipse, filled, turned
from vpuformer.formats.xml_tree import number, parse_xml, root_of

_IGNORED = ("attribute", "tag")


Numbers = Set[tuple[str, str]]
"""Attributes that are numbers, by the names of their label and their own."""


def claims(bundle: Bundle) -> bool:
    """Whether there is a file of XML with `annotations`."""
    return any(root_of(bundle, name) == "annotations" for name in _files(bundle))


def read(bundle: Bundle) -> Annotations:
    """The images of all files.

    Raises:
        MaskError: a file is not XML, or of a video.
    """
    images: list[FoundImage] = []
    labels: dict[str, None] = {}
    attributes: dict[str, list[Attribute]] = {}
    for path in _files(bundle):
        if root_of(bundle, path) != "annotations":
            continue
        called = bundle.called(path)
        root = parse_xml(bundle.read(path), called)
        if root.find("track") is not None and root.find("image") is None:
            raise MaskError(f"{called} holds tracks of a video; export the task from CVAT as 'CVAT for images 1.1'")
        labels |= dict.fromkeys(label.text for label in root.iterfind("meta//labels/label/name") if label.text)
        own = _definitions(root)
        attributes |= own
        numbers = {(label, each.name) for label, found in own.items() for each in found if each.kind == "number"}
        for image in root.iterfind("image"):
            name = image.get("name")
            images.append(FoundImage(name, partial(_objects, image, numbers, f"image {name!r:.200} of {called}")))
    return Annotations(bundle.whole, images, [*labels], attributes)


def _files(bundle: Bundle) -> tuple[str, ...] | list[str]:
    return bundle.names if bundle.alone else bundle.under("", ".xml")


def _definitions(root: ElementTree.Element) -> dict[str, list[Attribute]]:
    """The attributes of each label; those that cannot be kept are left out."""
    found: dict[str, list[Attribute]] = {}
    for label in root.iterfind("meta//labels/label"):
        own = found.setdefault(label.findtext("name", ""), [])
        for each in label.iterfind("attributes/attribute"):
            name, kind, values = (each.findtext(key, "") for key in ("name", "input_type", "values"))
            with suppress(InputError):
                own.append(cvat_attribute(name, kind, values.split("\n") if values else []))
    return found


def _objects(
    image: ElementTree.Element, numbers: Numbers, called: str, target: TargetImage, _: AddNote
) -> Iterator[Found]:
    """The tags and shapes of an image, the lowest first. A box that is not turned is the box of an object.

    Raises:
        MaskError: the image has another size, or a shape is broken.
    """
    check_size((number(image, "height", called), number(image, "width", called)), target, called)
    if tags := [tag.get("label", "") for tag in image.iterfind("tag")]:
        yield FoundTags(tags)
    shapes = [(index, shape) for index, shape in enumerate(image, 1) if shape.tag not in _IGNORED]
    for index, shape in sorted(shapes, key=lambda item: _layer(item[1])):
        where = f"shape {index} of {called}"
        found = _object(shape, target.size, where)
        yield found._replace(attributes=_attributes(shape, numbers)) if isinstance(found, FoundObject) else found


def _attributes(shape: ElementTree.Element, numbers: Numbers) -> dict[str, Value]:
    values: dict[str, Any] = {"occluded": True} if shape.get("occluded") == "1" else {}
    for attribute in shape.iterfind("attribute"):
        name, text = attribute.get("name", ""), attribute.text or ""
        values[name] = text
        if (shape.get("label", ""), name) in numbers:
            with suppress(ValueError):
                values[name] = float(text)
    return readable_values(values)


def _layer(shape: ElementTree.Element) -> int:
    text = shape.get("z_order", "0")
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= MOST_DIGITS else 0


def _object(shape: ElementTree.Element, size: Size, where: str) -> Found:
    label, angle = shape.get("label"), number(shape, "rotation", where) if shape.get("rotation") else 0.0
    match shape.tag:
        case "box":
            x0, y0, x1, y1 = (number(shape, name, where) for name in ("xtl", "ytl", "xbr", "ybr"))
            if not angle % 360:
                return found_box(label, (x0, y0, x1, y1), size)
            corners = turned([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], angle, ((x0 + x1) / 2, (y0 + y1) / 2))
            return FoundObject(label, filled(corners, size, where))
        case "polygon":
            return FoundObject(label, filled(_points(shape, where), size, where))
        case "ellipse":
            x, y, rx, ry = (number(shape, name, where) for name in ("cx", "cy", "rx", "ry"))
            return FoundObject(label, filled(turned(ellipse((x, y), rx, ry), angle, (x, y)), size, where))
        case "mask":
            return FoundObject(label, _mask(shape, size, where))
        case _:
            return LeftOut(f"shape of type {shape.tag:.40}", "boxes, polygons, ellipses and masks are read")


def _points(shape: ElementTree.Element, where: str) -> Corners:
    text = shape.get("points", "")
    try:
        return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split(";"))]
    except ValueError:
        raise MaskError(f"{where}: points are x,y;x,y;..., got {text!r:.60}") from None


def _mask(shape: ElementTree.Element, size: Size, where: str) -> BoolMask:
    """A mask within a rectangle: runs of background and object by turns, row by row."""
    left, top, width, height = (int(number(shape, name, where)) for name in ("left", "top", "width", "height"))
    if not (0 <= left < left + width <= size[1] and 0 <= top < top + height <= size[0]):
        raise MaskError(
            f"{where}: its mask of {width}x{height} pixels at ({left}, {top}) leaves the image of {size[1]}x{size[0]};"
            " give the annotations of this very image"
        )
    text = shape.get("rle", "")
    try:
        runs = np.array([int(run) for run in text.split(",")], np.int64)
    except (ValueError, OverflowError):
        raise MaskError(f"{where}: run lengths are whole numbers with commas, got {text!r:.60}") from None
    if runs.min() < 0 or runs.max() > width * height or runs.sum() > width * height:
        raise MaskError(f"{where}: its run lengths do not fit a mask of {width}x{height} pixels")
    inner = np.zeros(width * height, np.bool_)
    filled_runs = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    inner[: len(filled_runs)] = filled_runs
    mask = np.zeros(size, np.bool_)
    mask[top : top + height, left : left + width] = inner.reshape(height, width)
    return mask
