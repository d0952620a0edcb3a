"""Reader of COCO: masks and boxes, from any program."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from vpuformer.arrays import Size
from vpuformer.errors import counted
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.coco_file import CocoFile
from vpuformer.formats.coco_masks import decode_mask
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    Found,
    FoundImage,
    FoundObject,
    FoundTags,
    LabelAndMask,
    LeftOut,
    Remark,
    TargetImage,
    check_size,
    found_box,
)
from vpuformer.formats.matching import match_image


def read_coco_masks(source: str | Path | bytes, image: str, size: Size | None = None) -> list[LabelAndMask]:
    """`iter_coco_masks` as a list."""
    return list(iter_coco_masks(source, image, size))


def iter_coco_masks(
    source: str | Path | bytes,
    image: str,
    size: Size | None = None,
    *,
    others: Sequence[str] = (),
    on_note: AddNote | None = None,
) -> Iterator[LabelAndMask]:
    """The objects of an image, decoded one by one: category name and mask, bool (H, W).

    The image is found by its name (`vpuformer.formats.matching`). Crowds (`iscrowd`), annotations without a
    segmentation and empty masks are left out, as in training.

    Args:
        source: path of a JSON file, or its content.
        image: path within the folder of images, with forward slashes.
        size: (height, width) of the image, if it is to be checked.
        others: paths of all images of the folder, so that masks of another image are refused.
        on_note: called with a sentence for a guess about the image, and, after the last mask, for what was left out.

    Raises:
        MaskError: the file is missing, not COCO, or has nothing about this image; a mask is broken or of another
            size.
    """
    file = CocoFile(source)
    number, guess = match_image(image, file.file_names, file.name, others)
    shape = file.size(number)
    if size is not None:
        _check_size(file, number, TargetImage(image, size))
    add_note = on_note or (lambda _: None)
    if guess is not None:
        add_note(guess)
    for found in file.objects(number):
        yield found.category, decode_mask(found.runs, shape)
    for note in file.notes:
        add_note(note)
    if file.nameless:
        add_note(
            f"{counted(file.nameless, 'object')} in {file.name} without a label: 'categories' lacks their category"
        )


def claims(bundle: Bundle) -> bool:
    """Whether there is a JSON file with `images` or `annotations`."""
    return bool(_files(bundle))


def read(bundle: Bundle) -> Annotations:
    """The images of all COCO files.

    Raises:
        MaskError: a file is broken.
    """
    images: list[FoundImage] = []
    labels: dict[str, None] = {}
    names = _files(bundle)
    for name in names:
        file = CocoFile(bundle.json(name), "the COCO file" if bundle.alone else name)
        labels |= dict.fromkeys(file.categories)
        images += [
            FoundImage(path, partial(_objects, file, number), id=file.image_id(number) if len(names) == 1 else None)
            for number, path in enumerate(file.file_names)
        ]
    return Annotations(
        "the COCO file" if bundle.alone else names[0] if len(names) == 1 else bundle.whole, images, [*labels]
    )


def _files(bundle: Bundle) -> list[str]:
    others = {*bundle.jsons(dict, "data")}  # one task of Label Studio, which has `annotations` too
    return sorted({*bundle.jsons(dict, "annotations"), *bundle.jsons(dict, "images")} - others)


def _objects(file: CocoFile, number: int, target: TargetImage, _: AddNote) -> Iterator[Found]:
    _check_size(file, number, target)
    before = file.left_out.copy()
    nameless = file.nameless
    if tags := file.tags(number):
        yield FoundTags(tags)
    for found in file.objects(number, boxes=True):
        identity = None if found.id is None else str(found.id)
        if found.box is None:
            mask = decode_mask(found.runs, target.size)
            yield FoundObject(found.category, mask, identity, attributes=found.attributes)
        else:
            x, y, width, height = found.box
            boxed = found_box(found.category, (x, y, x + width, y + height), target.size, identity)
            more = {"points": found.keypoints, "attributes": found.attributes}
            yield boxed if isinstance(boxed, LeftOut) else boxed._replace(**more)
    for why, count in (file.left_out - before).items():
        yield LeftOut("annotation", why, count)
    if file.nameless > nameless:
        yield Remark("object", "without a label: 'categories' lacks their category", file.nameless - nameless)


def _check_size(file: CocoFile, number: int, target: TargetImage) -> None:
    check_size(file.size(number), target, file.name)
