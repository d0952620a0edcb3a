"""Annotations in files of any format that is read.

The first format that claims the files reads them. Guesses and omissions are reported.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vpuformer.arrays import Size
from vpuformer.errors import MaskError, counted
from vpuformer.formats import cvat_reading, label_studio_reading
from vpuformer.formats.assignment import assign
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.foreign import what_it_is
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    FoundImage,
    FoundObject,
    FoundTags,
    Ignored,
    LabelAndMask,
    LeftOut,
    TargetImage,
)
from vpuformer.formats.matching import match_image, match_stem, plain_name
from vpuformer.formats.registry import FORMATS
from vpuformer.prompts import Box


class Reader(NamedTuple):
    """A format that is read and not written."""

    title: str
    claims: Callable[[Bundle], bool]
    read: Callable[[Bundle], Annotations]


READ_ONLY: Mapping[str, Reader] = {
    "cvat": Reader("CVAT", cvat_reading.claims, cvat_reading.read),
    "label_studio": Reader("Label Studio", label_studio_reading.claims, label_studio_reading.read),
}
"""Formats by name. They are asked before those of `FORMATS`, which claim more."""


def read_annotations(bundle: Bundle) -> tuple[str, Annotations]:
    """The title of the format of files, and the images in them.

    Raises:
        MaskError: the files are of no format that is read, or broken.
    """
    for entry in (*READ_ONLY.values(), *FORMATS.values()):
        if entry.claims(bundle):
            return entry.title, entry.read(bundle)
    raise MaskError(
        f"{what_it_is(bundle)}; give annotations as JSON of COCO, LabelMe or Label Studio, as XML of CVAT or PASCAL"
        " VOC, or as text of YOLO, a mask or a map of labels as an image, or an archive of such files"
    )


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
    """The masks of an image, decoded one by one: label or None, and mask, bool (H, W).

    Objects with a box and no mask are left out.

    Args:
        content: of a mask or a map of labels, of a file of annotations, or of a zip archive with such files.
        image: path of the image within its folder, with forward slashes.
        name: of the file, if it is known.
        labels: all labels there are, in their order, for files that number them and do not name them.
        others: paths of all images of the folder, so that masks of another image are refused.
        on_note: called with a sentence for every guess and for what was left out.

    Raises:
        MaskError: the content is none of these, broken, of another image or size, or no object of this image is in it.
    """
    boxes = 0
    for found in objects_of(Bundle(content, name), TargetImage(image, size, labels, others), on_note):
        if isinstance(found, FoundTags):
            continue
        if isinstance(found.shape, Box):
            boxes += 1
        else:
            yield found.label, found.shape
    if boxes:
        on_note(f"{counted(boxes, 'box')} left out: without a mask")


def objects_of(bundle: Bundle, target: TargetImage, on_note: AddNote) -> Iterator[FoundObject | FoundTags]:
    """The objects and tags of one image; see `read_objects`."""
    _, annotations = read_annotations(bundle)
    counts: Counter[tuple[type, str, str]] = Counter()
    for entry in _entries_of(annotations, target, on_note):
        for found in entry.objects(target, on_note):
            if isinstance(found, FoundObject | FoundTags):
                yield found
            elif not isinstance(found, Ignored):
                counts[type(found), found.thing, found.why] += found.number
    for (kind, thing, why), number in counts.items():
        on_note(f"{counted(number, thing)} {'left out: ' if kind is LeftOut else ''}{why}")


def _entries_of(annotations: Annotations, target: TargetImage, on_note: AddNote) -> list[FoundImage]:
    """The entries of the one image in files that matches."""
    images = annotations.images
    if len(images) == 1 and images[0].name is None:
        if not images[0].folder_known:
            on_note(f"{annotations.called} does not say of which image it is")
        return list(images)
    # Masks of single objects, such as a_1.png of a.jpg, have other names than their image.
    masks = [image for image in images if image.mask]
    if own := masks and assign(masks, [target.image, *target.others]).of_image.get(target.image):
        return own
    names = list(dict.fromkeys(image.name or "" for image in images))
    match = match_stem if any(image.stem for image in images) else match_image
    wanted, others = target.image, target.others
    if not all(image.folder_known for image in images):
        wanted = wanted.rpartition("/")[2]
        others = [last for other in others if (last := other.rpartition("/")[2]) != wanted]
    index, note = match(wanted, names, annotations.called, others)
    if note is not None:
        on_note(note)
    return [image for image in images if plain_name(image.name or "") == plain_name(names[index])]
