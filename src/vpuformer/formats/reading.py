"""Objects of an image from a file of any format in `FORMATS`, or from a mask.

The first format that claims the files reads them. Guesses and omissions are reported.
"""

from collections.abc import Iterator, Sequence

from vpuformer.arrays import Size
from vpuformer.errors import MaskError
from vpuformer.formats.bundle import AddNote, Bundle, LabelAndMask, TargetImage
from vpuformer.formats.registry import FORMATS


def read_objects(
    content: bytes,
    image: str,
    size: Size,
    *,
    name: str = "",
    labels: Sequence[str] = (),
    others: Sequence[str] = (),
    on_note: AddNote = lambda _: None,
) -> Iterator[LabelAndMask]:
    """The objects of an image, decoded one by one: label or None, and mask, bool (H, W).

    Args:
        content: of a mask or a map of labels, of a file of COCO, LabelMe or YOLO, or of a zip archive with the files
            of an export in any of the formats.
        image: path of the image within its folder, with forward slashes.
        name: of the file, if it is known.
        labels: all labels there are, in their order, for files that number them and do not name them.
        others: paths of all images of the folder, so that masks of another image are refused.
        on_note: called with a sentence for every guess and for what was left out.

    Raises:
        MaskError: the content is none of these, broken, of another image or size, or no object of this image is in it.
    """
    bundle = Bundle(content, name)
    target = TargetImage(image, size, labels, others)
    for entry in FORMATS.values():
        if entry.claims(bundle):
            return entry.read(bundle, target, on_note)
    raise MaskError(
        "the file is of no format that is read; give a mask or a map of labels as an image, annotations as JSON of COCO"
        " or LabelMe or as text of YOLO, or a zip archive of an export"
    )
