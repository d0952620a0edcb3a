"""Masks in the formats of the field: written, and read again.

* `AnnotatedPicture`, `LabelledMask`: what is written;
* `FORMATS`, `export`: every format by its name, and the way to write a folder of it, all or nothing;
* `read_objects`: the objects of one picture from a file of any of them, or from a mask;
* `read_coco_masks`, `iter_coco_masks`: masks of one picture from a COCO file;
* `parts_of`: a mask as polygons that enclose its very pixels.

What each format holds and loses is in `docs/formats.md`.
"""

from vpuformer.formats.coco_reading import iter_coco_masks, read_coco_masks
from vpuformer.formats.contours import Part, parts_of
from vpuformer.formats.output import Written
from vpuformer.formats.picture import AnnotatedPicture, LabelledMask
from vpuformer.formats.reading import read_objects
from vpuformer.formats.registry import FORMATS, Format, export, find_format

__all__ = [
    "FORMATS",
    "AnnotatedPicture",
    "Format",
    "LabelledMask",
    "Part",
    "Written",
    "export",
    "find_format",
    "iter_coco_masks",
    "parts_of",
    "read_coco_masks",
    "read_objects",
]
