"""Writer of YOLO segmentation: `labels/IMAGE.txt`, a line an object, and `data.yaml`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from vpuformer.arrays import BoolMask
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.bridges import joined
from vpuformer.formats.contours import parts_of
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.output import Output, Written
from vpuformer.geometry import Crop

FILE = "data.yaml"

_HEAD = "# The images belong into a folder `images` beside `labels`, in the same folders and under the same names.\n"


def write(images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str]) -> Written:
    """Write each object as the number of its label, from 0, and the x and y of its corners.

    Coordinates are shares of the width and height, 0 at the left and upper edge of the image and 1 at the other, with
    digits enough for a hundredth of a pixel. Holes and several parts are joined to one outline by bridges without
    width. Filled by the even-odd rule at pixel centres, every outline reproduces its mask exactly. The IoU with what
    `cv2.fillPoly` draws, as training programs do, is measured and reported.

    Raises:
        InputError: the disk does not take a file, or an object has an unknown label.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    bridged = Affected()
    worst, where = 1.0, ""
    for image in images:
        size = np.array([image.width, image.height])
        digits = max(6, len(str(size.max())) + 2)
        lines = []
        for thing in image.masks():
            contours = [contour for part in parts_of(thing.mask) for contour in part.contours]
            if not contours:
                output.leave_out(image.image)
                continue
            bridged.add(image.image, len(contours) > 1)
            outline = np.round(joined(contours) / size, digits)
            agreement = drawn_agreement(outline * size, thing.mask)
            if agreement < worst:
                worst, where = agreement, f"object {thing.id} of {image.image}"
            words = [
                str(numbers.of(thing.label, image.image)),
                *(_short(value, digits) for value in outline.ravel().tolist()),
            ]
            lines.append(" ".join(words))
            output.objects += 1
        output.write(f"labels/{output.stem(image.image)}.txt", "".join(f"{line}\n" for line in lines).encode())
    names = dict(enumerate(numbers.names))
    content = yaml.safe_dump({"train": "images", "val": "images", "names": names}, allow_unicode=True, sort_keys=False)
    output.write(FILE, (_HEAD + content).encode())
    output.note(numbers.note())
    joint = "with holes or several parts became one outline each, joined by bridges without width"
    output.note(bridged.note("object", joint))
    if where:
        output.note(
            "Programs that paint the outline too, as cv2.fillPoly does, make masks that are up to a pixel larger at"
            f" the right and below: the IoU with the masks is at least {worst:.3f} ({where})."
        )
    if output.renamed:
        output.note(
            "YOLO finds labels by the name of the image without its ending: rename one of the images that share"
            f" it, or it is given the labels of the other: {output.renamed.images}."
        )
    return output.done()


def drawn_agreement(outline: npt.NDArray[np.float64], mask: BoolMask) -> float:
    """IoU of a non-empty mask with its outline, (x, y), shape (n, 2), drawn by `cv2.fillPoly`."""
    box = Crop.around(mask)
    assert box is not None
    # The outline that is drawn reaches one pixel further.
    wanted = mask[box.top : box.top + box.height + 1, box.left : box.left + box.width + 1]
    drawn = np.zeros(wanted.shape, np.uint8)
    cv2.fillPoly(drawn, [np.rint(outline - (box.left, box.top)).astype(np.int32)], (1,))
    return float(np.count_nonzero(wanted & (drawn > 0)) / np.count_nonzero(wanted | (drawn > 0)))


def _short(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
