"""Objects are copied as they are, or as boxes for the network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.app_disks import Disks
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.copying import copy_objects
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import ImportResult, NewCopies, NewStep
from vpuformer.app.store import rle
from vpuformer.app.store.store import Store
from vpuformer.errors import ImageError, NotFoundError, PromptError

SIZE = (8, 10)
SHAPE = np.zeros(SIZE, bool)
SHAPE[2:5, 1:4] = SHAPE[2, 6] = True


@pytest.fixture
def annotator(tmp_path: Path) -> Iterator[Annotator]:
    for name, size in (("a.png", SIZE), ("b.png", SIZE), ("c.png", (16, 30))):
        Image.new("RGB", size[::-1]).save(tmp_path / name)
    annotator = Annotator(Folder(tmp_path), Store(tmp_path / "kept.sqlite"), Disks(radius=1.5))
    label = annotator.store.add_label("cup").id
    state = annotator.begin(1, "object-1", label)
    mask = rle.to_message(rle.encode(SHAPE), SIZE)
    step = {"key": "step-one", "revision": 0, "step": {"type": "mask", "mask": mask.model_dump()}}
    annotator.step(state.id, NewStep.model_validate(step))
    annotator.change(state.id, accepted=True)
    yield annotator
    annotator.close()


def copied(annotator: Annotator, image: int, *objects: int, key: str = "copy-one", **fields: Any) -> ImportResult:
    return copy_objects(annotator, image, NewCopies(key=key, objects=list(objects), **fields))


@pytest.mark.parametrize("image", [1, 2])
def test_a_copy_has_the_pixels_and_the_label_and_is_not_accepted(annotator: Annotator, image: int) -> None:
    (state,) = copied(annotator, image, 1).objects
    assert state.mask is not None
    assert np.array_equal(rle.from_message(state.mask, SIZE), SHAPE)
    assert (state.label, state.accepted, state.image, state.at) == (1, False, image, 1)
    assert annotator.open(image).objects[-1].id == state.id
    (again,) = copied(annotator, image, 1).objects
    assert again.id == state.id, "a repeated request adds nothing"
    (other,) = copied(annotator, image, 1, key="copy-two").objects
    assert other.id != state.id


def test_doubles_are_counted_without_the_originals(annotator: Annotator) -> None:
    note = "1 object of the image already had the same label and nearly the same mask"
    assert copied(annotator, 1, 1).notes == [], "whoever copies an object on its own image means a double"
    assert copied(annotator, 1, 1, key="copy-two").notes == [note]
    first = copied(annotator, 2, 1, key="copy-three")
    assert (first.notes, copied(annotator, 2, 1, key="copy-three").notes) == ([], []), "a repeated request adds nothing"
    assert copied(annotator, 2, 1, key="copy-four").notes == [note]
    annotator.change(first.objects[0].id, label=annotator.store.add_label("dog").id)
    annotator.change(first.objects[0].id + 1, deleted=True)
    assert copied(annotator, 2, 1, key="copy-five").notes == []


def test_a_deleted_object_is_copied_as_after_cutting_it_out(annotator: Annotator) -> None:
    annotator.change(1, deleted=True)
    (state,) = copied(annotator, 2, 1).objects
    assert (state.area, state.deleted) == (SHAPE.sum(), False)


def test_a_box_is_for_the_network_and_scaled_to_the_other_size(annotator: Annotator) -> None:
    result = copied(annotator, 2, 1, boxes=True)
    assert result.notes == []
    assert result.objects[0].steps[0].box == (0.5, 1.5, 6.5, 4.5)
    result = copied(annotator, 3, 1, boxes=True, key="copy-two")
    assert result.objects[0].steps[0].box == (2.5, 3.5, 20.5, 9.5)
    assert result.notes == ["a.png has 10x8 pixels and c.png has 30x16 pixels; boxes are scaled"]
    assert annotator.state(result.objects[0].id).area > 0


def test_what_cannot_be_copied_is_refused_and_nothing_is_stored(annotator: Annotator) -> None:
    empty = annotator.begin(1, "object-2").id
    with pytest.raises(ImageError, match="copy boxes instead"):
        copied(annotator, 3, 1)
    with pytest.raises(PromptError, match="has no mask"):
        copied(annotator, 2, 1, empty)
    with pytest.raises(NotFoundError):
        copied(annotator, 2, 1, 99)
    with pytest.raises(NotFoundError):
        copied(annotator, 99, 1)
    assert not annotator.open(2).objects
