"""Masks in the formats of the field: written, and read again.

* `AnnotatedImage`, `LabelledMask`: what is written;
* `FORMATS`, `export`: every format by its name, and the way to write a folder of it, all or nothing;
* `read_objects`: the objects of one image from a file of any of them, or from a mask;
* `read_coco_masks`, `iter_coco_masks`: masks of one image from a COCO file;
* `parts_of`: a mask as polygons that enclose its very pixels.

What each format holds and loses is in `docs/formats.md`.
"""

from vpuformer.formats.annotated_image import AnnotatedImage, LabelledMask
from vpuformer.formats.coco_reading import iter_coco_masks, read_coco_masks
from vpuformer.formats.contours import Part, parts_of
from vpuformer.formats.output import Written
from vpuformer.formats.reading import read_objects
from vpuformer.formats.registry import FORMATS, Format, export, find_format

__all__ = [
    "FORMATS",
    "AnnotatedImage",
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
