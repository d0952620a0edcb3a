"""Objects are merged, subtracted, split and ordered, which can be undone after a restart."""

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.app_disks import Disks
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.exporting import accepted_images
from vpuformer.app.annotation.shaping import split
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.store import Store
from vpuformer.arrays import BoolMask
from vpuformer.errors import ConflictError, PromptError, StoreError

SIZE = (8, 10)
LEFT, TOP, CORNERS = (np.zeros(SIZE, bool) for _ in range(3))
LEFT[:, :4] = True
TOP[:3] = True
CORNERS[0, 0] = CORNERS[6:, 7:] = True

_numbers = itertools.count(30_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Image.new("RGB", SIZE[::-1]).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def annotator(folder: Path) -> Iterator[Annotator]:
    annotator = opened(folder)
    yield annotator
    annotator.close()


def opened(folder: Path) -> Annotator:
    return Annotator(Folder(folder), Store(folder / "kept.sqlite"), Disks(radius=1.5))


def begun(annotator: Annotator, shape: BoolMask, label: int | None = None, image: int = 1) -> ObjectState:
    state = annotator.begin(image, f"object-{next(_numbers)}", label)
    return act(annotator, state, type="mask", mask=rle.to_message(rle.encode(shape), SIZE).model_dump())


def act(annotator: Annotator, state: ObjectState, key: str = "", **step: Any) -> ObjectState:
    sent = {"key": key or f"step-{next(_numbers)}", "revision": state.revision, "step": step}
    return annotator.step(state.id, NewStep.model_validate(sent))


def undo(annotator: Annotator, state: ObjectState) -> ObjectState:
    return annotator.undo_redo(state.id, annotator.state(state.id).revision, -1)


def redo(annotator: Annotator, state: ObjectState) -> ObjectState:
    return annotator.undo_redo(state.id, annotator.state(state.id).revision, 1)


def mask(annotator: Annotator, identity: int) -> BoolMask:
    state = annotator.state(identity)
    return np.zeros(SIZE, bool) if state.mask is None else rle.from_message(state.mask, SIZE)


def listed(annotator: Annotator) -> list[int]:
    return [state.id for state in annotator.open(1).objects]


def test_a_merge_takes_other_objects_in_until_it_is_undone(annotator: Annotator, folder: Path) -> None:
    first, second, third = (begun(annotator, shape) for shape in (LEFT, TOP, CORNERS))
    merged = act(annotator, first, type="merge", objects=[second.id, third.id])
    assert [(each.id, each.deleted) for each in merged.others] == [(second.id, True), (third.id, True)]
    assert (merged.order, listed(annotator)) == ([first.id], [first.id])
    assert np.array_equal(mask(annotator, first.id), LEFT | TOP | CORNERS)
    assert merged.steps[-1].objects == [second.id, third.id]

    annotator.close()
    again = opened(folder)
    undone = undo(again, first)
    assert [(each.id, each.deleted, each.area) for each in undone.others] == [
        (second.id, False, TOP.sum()),
        (third.id, False, CORNERS.sum()),
    ]
    assert (listed(again), undone.area) == ([first.id, second.id, third.id], LEFT.sum())
    assert (redo(again, first).order, listed(again)) == ([first.id], [first.id])
    again.close()


def test_a_merge_makes_earlier_prompts_inactive_and_prompts_go_on_from_it(annotator: Annotator) -> None:
    other = begun(annotator, TOP)
    state = act(annotator, annotator.begin(1, "object-1"), type="click", point=[5, 6])
    merged = act(annotator, state, type="merge", objects=[other.id])
    assert merged.area == 9 + TOP.sum()
    assert not annotator.state(state.id).steps[0].live
    assert act(annotator, merged, type="click", point=[1, 6]).area == merged.area + 9


def test_what_somebody_went_on_with_stays_when_a_merge_is_redone_or_a_split_undone(annotator: Annotator) -> None:
    first, second = begun(annotator, LEFT), begun(annotator, TOP)
    act(annotator, first, type="merge", objects=[second.id])
    undo(annotator, first)
    act(annotator, annotator.state(second.id), type="click", point=[6, 6])
    assert [each.deleted for each in redo(annotator, first).others] == [False]

    divided = begun(annotator, CORNERS)
    (part,) = act(annotator, divided, type="split").others
    act(annotator, part, type="click", point=[6, 2])
    assert undo(annotator, divided).area == CORNERS.sum()
    assert part.id in listed(annotator)


def test_what_another_step_or_a_person_has_deleted_stays_so_when_a_split_is_redone_or_a_merge_undone(
    annotator: Annotator,
) -> None:
    divided = begun(annotator, CORNERS)
    (part,) = act(annotator, divided, type="split").others
    annotator.change(part.id, deleted=True)
    undo(annotator, divided)
    assert [each.deleted for each in redo(annotator, divided).others] == [True]
    annotator.change(part.id, deleted=False)
    undo(annotator, divided)
    assert [each.deleted for each in redo(annotator, divided).others] == [False]

    first, second, third = (begun(annotator, shape) for shape in (LEFT, TOP, CORNERS))
    act(annotator, first, type="merge", objects=[second.id])
    undo(annotator, first)
    act(annotator, third, type="merge", objects=[second.id])
    redo(annotator, first)
    assert [each.deleted for each in undo(annotator, first).others] == [True]
    assert [each.deleted for each in undo(annotator, third).others] == [False]


def test_a_deleted_object_is_not_moved(annotator: Annotator) -> None:
    first, second = begun(annotator, LEFT), begun(annotator, TOP)
    deleted = annotator.change(first.id, deleted=True)
    with pytest.raises(PromptError, match="is not on this image"):
        act(annotator, deleted, type="arrange", above=second.id)


def test_an_object_that_changes_during_a_merge_stops_it(annotator: Annotator) -> None:
    first, second = begun(annotator, LEFT), begun(annotator, TOP)
    content = {"type": "merge", "objects": [second.id], "masks": [1]}  # an outdated answer
    with pytest.raises(ConflictError, match="changed meanwhile"):
        annotator.store.add_step(first.id, first.revision, "step-merge", content)
    assert (listed(annotator), annotator.state(first.id).at) == ([first.id, second.id], 1)


def test_a_split_that_cannot_be_stored_adds_nothing(annotator: Annotator, folder: Path) -> None:
    state = begun(annotator, CORNERS)
    full = """create trigger full before insert on step when new.content like '%split%'
        begin select raise(abort, 'database or disk is full'); end"""
    with sqlite3.connect(folder / "kept.sqlite") as connection:
        connection.execute(full)
    connection.close()
    with pytest.raises(StoreError):
        act(annotator, state, type="split")
    assert (listed(annotator), annotator.state(state.id).area) == ([state.id], CORNERS.sum())


def test_a_split_makes_an_object_of_each_part(annotator: Annotator, folder: Path) -> None:
    label = annotator.store.add_label("cup").id
    state = begun(annotator, CORNERS, label)
    state = annotator.change(state.id, accepted=True)
    above = begun(annotator, LEFT)
    divided = act(annotator, state, key="split-once", type="split")
    (part,) = divided.others
    assert (divided.area, part.area, part.label, part.accepted) == (6, 1, label, True)
    assert divided.order == [state.id, part.id, above.id], "a part stays where its object was"
    repeated = act(annotator, state, key="split-once", type="split")
    assert [each.id for each in repeated.others] == [part.id]

    annotator.close()
    again = opened(folder)
    undone = undo(again, state)
    assert (undone.area, [each.deleted for each in undone.others]) == (7, [True])
    assert (listed(again), redo(again, state).area) == ([state.id, above.id], 6)
    assert listed(again) == [state.id, part.id, above.id]
    again.close()


def test_a_line_separates_the_parts_that_it_cuts_and_no_others() -> None:
    shape = np.zeros((20, 30), bool)
    shape[2:18, 2:20] = shape[5:9, 25:28] = True
    first, second = split(shape, [(0, 3), (8, 19)])
    assert np.array_equal(first ^ second, shape)
    assert first[6, 26], "an untouched part stays with the first"
    assert first[3, 18]
    assert second[16, 2]
    assert not (first & second).any()
    with pytest.raises(PromptError, match="does not cut"):
        next(split(shape, [(10, 10), (40, 10)]))


def test_a_mask_with_hundreds_of_specks_is_not_split() -> None:
    with pytest.raises(PromptError, match="200 parts"):
        next(split(np.arange(400).reshape(1, 400) % 2 == 0))


def test_a_subtraction_removes_pixels_of_an_object_that_stays(annotator: Annotator) -> None:
    first, second = begun(annotator, LEFT), begun(annotator, TOP)
    assert act(annotator, first, type="subtract", objects=[second.id]).others == []
    assert np.array_equal(mask(annotator, first.id), LEFT & ~TOP)
    assert np.array_equal(mask(annotator, second.id), TOP)
    assert undo(annotator, first).area == LEFT.sum()


@pytest.mark.parametrize(
    ("step", "match"),
    [
        ({"type": "subtract", "objects": [2]}, "do not overlap"),
        ({"type": "subtract", "objects": [3]}, "nothing would be left"),
        ({"type": "merge", "objects": [1]}, "has no mask"),
        ({"type": "merge", "objects": [99]}, "has no mask"),
        ({"type": "merge", "objects": [4]}, "has no mask"),
        ({"type": "split"}, "single part"),
        ({"type": "split", "path": [[7, 0], [8, 0]]}, "does not cut"),
        ({"type": "arrange", "above": 4}, "not on this image"),
        ({"type": "arrange", "above": 1}, "not on this image"),
        ({"type": "arrange", "above": None}, "already"),
    ],
)
def test_what_changes_nothing_is_refused(annotator: Annotator, step: dict[str, Any], match: str) -> None:
    first = begun(annotator, LEFT)
    begun(annotator, ~LEFT)
    begun(annotator, np.ones(SIZE, bool))
    begun(annotator, LEFT, image=2)
    with pytest.raises(PromptError, match=match):
        act(annotator, first, **step)
    assert annotator.state(first.id).at == 1


@pytest.mark.parametrize("step", ["split", "arrange", "subtract"])
def test_an_object_without_a_mask_is_refused(annotator: Annotator, step: str) -> None:
    other = begun(annotator, LEFT)
    fields = {"split": {}, "arrange": {"above": other.id}, "subtract": {"objects": [other.id]}}[step]
    with pytest.raises(PromptError):
        act(annotator, annotator.begin(1, "object-empty"), type=step, **fields)


def test_the_order_decides_which_object_a_label_map_shows(annotator: Annotator, folder: Path) -> None:
    first, second, third = (begun(annotator, shape) for shape in (LEFT, TOP, CORNERS))
    moved = act(annotator, first, type="arrange", above=third.id)
    assert (moved.order, moved.area) == ([second.id, third.id, first.id], LEFT.sum())
    assert begun(annotator, LEFT).id == listed(annotator)[-1], "a new object is in front of all"
    for each in (first, second, third):
        annotator.change(each.id, accepted=True)
    (image,) = accepted_images(annotator.store)
    assert [np.count_nonzero(each.mask) for each in image.masks()] == [TOP.sum(), CORNERS.sum(), LEFT.sum()]

    annotator.close()
    again = opened(folder)
    undone = undo(again, first).order
    assert undone is not None
    assert undone[:3] == [first.id, second.id, third.id]
    act(again, again.state(third.id), type="arrange", above=undone[3])
    assert redo(again, first).order == [second.id, undone[3], third.id, first.id]
    again.close()


def test_an_arrangement_keeps_what_the_network_knows(annotator: Annotator) -> None:
    other = begun(annotator, TOP)
    state = act(annotator, annotator.begin(1, "object-1"), type="click", point=[5, 6])
    before = annotator.probability(state.id)
    act(annotator, state, type="arrange", above=None)
    after = annotator.probability(state.id)
    assert before is not None
    assert after is not None
    assert np.array_equal(before, after)
    assert listed(annotator) == [state.id, other.id]
    assert annotator.state(state.id).steps[0].live
