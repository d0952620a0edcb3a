"""Import of annotations as objects of one image, from a file of any format."""

import numpy as np

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.schemas import ImportResult
from vpuformer.app.store import rle
from vpuformer.app.store.doubles import DOUBLE_IOU
from vpuformer.app.store.imports import ImportedObject
from vpuformer.errors import MaskError, counted, listed
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import FoundObject, FoundTags, TargetImage
from vpuformer.formats.labels import LONGEST_LABEL, one_line
from vpuformer.formats.reading import objects_of
from vpuformer.images.meaning import coverage
from vpuformer.prompts import Box

DOUBLE = f"the image has one with the same label and nearly the same mask (IoU of {DOUBLE_IOU} or more)"
"""Why an import leaves out an object that another one doubles."""

MAX_OBJECTS = 500
"""Maximum number of new objects on an image in one import."""


def import_masks(annotator: Annotator, image: int, content: bytes, label: int | None, name: str = "") -> ImportResult:
    """Create an object for every mask or box in `content`.

    The network answers boxes. Labels in the file are matched by name, and created if they are missing. An object that
    the image already has with the same label is skipped, also if its mask differs a little. Objects without a label in
    the file get `label`, an id. `name` is that of the file.

    Raises:
        NotFoundError: there is no such image or label.
        MaskError: the format is unknown, or the file has no object of this image, too many, or one of another size.
        StoreError: the store cannot be written; nothing of the file is stored.
    """
    opened, image_name = annotator.gallery.image(image), annotator.gallery.name(image)
    size, labels = (opened.height, opened.width), [row.name for row in annotator.store.labels()]
    default = None if label is None else annotator.store.label(label).name
    notes: list[str] = []
    # All objects are checked before the first one is stored, and only their encoded form is held.
    objects: list[ImportedObject] = []
    tags: list[str] = []
    empty, renamed = 0, dict[str, None]()
    target = TargetImage(image_name, size, labels, annotator.folder.names)
    for found in objects_of(Bundle(content, name), target, notes.append):
        if isinstance(found, FoundTags):
            tags += stored_tags(found)
            continue
        if len(objects) == MAX_OBJECTS:
            raise MaskError(f"this file has more than {MAX_OBJECTS} objects of {image_name}; split it")
        if is_empty(found):
            empty += 1
            continue
        objects.append(as_imported(found, default))
        if isinstance(found.shape, np.ndarray) and (remark := coverage(found.shape)) is not None:
            notes.append(f"object {len(objects)}: {remark}")
        if found.label is not None and (word := stored_label(found.label)) != found.label.strip():
            renamed[f"{found.label!r:.80} as {'no label' if word is None else repr(word):.80}"] = None
    if not objects and not tags:
        remarks = "".join(f" ({note})" for note in notes)
        said = f"{counted(empty, 'mask')} of {image_name} without a pixel" if empty else f"no mask of {image_name}"
        raise MaskError(f"this file has {said}{remarks}; give a mask or annotations of this image")
    if empty:
        notes.append(f"{counted(empty, 'mask')} without a pixel left out")
    imported = annotator.store.import_objects(image, objects, size=size, tags=tags)
    if tags:
        notes.append(f"tags of the image: {listed(tags)}")
    repeated = sum(each.outcome == "same" for each in imported)
    if repeated:
        notes.append(f"{counted(repeated, 'object')} skipped, which the image already has with the same label")
    doubles = sum(each.outcome == "double" for each in imported)
    if doubles:
        notes.append(f"{counted(doubles, 'object')} left out: {DOUBLE}")
    if renamed:
        notes.append(f"labels with another name than in the file: {listed(renamed)}")
    if any(each.waits for each in imported):
        annotator.boxes.look()
    made = [
        annotator.state(each.id, boxes_wait=True) for each in imported if each.outcome == "new" and each.id is not None
    ]
    return ImportResult(objects=made, notes=notes, tags=list(annotator.store.image(image).tags))


def is_empty(found: FoundObject) -> bool:
    """Whether an object is a mask without a pixel."""
    return isinstance(found.shape, np.ndarray) and not found.shape.any()


def as_imported(found: FoundObject, default: str | None = None, key: str | None = None) -> ImportedObject:
    """An object of a file as the store takes it.

    Args:
        default: label of an object that has none in the file.
    """
    label = default if found.label is None else stored_label(found.label)
    if isinstance(found.shape, Box):
        return ImportedObject(label, found.shape.bounds, key=key, attributes=found.attributes)
    mask, area = rle.encode(found.shape), int(np.count_nonzero(found.shape))
    return ImportedObject(label, mask, area, key, found.attributes)


def stored_tags(found: FoundTags) -> list[str]:
    """The tags of an image as the store takes them."""
    return [name for tag in found.tags if (name := stored_label(tag)) is not None]


def stored_label(category: str) -> str | None:
    """The name of a category as a label: text on one line, or None."""
    return one_line(category, LONGEST_LABEL)
