"""A folder annotated with the app: accepted masks, and the prompts of people for them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vpuformer.arrays import Size
from vpuformer.errors import DatasetError
from vpuformer.extras import require
from vpuformer.finetuning.layouts import Layout, OutlinedObject, Outlines
from vpuformer.formats.found import LeftOut

if TYPE_CHECKING:
    from vpuformer.app.store.store import Store

STORE = "vpuformer.sqlite"
"""Name of the app's store in a folder of images."""

ANNOTATED = "annotated with vpuformer"
"""Title of the layout."""


def annotated_in_the_app(folder: Path, address: str | None = None) -> Layout | None:
    """The accepted objects of a folder with a store, and its window; None without any.

    Args:
        address: of the store, if it is not a file in the folder. Then it must hold accepted objects.

    Raises:
        DatasetError: the store with this address holds no accepted object.
        MissingDependencyError: the extra `app` is not installed.
        StoreError: the store cannot be read.
    """
    if address is None and not (folder / STORE).is_file():
        return None
    require("app", "reading what was annotated in the app")
    from vpuformer.app.annotation.exporting import accepted_images, left_out_notes
    from vpuformer.app.store.store import Store

    opened = address or str(folder / STORE)
    store = Store(opened)
    try:
        images: dict[str, Outlines] = {
            image.image: partial(_outlines, opened, image.id)
            for image in accepted_images(store)
            if store.image(image.id).objects
        }
        if address is not None and not images:
            raise DatasetError(f"no object in {store.address} is annotated yet; outline and accept objects first")
        return Layout(ANNOTATED, folder, images, left_out_notes(store), store.window) if images else None
    finally:
        store.close()


def _outlines(address: str, image: int, size: Size) -> Iterator[OutlinedObject | LeftOut]:
    from vpuformer.app.store.store import Store

    store = Store(address)
    try:
        yield from _accepted(store, image, size)
    finally:
        store.close()


def _accepted(store: "Store", image: int, size: Size) -> Iterator[OutlinedObject | LeftOut]:
    """The accepted objects. Those without a mask, as after an undone answer, are counted by `left_out_notes`."""
    from vpuformer.app.annotation import history
    from vpuformer.app.store import rle
    from vpuformer.app.store.rows import last_answered

    labels = {label.id: label.name for label in store.labels()}
    for row, steps in store.histories(image):
        index = last_answered(row, steps)
        answer = None if index is None or not row.accepted else store.answer_of(steps[index].id)
        if index is None or answer is None or not answer.area:
            continue
        prompts = history.prompts([step.content for step in steps[: index + 1]])
        label = None if row.label is None else labels.get(row.label)
        yield OutlinedObject(rle.decode(answer.mask, size), label, prompts)
