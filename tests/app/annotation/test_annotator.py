import contextlib
import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.app_disks import Disks
from support.app_states import whole
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.exporting import accepted_images
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.imports import ImportedObject
from vpuformer.app.store.store import Store
from vpuformer.app.store.tables import images
from vpuformer.errors import (
    BusyError,
    CheckpointError,
    ConflictError,
    ImageError,
    MaskError,
    NotFoundError,
    PromptError,
)
from vpuformer.inference.protocol import Query

SIZE = (90, 120)
"""Height and width of the first image."""

KEYS = (f"key-{number:05d}" for number in itertools.count())


def begun(annotator: Annotator) -> ObjectState:
    return annotator.state(annotator.store.add_object(1, next(KEYS)).id)


def give(annotator: Annotator, state: ObjectState, **step: Any) -> ObjectState:
    new = NewStep.model_validate({"key": next(KEYS), "revision": state.revision, "step": step})
    return all_of(state, annotator.step(state.id, new))


def all_of(former: ObjectState, answer: ObjectState) -> ObjectState:
    return ObjectState.model_validate(whole(former.model_dump(), answer.model_dump()))


def undo(annotator: Annotator, state: ObjectState) -> ObjectState:
    return all_of(state, annotator.undo_redo(state.id, state.revision, -1))


def redo(annotator: Annotator, state: ObjectState) -> ObjectState:
    return all_of(state, annotator.undo_redo(state.id, state.revision, 1))


def click(annotator: Annotator, state: ObjectState, x: float, y: float, *, positive: bool = True) -> ObjectState:
    return give(annotator, state, type="click", point=[x, y], positive=positive)


def mask_of(state: ObjectState) -> np.ndarray:
    return np.zeros(SIZE, bool) if state.mask is None else rle.from_message(state.mask, SIZE)


def test_a_click_is_answered_and_kept(annotator: Annotator) -> None:
    state = click(annotator, begun(annotator), 60, 45)
    mask = mask_of(state)
    assert mask[45, 60]
    assert not mask[0, 0]
    assert state.area == mask.sum() > 0
    assert state.seconds is not None
    assert (state.revision, state.at, [step.live for step in state.steps]) == (1, 1, [True])
    assert annotator.state(state.id) == state


def test_all_prompts_count_until_one_is_taken_away(annotator: Annotator) -> None:
    first = click(annotator, begun(annotator), 30, 30)
    second = click(annotator, first, 90, 60)
    assert mask_of(second)[30, 30]
    assert mask_of(second)[60, 90]
    third = give(annotator, second, type="remove", step=0)
    assert [step.live for step in third.steps] == [False, True, False]
    assert not mask_of(third)[30, 30]
    assert mask_of(third)[60, 90]
    fourth = give(annotator, third, type="remove", step=1)
    assert (fourth.mask, fourth.area) == (None, 0)
    with pytest.raises(PromptError, match="not an active prompt"):
        give(annotator, fourth, type="remove", step=1)
    assert annotator.state(fourth.id) == fourth


def test_undo_and_redo_are_exact(annotator: Annotator) -> None:
    states = [begun(annotator)]
    states.append(click(annotator, states[-1], 30, 30))
    states.append(give(annotator, states[-1], type="box", box=[60, 40, 100, 80]))
    states.append(give(annotator, states[-1], type="brush", path=[[5, 5], [40, 5]], radius=3))
    states.append(click(annotator, states[-1], 30, 30, positive=False))
    now = states[-1]
    for former in reversed(states[:-1]):
        now = undo(annotator, now)
        assert (now.mask, now.area, now.at) == (former.mask, former.area, former.at)
    with pytest.raises(ConflictError, match="nothing to undo"):
        undo(annotator, now)
    for later in states[1:]:
        now = redo(annotator, now)
        assert (now.mask, now.area, now.at) == (later.mask, later.area, later.at)
    with pytest.raises(ConflictError, match="nothing to redo"):
        redo(annotator, now)


def test_the_brush_paints_and_the_next_prompt_sets_out_from_there(annotator: Annotator) -> None:
    state = click(annotator, begun(annotator), 30, 30)
    painted = give(annotator, state, type="brush", path=[[100, 80]], radius=4)
    assert painted.seconds is None
    assert np.array_equal(mask_of(painted)[:70, :90], mask_of(state)[:70, :90])
    assert mask_of(painted)[80, 100]
    erased = give(annotator, painted, type="brush", path=[[30, 30]], radius=2, positive=False)
    assert not mask_of(erased)[30, 30]
    assert mask_of(erased)[30, 34]
    after = click(annotator, erased, 60, 30)
    assert mask_of(after)[80, 100]  # what was painted is part of the mask so far


def test_what_was_painted_and_erased_outlives_a_prompt_that_is_taken_away(annotator: Annotator) -> None:
    state = give(annotator, begun(annotator), type="brush", path=[[100, 80]], radius=4)
    painted = mask_of(state)
    state = click(annotator, click(annotator, state, 30, 30), 60, 60)
    state = give(annotator, state, type="brush", path=[[60, 60]], radius=2, positive=False)
    one = give(annotator, state, type="remove", step=1)
    assert not mask_of(one)[30, 30]
    assert mask_of(one)[80, 100]
    assert not mask_of(one)[60, 60]
    assert mask_of(one)[60, 65]
    probability = annotator.probability(one.id)
    assert probability is not None
    assert np.array_equal(probability > 0.49, mask_of(one))
    none = give(annotator, one, type="remove", step=2)
    assert np.array_equal(mask_of(none), painted)
    assert none.area == painted.sum()


def test_a_mask_that_was_corrected_by_hand_is_there_again_without_the_prompt(annotator: Annotator) -> None:
    given = np.zeros(SIZE, bool)
    given[70:85, 10:50] = True
    state = give(annotator, begun(annotator), type="brush", path=[[5, 5]], radius=4)
    state = give(annotator, state, type="mask", mask=rle.to_message(rle.encode(given), SIZE).model_dump())
    corrected = give(annotator, state, type="brush", path=[[12, 72]], radius=3, positive=False)
    without = give(annotator, click(annotator, corrected, 90, 20), type="remove", step=3)
    assert without.mask == corrected.mask != state.mask


def test_a_brush_on_nothing_begins_a_mask(annotator: Annotator) -> None:
    state = give(annotator, begun(annotator), type="brush", path=[[10, 10]], radius=1)
    assert mask_of(state).sum() == 5


def test_a_mask_from_elsewhere_is_where_one_starts(annotator: Annotator) -> None:
    given = np.zeros(SIZE, bool)
    given[70:85, 10:50] = True
    state = click(annotator, begun(annotator), 90, 20)
    message = rle.to_message(rle.encode(given), SIZE).model_dump()
    state = give(annotator, state, type="mask", mask=message)
    assert np.array_equal(mask_of(state), given)
    assert [step.live for step in state.steps] == [False, False]
    assert mask_of(click(annotator, state, 90, 20))[80, 30]
    with pytest.raises(MaskError, match="120x91 pixels"):
        give(annotator, state, type="mask", mask=message | {"height": 91})


def test_a_lasso_is_a_mask_that_is_refined(annotator: Annotator) -> None:
    state = give(annotator, begun(annotator), type="lasso", path=[[20, 20], [60, 20], [60, 50], [20, 50]])
    assert mask_of(state)[35, 40]
    assert not mask_of(state)[80, 100]
    cleared = give(annotator, state, type="clear")
    assert (cleared.mask, cleared.at) == (None, 2)
    assert undo(annotator, cleared).mask == state.mask


def test_a_lasso_around_what_the_network_does_not_see_keeps_what_it_encloses(
    annotator: Annotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as blind:
        seen = Disks.answer
        nothing = np.zeros((90, 120), np.float32)
        blind.setattr(Disks, "answer", lambda self, query: seen(self, Query(query.encoded, query.prompts, nothing)))
        state = give(annotator, begun(annotator), type="lasso", path=[[20, 20], [60, 20], [60, 50], [20, 50]])
    assert state.area == mask_of(state)[20:51, 20:61].sum() == 31 * 41
    assert mask_of(click(annotator, state, 100, 80))[20:51, 20:61].all()  # the next prompt sets out from there


@pytest.mark.parametrize(
    "step",
    [
        {"type": "click", "point": [500, 2]},
        {"type": "box", "box": [10, 10, 5, 20]},
        {"type": "box", "box": [200, 10, 300, 20]},
        {"type": "scribble", "path": [[-50, -50], [-60, -60]]},
        {"type": "lasso", "path": [[-50, -50], [-60, -60], [-60, -50]]},
        {"type": "remove", "step": 0},
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(annotator: Annotator, step: dict[str, Any]) -> None:
    state = begun(annotator)
    with pytest.raises(PromptError):
        give(annotator, state, **step)
    assert annotator.state(state.id) == state


def test_an_older_revision_is_refused(annotator: Annotator) -> None:
    state = begun(annotator)
    click(annotator, state, 30, 30)
    with pytest.raises(ConflictError, match="revision is 1, not 0"):
        click(annotator, state, 60, 60)


def test_a_step_sent_twice_counts_once(annotator: Annotator) -> None:
    state = begun(annotator)
    new = NewStep.model_validate(
        {"key": "the-same-key", "revision": 0, "step": {"type": "click", "point": [30, 30]}}
    )  # fmt: skip
    assert all_of(state, annotator.step(state.id, new)) == annotator.step(state.id, new)


def test_after_a_restart_all_is_as_it_was_and_goes_on(annotator: Annotator, image_folder: Path, disks: Any) -> None:
    state = give(annotator, begun(annotator), type="scribble", path=[[30, 30], [60, 30]])
    state = give(annotator, state, type="brush", path=[[100, 80]], radius=4)
    ahead = click(annotator, state, 60, 60)
    back = undo(annotator, ahead)
    again = Annotator(Folder(image_folder), Store(annotator.store.address), disks)
    assert again.state(back.id) == back
    redone = redo(again, back)
    assert redone.mask == ahead.mask
    assert mask_of(click(again, redone, 20, 70))[80, 100]
    again.close()


def test_a_step_that_was_never_answered_is_answered_when_it_is_looked_at(annotator: Annotator) -> None:
    state = begun(annotator)
    for revision, x in enumerate((30, 60)):
        content = {"type": "click", "point": [x, 40], "positive": True}
        annotator.store.add_step(state.id, revision, next(KEYS), content)
    found = annotator.state(state.id)
    assert mask_of(found)[40, 30]
    assert mask_of(found)[40, 60]
    assert all(step.answered for step in annotator.store.history(state.id)[1])


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


FAILURES = [MemoryError("no room"), CheckpointError("the weights are broken"), ZeroDivisionError()]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_step_on_which_the_network_fails_stays_and_is_answered_when_it_is_sent_again(
    annotator: Annotator, disks: Disks, failure: Exception
) -> None:
    state = click(annotator, begun(annotator), 30, 30)
    new = NewStep.model_validate(
        {"key": next(KEYS), "revision": state.revision, "step": {"type": "click", "point": [90, 60]}}
    )
    disks.before = raising(failure)
    for _ in range(2):  # no answer, and so no success, however often it is sent
        with pytest.raises(type(failure)):
            annotator.step(state.id, new)
    waiting = annotator.state(state.id)
    assert (waiting.mask, waiting.at, len(waiting.steps)) == (state.mask, 2, 2)
    disks.before = lambda: None
    answered = annotator.step(state.id, new)
    assert mask_of(answered)[60, 90]
    assert (answered.at, len(answered.steps), answered.revision) == (2, 2, waiting.revision)


@pytest.mark.parametrize("failure", [*FAILURES, ImageError("the image is gone")])
def test_looking_at_an_object_while_the_network_fails_loses_no_step(
    annotator: Annotator, disks: Disks, failure: Exception
) -> None:
    state = click(annotator, begun(annotator), 30, 30)
    for revision, x in ((1, 60), (2, 90)):
        content = {"type": "click", "point": [x, 60], "positive": True}
        annotator.store.add_step(state.id, revision, next(KEYS), content)
    disks.before = raising(failure)
    (opened,) = annotator.open(1).objects
    assert (opened.mask, opened.at, len(opened.steps), opened.revision) == (state.mask, 3, 3, 3)
    accepted = annotator.change(state.id, accepted=True)
    assert (accepted.mask, accepted.accepted) == (state.mask, True)
    probability = annotator.probability(state.id)
    assert probability is not None
    assert np.array_equal(probability > 0.49, mask_of(state))
    disks.before = lambda: None
    found = mask_of(annotator.state(state.id))
    assert all(found[y, x] for x, y in ((30, 30), (60, 60), (90, 60)))


def test_a_step_on_which_the_network_fails_can_be_undone_removed_and_begun_again_after(
    annotator: Annotator, disks: Disks
) -> None:
    first = click(annotator, begun(annotator), 30, 30)
    fails = raising(ZeroDivisionError())
    disks.before = lambda: fails() if len(disks.asked) == 1 else None  # on the second question
    with pytest.raises(ZeroDivisionError):
        click(annotator, first, 60, 60)
    waiting = annotator.state(first.id)
    undone = undo(annotator, waiting)
    assert (undone.mask, undone.at, len(undone.steps)) == (first.mask, 1, 2)
    redone = redo(annotator, undone)
    assert (redone.mask, redone.at) == (first.mask, 2)
    with pytest.raises(ZeroDivisionError):
        click(annotator, redone, 90, 60)  # sets out from one that has no answer
    now = annotator.state(first.id)
    disks.asked.append(())  # by now it fails on nothing more
    removed = give(annotator, now, type="remove", step=1)
    assert [step.live for step in removed.steps] == [True, False, True, False]
    assert mask_of(removed)[60, 90]
    assert not mask_of(removed)[60, 60]
    assert [step.answered for step in annotator.store.history(first.id)[1]] == [True, False, False, True]


def test_what_the_network_refuses_is_taken_back_and_refused_again_when_it_is_sent_again(
    annotator: Annotator, disks: Disks
) -> None:
    state = click(annotator, begun(annotator), 30, 30)
    content = {"key": next(KEYS), "step": {"type": "click", "point": [60, 60]}}
    disks.before = raising(PromptError("not like this"))
    now = state
    for _ in range(2):
        with pytest.raises(PromptError, match="not like this"):
            annotator.step(state.id, NewStep.model_validate({**content, "revision": now.revision}))
        now = annotator.state(state.id)
        assert (now.mask, now.steps) == (state.mask, state.steps)
    with pytest.raises(ConflictError, match="revision is 5, not 1"):
        annotator.step(state.id, NewStep.model_validate({**content, "revision": 1}))
    disks.before = lambda: None
    answered = all_of(now, annotator.step(state.id, NewStep.model_validate({**content, "revision": now.revision})))
    assert mask_of(answered)[60, 60]
    assert len(answered.steps) == 2


def test_a_busy_network_keeps_the_step_for_later(annotator: Annotator, monkeypatch: pytest.MonkeyPatch) -> None:
    state = begun(annotator)
    with monkeypatch.context() as patch:
        patch.setattr(annotator.answering._network, "_max_waiting", 0)
        with pytest.raises(BusyError, match="try again"):
            click(annotator, state, 60, 60)
    assert mask_of(annotator.state(state.id))[60, 60]


def test_many_at_once_do_not_mix(annotator: Annotator) -> None:
    states = [begun(annotator) for _ in range(8)]
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            state = states[number]
            for x in range(10, 110, 25):
                state = click(annotator, state, x, 8 + 10 * number)
            states[number] = state
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for number, state in enumerate(states):
        assert [step.point for step in state.steps] == [(x, 8 + 10 * number) for x in range(10, 110, 25)]
        assert annotator.state(state.id) == state


def test_opening_a_image(annotator: Annotator) -> None:
    kept, gone = begun(annotator), begun(annotator)
    click(annotator, kept, 30, 30)
    annotator.change(gone.id, deleted=True)
    opened = annotator.open(1)
    assert (opened.name, opened.width, opened.height, opened.levels) == ("a.png", 120, 90, 1)
    assert [state.id for state in opened.objects] == [kept.id]
    assert annotator.store.image(1).size == SIZE
    with pytest.raises(NotFoundError, match="no image 99"):
        annotator.open(99)


def test_a_image_that_has_gone(annotator: Annotator, image_folder: Path) -> None:
    (image_folder / "b.jpg").unlink()
    with pytest.raises(ImageError, match=r"b\.jpg"):
        annotator.open(2)


def test_a_image_that_has_become_another_one(annotator: Annotator, image_folder: Path) -> None:
    from PIL import Image

    state = click(annotator, begun(annotator), 30, 30)
    Image.new("RGB", (60, 50)).save(image_folder / "a.png")
    for act in (lambda: annotator.open(1), lambda: click(annotator, state, 40, 40)):
        with pytest.raises(ImageError, match="now 60x50 pixels, but its objects were drawn on 120x90; restore"):
            act()
    assert annotator.state(state.id).mask == state.mask
    annotator.change(state.id, deleted=True)
    assert annotator.open(1).width == 60


def test_an_image_that_another_program_has_opened_or_imported_into_has_the_size_of_its_objects(
    annotator: Annotator, image_folder: Path, tmp_path: Path, disks: Disks
) -> None:
    from PIL import Image

    former = Image.open(image_folder / "a.png").copy()
    square = np.zeros(SIZE, bool)
    square[:5, :5] = True
    annotator.store.import_objects(1, [ImportedObject(None, rle.encode(square), 25)], size=SIZE)
    Image.new("RGB", SIZE).save(image_folder / "a.png")  # turned: as many pixels
    with pytest.raises(ImageError, match="now 90x120 pixels, but its objects were drawn on 120x90; restore"):
        annotator.open(1)
    former.save(image_folder / "a.png")
    (state,) = annotator.open(1).objects
    annotator.change(state.id, deleted=True)
    Image.new("RGB", SIZE).save(image_folder / "a.png")
    with contextlib.closing(Annotator(Folder(image_folder), Store(tmp_path / "annotator.sqlite"), disks)) as other:
        other.open(1)
        drawn = give(other, other.begin(1, next(KEYS)), type="click", point=[5, 100])
    assert [each.id for each in annotator.open(1).objects] == [drawn.id]


def test_a_deleted_object_does_not_come_back_on_an_image_of_another_size(
    annotator: Annotator, image_folder: Path
) -> None:
    from PIL import Image

    state = click(annotator, begun(annotator), 30, 30)
    annotator.change(state.id, accepted=True)
    annotator.change(state.id, deleted=True)
    annotator.change(state.id, deleted=False)
    annotator.change(state.id, deleted=True)
    Image.new("RGB", (90, 120)).save(image_folder / "a.png")  # as many pixels: its masks would fit, but be wrong
    assert annotator.open(1).width == 90
    with pytest.raises(ConflictError, match="a former file of this image, which had another size; draw it again"):
        annotator.change(state.id, deleted=False)
    with pytest.raises(ConflictError, match="nothing to redo"):
        annotator.undo_redo(state.id, annotator.state(state.id).revision, 1)
    assert list(accepted_images(annotator.store)) == []
    drawn = click(annotator, begun(annotator), 40, 40)
    assert [each.id for each in annotator.open(1).objects] == [drawn.id]


def test_an_export_names_the_object_whose_mask_does_not_fit(annotator: Annotator) -> None:
    state = click(annotator, begun(annotator), 30, 30)
    annotator.change(state.id, accepted=True)
    with annotator.store._writing() as connection:  # as former versions did
        connection.execute(images.update().values(width=121))
    (image,) = accepted_images(annotator.store)
    with pytest.raises(MaskError, match=rf"object {state.id} of a\.png cannot be exported .* delete it and draw"):
        list(image.masks())


def test_probabilities_agree_with_the_mask(annotator: Annotator, image_folder: Path, disks: Any) -> None:
    state = begun(annotator)
    assert annotator.probability(state.id) is None
    state = give(annotator, click(annotator, state, 30, 30), type="brush", path=[[100, 80]], radius=4)
    again = Annotator(Folder(image_folder), Store(annotator.store.address), disks)  # has nothing in memory
    for each in (annotator, again):
        probability = each.probability(state.id)
        assert probability is not None
        assert np.array_equal(probability > 0.49, mask_of(state))
    again.close()
