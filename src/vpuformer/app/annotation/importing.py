"""Import of masks as objects, from a file of any format that `vpuformer.formats` reads."""

import numpy as np

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.schemas import MAX_TEXT, ImportResult
from vpuformer.app.store import rle
from vpuformer.app.store.rows import NewMask, last_answered
from vpuformer.app.store.store import Store
from vpuformer.errors import InputError, MaskError, counted, listed
from vpuformer.formats import read_objects
from vpuformer.formats.labels import JOINERS, label_name
from vpuformer.images.meaning import coverage

MAX_OBJECTS = 500
"""Maximum number of new objects in one import."""


def import_masks(annotator: Annotator, image: int, content: bytes, label: int | None, name: str = "") -> ImportResult:
    """Create an object for every mask in `content`; see `vpuformer.formats.read_objects`.

    Labels in the file are matched by name, and created if they are missing. A mask that the image already has with the
    same label is skipped. Objects without a label in the file get `label`, an id. `name` is that of the file.

    Raises:
        NotFoundError: there is no such image or label.
        MaskError: the format is unknown, or the file has no mask of this image, too many, or one of another size.
        StoreError: the store cannot be written; nothing of the file is stored.
    """
    opened, image_name = annotator.gallery.image(image), annotator.gallery.name(image)
    size, labels = (opened.height, opened.width), [row.name for row in annotator.store.labels()]
    default = None if label is None else annotator.store.label(label).name
    existing = _existing(annotator.store, image)
    notes: list[str] = []
    # All masks are checked before the first one is stored, and only their encoded form is held.
    masks: list[NewMask] = []
    empty, repeated, renamed = 0, 0, dict[str, None]()
    others = annotator.folder.names
    for category, mask in read_objects(
        content, image_name, size, name=name, labels=labels, others=others, on_note=notes.append
    ):
        if len(masks) == MAX_OBJECTS:
            raise MaskError(f"this file has more than {MAX_OBJECTS} masks of {image_name}; split it")
        if not mask.any():
            empty += 1
            continue
        word = None if category is None else _label_name(category)
        encoded = rle.encode(mask)
        if (encoded, default if word is None else word) in existing:
            repeated += 1
            continue
        if (remark := coverage(mask)) is not None:
            notes.append(f"object {len(masks) + 1}: {remark}")
        if category is not None and word != category.strip():
            renamed[f"{category!r:.80} as {'no label' if word is None else repr(word):.80}"] = None
        masks.append(NewMask(encoded, int(np.count_nonzero(mask)), label if word is None else word))
    if not masks and not repeated:
        remarks = "".join(f" ({note})" for note in notes)
        found = f"{counted(empty, 'mask')} of {image_name} without a pixel" if empty else f"no mask of {image_name}"
        raise MaskError(f"this file has {found}{remarks}; give a mask or annotations of this image")
    if empty:
        notes.append(f"{counted(empty, 'mask')} without a pixel left out")
    if repeated:
        notes.append(f"{counted(repeated, 'mask')} skipped, which the image already has with the same label")
    if renamed:
        notes.append(f"labels with another name than in the file: {listed(renamed)}")
    return ImportResult(objects=annotator.add_masks(image, masks), notes=notes)


def _existing(store: Store, image: int) -> set[tuple[bytes, str | None]]:
    """Encoded mask and label name of every object of an image."""
    names = {row.id: row.name for row in store.labels()}
    existing = set[tuple[bytes, str | None]]()
    for listed_row in store.objects_of(image):
        row, steps = store.history(listed_row.id)
        index = last_answered(row, steps)
        answer = None if index is None else store.answer_of(steps[index].id)
        if answer is not None:
            existing.add((answer.mask, None if row.label is None else names.get(row.label)))
    return existing


def _label_name(category: str) -> str | None:
    """The name of a category as a label: text on one line, or None.

    >>> _label_name(" a\\n\\tcat "), _label_name("\\x00 ")
    ('a cat', None)
    """
    words = "".join(letter if letter.isprintable() or letter in JOINERS else " " for letter in category).split()
    try:
        return label_name(" ".join(words)[:MAX_TEXT])
    except InputError:
        return None
