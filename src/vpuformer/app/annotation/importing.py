"""Masks from elsewhere as objects of an image, from a file of any format that `vpuformer.formats` reads."""

import numpy as np

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.schemas import MAX_TEXT, ImportResult
from vpuformer.app.store import rle
from vpuformer.app.store.rows import NewMask
from vpuformer.errors import InputError, MaskError, listed
from vpuformer.formats import read_objects
from vpuformer.formats.labels import JOINERS, label_name
from vpuformer.formats.messages import counted
from vpuformer.images.meaning import coverage

MAX_OBJECTS = 500
"""Of one import."""


def import_masks(annotator: Annotator, image: int, content: bytes, label: int | None, name: str = "") -> ImportResult:
    """New objects, one for every mask in `content`; see `vpuformer.formats.read_objects`.

    Labels that the file names are found by their names, or made; elsewhere `label` holds.

    Args:
        annotator: keeps the objects.
        image: its id.
        content: of the file.
        label: id of the label of objects to which the file gives none.
        name: of the file, "" if it is not known.

    Raises:
        NotFoundError: there is no such image or label.
        MaskError: the content is of no known format, holds no mask of this image, too many, or one of another size.
        StoreError: the store cannot be written; nothing of the file is kept.
    """
    opened, name_of_image = annotator.gallery.image(image), annotator.gallery.name(image)
    size, labels = (opened.height, opened.width), [row.name for row in annotator.store.labels()]
    if label is not None:
        annotator.store.label(label)  # before the masks are read
    notes: list[str] = []
    # All of them are looked at before the first one is kept, and none waits in its full size.
    found: list[NewMask] = []
    empty, renamed = 0, dict[str, None]()
    others = annotator.folder.names
    for category, mask in read_objects(
        content, name_of_image, size, name=name, labels=labels, others=others, on_note=notes.append
    ):
        if len(found) == MAX_OBJECTS:
            raise MaskError(
                f"there are more than {MAX_OBJECTS} masks of {name_of_image} in this file; give some at a time"
            )
        if not mask.any():
            empty += 1
            continue
        if (remark := coverage(mask)) is not None:
            notes.append(f"object {len(found) + 1}: {remark}")
        word = None if category is None else _label_name(category)
        if category is not None and word != category.strip():
            renamed[f"{category!r:.80} as {'no label' if word is None else repr(word):.80}"] = None
        found.append(NewMask(rle.encode(mask), int(np.count_nonzero(mask)), label if word is None else word))
    if not found:
        said = "".join(f" ({note})" for note in notes)
        what = (
            f"{counted(empty, 'mask')} of {name_of_image} in this file, without a pixel"
            if empty
            else f"no mask of {name_of_image} in this file"
        )
        raise MaskError(f"there is {what}{said}; give a mask or annotations of this image")
    if empty:
        notes.append(f"{counted(empty, 'mask')} without a pixel left out")
    if renamed:
        notes.append(f"labels that are called otherwise than in the file: {listed(renamed)}")
    return ImportResult(objects=annotator.add_masks(image, found), notes=notes)


def _label_name(word: str) -> str | None:
    """A category's name as a label may have it: some text on one line, or None.

    >>> _label_name(" a\\n\\tcat "), _label_name("\\x00 ")
    ('a cat', None)
    """
    words = "".join(letter if letter.isprintable() or letter in JOINERS else " " for letter in word).split()
    try:
        return label_name(" ".join(words)[:MAX_TEXT])
    except InputError:
        return None
