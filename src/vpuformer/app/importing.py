"""Masks from elsewhere as objects of a picture: a mask file, or what a COCO file says of it."""

import codecs
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vpuformer.app.annotator import Annotator
from vpuformer.app.history import Mask
from vpuformer.app.protocol import MAX_TEXT, ObjectState
from vpuformer.app.rows import NewMask
from vpuformer.app.runs import pack
from vpuformer.errors import MaskError
from vpuformer.formats import iter_coco_masks
from vpuformer.geometry import Size
from vpuformer.images import read_mask
from vpuformer.metrics import MASK_THRESHOLD

MAX_OBJECTS = 500
"""Of one import."""


def read_masks(annotator: Annotator, picture: int, content: bytes, label: int | None) -> list[ObjectState]:
    """New objects, one for every mask in `content`, which is a picture file of one mask, or COCO's JSON.

    Labels of a COCO file are found by their names, or made; elsewhere `label` holds.

    Raises:
        NotFoundError: there is no such picture or label.
        MaskError: the content is neither, holds no mask of this picture, too many, or one of another size.
        StoreError: the store cannot be written; nothing of the file is kept.
    """
    opened, name = annotator.gallery.picture(picture), annotator.gallery.name(picture)
    size = (opened.height, opened.width)
    if label is not None:
        annotator.store.label(label)  # before the masks are read
    # All of them are looked at before the first one is kept, and none waits in its full size.
    found: list[NewMask] = []
    for category, mask in _masks(content, name, size):
        if len(found) == MAX_OBJECTS:
            raise MaskError(f"there are more than {MAX_OBJECTS} masks of {name} in this file; give some at a time")
        word = None if category is None else _label_name(category)
        found.append(NewMask(pack(mask), int(np.count_nonzero(mask)), label if word is None else word))
    if not found:
        raise MaskError(f"there is no mask of {name} in this file; give the mask of this picture, or COCO annotations")
    return annotator.take_in(picture, found)


def _masks(content: bytes, name: str, size: Size) -> Iterator[tuple[str | None, Mask]]:
    if content.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        yield from iter_coco_masks(content, name, size)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mask")
        path.write_bytes(content)
        try:
            yield None, read_mask(path, size) > MASK_THRESHOLD
        except MaskError as error:
            raise MaskError(
                str(error).replace(f"the mask {path}", "the mask in the file").replace(str(path), "the file")
            ) from error


def _label_name(word: str) -> str | None:
    """A category's name as a label may have it: some text on one line, or None.

    >>> _label_name(" a\\n\\tcat "), _label_name("\\x00 ")
    ('a cat', None)
    """
    words = "".join(letter if letter.isprintable() else " " for letter in word).split()
    return " ".join(words)[:MAX_TEXT].strip() or None
