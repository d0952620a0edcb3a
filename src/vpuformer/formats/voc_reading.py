"""Reader of the maps of PASCAL VOC."""

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from vpuformer.errors import MaskError, counted
from vpuformer.formats.bundle import AddNote, Bundle, LabelAndMask, TargetImage
from vpuformer.formats.label_map_reading import label_names, meaning_in, read_pixels
from vpuformer.images import read_labels

_ROOT = re.compile(r"\s*(<\?xml[^>]{0,200}>\s*)?<annotation\b(?!s)")

_OBJECTS, _CLASSES, _BOXES = "SegmentationObject", "SegmentationClass", "Annotations"


def claims(bundle: Bundle) -> bool:
    """Whether there is a folder `SegmentationObject`, or it is one file of XML with boxes."""
    if bundle.alone:
        text = bundle.text(bundle.names[0])
        return text is not None and _ROOT.match(text) is not None
    return bool(bundle.under(_OBJECTS, ".png"))


def read(bundle: Bundle, target: TargetImage, add_note: AddNote) -> Iterator[LabelAndMask]:
    """One object a value of the map of objects, without the border of 255.

    Labels come from the list of boxes, else from the map of classes with the names in `labels.txt`.

    Raises:
        MaskError: there is no map of this image, or it is of another size; the file has boxes alone.
    """
    if bundle.alone:
        raise MaskError(
            f"{bundle.called(bundle.names[0])} holds boxes and no masks; give the map of {target.image} in"
            f" {_OBJECTS}, or an archive of all folders"
        )
    files = bundle.under(_OBJECTS, ".png")
    stems = {path: f"/{path}".partition(f"/{_OBJECTS}/")[2].removesuffix(".png") for path in files}
    name = bundle.file_of(target, stems, add_note)
    meaning = meaning_in(bundle, name, target.size)
    add_note(f"{name} was read as {meaning.taken}")
    listed = _names(bundle, name.replace(f"{_OBJECTS}/", f"{_BOXES}/", 1).removesuffix(".png") + ".xml")
    path = name.replace(f"{_OBJECTS}/", f"{_CLASSES}/", 1)
    classes = None
    if path in bundle.names:
        classes = read_pixels(bundle.read(path), path, lambda file: read_labels(file, target.size))
    names, seen = label_names(bundle), 0
    for value, mask in meaning.objects():
        number = meaning.label if value is None else value
        label = listed[number - 1] if number is not None and 0 < number <= len(listed) else None
        if label is None and classes is not None:
            values, counts = np.unique(classes[mask], return_counts=True)
            label = names.get(int(values[counts.argmax()])) if len(values) else None
        seen += bool(mask.any())
        yield label, mask
    if seen < len(listed):
        add_note(f"{counted(len(listed) - seen, 'box')} without a pixel left out")


def _names(bundle: Bundle, path: str) -> Sequence[str | None]:
    if path not in bundle.names:
        return []
    content = bundle.read(path)

    def refuse(*_: object) -> None:  # declarations can make a short file a text that fills the memory
        raise MaskError(f"{path} holds a declaration of XML (<!...), which files of PASCAL VOC do not have; remove it")

    try:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = refuse
        parser.Parse(content, True)
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, MaskError):
            raise
        raise MaskError(f"{path} is not XML: {error}") from error
    return [thing.findtext("name") for thing in root.findall("object")]
