"""A review is about the objects as the reviewer saw them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.app_disks import Disks
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.copying import copy_objects
from vpuformer.app.annotation.progress import progress
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewCopies, NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.imports import ImportedObject
from vpuformer.app.store.store import Store
from vpuformer.app.store.tables import images


@pytest.fixture
def annotator(tmp_path: Path) -> Iterator[Annotator]:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    annotator = Annotator(Folder(tmp_path), Store(tmp_path / "kept.sqlite"), Disks())
    yield annotator
    annotator.close()


@pytest.fixture
def state(annotator: Annotator) -> ObjectState:
    """An accepted object of an image that a reviewer has accepted."""
    annotator.store.add_label("cup")
    other = annotator.begin(1, "object-0002")
    step(annotator, other, (40, 10), "step-00002")
    state = annotator.begin(1, "object-0001")
    state = step(annotator, state, (20, 20), "step-00001")
    state = annotator.change(state.id, accepted=True)
    annotator.store.review_image(1, "accepted", "Good.")
    return state


def step(annotator: Annotator, state: ObjectState, point: tuple[int, int], key: str, **more: object) -> ObjectState:
    sent = {"key": key, "revision": state.revision, "step": {"type": "click", "point": point, "positive": True} | more}
    return annotator.step(state.id, NewStep.model_validate(sent))


def undo(annotator: Annotator, state: ObjectState) -> ObjectState:
    return annotator.undo_redo(state.id, annotator.state(state.id).revision, -1)


def verdict(annotator: Annotator) -> tuple[str | None, bool]:
    """The verdict, and whether it was removed by a change of an object."""
    review = annotator.open(1).review
    listed = annotator.store.image(1)
    assert (listed.review, listed.done) == (review.verdict, True)
    assert review.comment == "Good."
    return review.verdict, review.outdated


Change = Callable[[Annotator, ObjectState], ObjectState]


def front(annotator: Annotator, state: ObjectState) -> ObjectState:
    sent = {"key": "step-arrange", "revision": state.revision, "step": {"type": "arrange", "above": None}}
    return annotator.step(state.id, NewStep.model_validate(sent))


@pytest.mark.parametrize(
    ("change", "back"),
    [
        (lambda annotator, state: step(annotator, state, (25, 20), "step-00003"), undo),
        (front, undo),
        (undo, lambda annotator, state: annotator.undo_redo(state.id, state.revision, 1)),
        *(
            (
                lambda annotator, state, value=value: annotator.change(state.id, **value),
                lambda annotator, state, former=former: annotator.change(state.id, **former),
            )
            for value, former in (
                ({"label": 1}, {"label": None}),
                ({"accepted": False}, {"accepted": True}),
                ({"deleted": True}, {"deleted": False}),
                ({"attributes": {"a": 1}}, {"attributes": {}}),
            )
        ),
    ],
    ids=["step", "order", "undo", "label", "acceptance", "deletion", "attributes"],
)
def test_a_change_removes_the_acceptance_and_undoing_it_restores_that(
    annotator: Annotator, state: ObjectState, change: Change, back: Change
) -> None:
    assert verdict(annotator) == ("accepted", False)
    changed = change(annotator, state)
    assert verdict(annotator) == (None, True)
    assert changed.review == annotator.open(1).review
    assert progress(annotator.store, ["a.png"]).images.done == 1, "it waits for a review again"
    restored = back(annotator, changed)
    assert verdict(annotator) == ("accepted", False)
    assert restored.review == annotator.open(1).review


def test_copies_and_imports_remove_the_acceptance(annotator: Annotator, state: ObjectState) -> None:
    copies = copy_objects(annotator, 1, NewCopies(key="copy-0001", objects=[state.id]))
    assert verdict(annotator) == (None, True)
    annotator.change(copies.objects[0].id, deleted=True)
    assert verdict(annotator) == ("accepted", False)
    pixel = rle.encode(np.eye(40, 60, dtype=bool))
    annotator.store.import_objects(1, [ImportedObject("cup", pixel, 40)])
    assert verdict(annotator) == (None, True)


def test_a_done_mark_and_another_review_start_again(annotator: Annotator, state: ObjectState) -> None:
    state = annotator.change(state.id, label=1)
    annotator.store.change_image(1, done=True)
    assert verdict(annotator) == (None, False)
    annotator.change(state.id, label=None)
    assert verdict(annotator) == (None, False), "what was accepted once no longer counts"
    annotator.store.review_image(1, "rejected", "Good.")
    annotator.change(state.id, label=1)
    assert annotator.open(1).review.verdict == "rejected", "a change is the answer to it, and the mark comes after it"


@pytest.mark.usefixtures("state")
def test_an_object_without_a_prompt_changes_nothing(annotator: Annotator) -> None:
    begun = annotator.begin(1, "object-0003")
    assert verdict(annotator) == ("accepted", False)
    step(annotator, begun, (50, 30), "step-00004")
    assert verdict(annotator) == (None, True)


def test_the_acceptance_of_an_earlier_version_ends_with_a_change(annotator: Annotator, state: ObjectState) -> None:
    with annotator.store._writing() as connection:
        connection.execute(images.update().values(reviewed=None))
    annotator.change(state.id, label=1)
    assert verdict(annotator) == (None, True)
