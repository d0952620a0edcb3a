"""Reader of PASCAL VOC: maps of objects, or boxes."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np

from vpuformer.formats.bundle import Bundle, without_ending
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    Found,
    FoundImage,
    FoundObject,
    Ignored,
    LeftOut,
    TargetImage,
    check_size,
    found_box,
)
from vpuformer.formats.label_map_reading import label_names, meaning_in, read_pixels
from vpuformer.formats.xml_tree import number, parse_xml, root_of
from vpuformer.images import read_labels

_OBJECTS, _CLASSES, _BOXES = "SegmentationObject", "SegmentationClass", "Annotations"
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def claims(bundle: Bundle) -> bool:
    """Whether there is a folder `SegmentationObject` with maps, or a file of XML with boxes."""
    maps = not bundle.alone and bool(bundle.under(_OBJECTS, ".png"))
    return maps or any(root_of(bundle, name) == "annotation" for name in _xmls(bundle)[:1])


def read(bundle: Bundle) -> Annotations:
    """One image a map of objects; images without a map have the boxes of their XML file.

    Labels of a map come from the list of boxes, else from the map of classes with the names in `labels.txt`.
    """
    maps = [] if bundle.alone else bundle.under(_OBJECTS, ".png")
    stems = {path: without_ending(f"/{path}".partition(f"/{_OBJECTS}/")[2], ".png") for path in maps}
    names = dict(label_names(bundle))
    images = [FoundImage(stem, partial(_masks, bundle, path, names), stem=True) for path, stem in stems.items()]
    mapped = set(stems.values())
    for path in _xmls(bundle):
        stem = without_ending(f"/{path}".partition(f"/{_BOXES}/")[2] or path, ".xml")
        if stem not in mapped:
            images.append(_boxed_image(bundle, path, stem))
    labels = [name for value, name in sorted(names.items(), key=lambda item: item[0] or 0) if value]
    return Annotations(bundle.whole, images, labels)


def _xmls(bundle: Bundle) -> Sequence[str]:
    if bundle.alone:
        return bundle.names
    return bundle.under(_BOXES, ".xml") or bundle.under("", ".xml")


def _boxed_image(bundle: Bundle, path: str, stem: str) -> FoundImage:
    objects = partial(_boxes, bundle, path)
    if not bundle.alone:
        return FoundImage(stem, objects, stem=True)
    name = parse_xml(bundle.read(path), bundle.called(path)).findtext("filename")
    return FoundImage(PurePosixPath(name.replace("\\", "/")).name if name else None, objects, folder_known=False)


def _masks(
    bundle: Bundle, path: str, names: dict[int | None, str], target: TargetImage, add_note: AddNote
) -> Iterator[Found]:
    """One object a value of the map of objects; the border of 255 is ignored."""
    meaning = meaning_in(bundle, path, target.size)
    add_note(f"{path} was read as {meaning.taken}")
    stem = without_ending(path.replace(f"{_OBJECTS}/", f"{_BOXES}/", 1), ".png")
    boxes = next((name for name in (f"{stem}.xml", f"{stem}.XML") if name in bundle), None)
    root = ElementTree.Element("annotation") if boxes is None else parse_xml(bundle.read(boxes), boxes)
    listed = [thing.findtext("name") for thing in root.findall("object")]
    maps_of_classes = path.replace(f"{_OBJECTS}/", f"{_CLASSES}/", 1)
    classes = None
    if maps_of_classes in bundle:
        content = bundle.read(maps_of_classes)
        classes = read_pixels(content, maps_of_classes, lambda file: read_labels(file, target.size))
    seen = 0
    for value, mask in meaning.objects():
        number = meaning.label if value is None else value
        label = listed[number - 1] if number is not None and 0 < number <= len(listed) else None
        if label is None and classes is not None:
            values, counts = np.unique(classes[mask], return_counts=True)
            label = names.get(int(values[counts.argmax()])) if len(values) else None
        seen += bool(mask.any())
        yield FoundObject(label, mask)
    if seen < len(listed):
        yield LeftOut("box", "without a pixel", len(listed) - seen)
    if meaning.ignored is not None:
        yield Ignored(meaning.ignored)


def _boxes(bundle: Bundle, path: str, target: TargetImage, _: AddNote) -> Iterator[Found]:
    """The boxes of an XML file, which count pixels from 1 and name the first and the last one."""
    called = bundle.called(path)
    root = parse_xml(bundle.read(path), called)
    size = root.find("size")
    if size is not None and size.findtext("width") not in (None, "0"):
        check_size((number(size, "height", called), number(size, "width", called)), target, called)
    for index, thing in enumerate(root.findall("object"), 1):
        box = thing.find("bndbox")
        if box is None:
            yield LeftOut("object", "without a box")
            continue
        x0, y0, x1, y1 = (number(box, edge, f"object {index} of {called}") for edge in _EDGES)
        yield found_box(thing.findtext("name"), (x0 - 1, y0 - 1, x1, y1), target.size)
