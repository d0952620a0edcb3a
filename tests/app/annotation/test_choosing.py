"""Only here, removals, candidates and tidying: questions to the network and answers."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.app_disks import PARTS, Disks
from support.app_states import whole
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.answering import restored
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import Choice, NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.logits import decode_logits, encode_logits
from vpuformer.app.store.rows import StepAnswer
from vpuformer.app.store.store import Store
from vpuformer.arrays import BoolMask
from vpuformer.errors import InputError, PromptError
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.prompts import Click

SIZE = (90, 120)
KEYS = (f"key-{number:05d}" for number in itertools.count())
SCORES = [score for _, score in PARTS]


class Noting(Disks):
    """Disks that remember all questions."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: list[Query] = []

    def answer(self, query: Query) -> Prediction:
        self.queries.append(query)
        return super().answer(query)


@pytest.fixture
def disks() -> Disks:
    return Noting()


@pytest.fixture
def queries(disks: Noting) -> list[Query]:
    return disks.queries


@pytest.fixture
def state(annotator: Annotator) -> ObjectState:
    """An object without steps on the first image."""
    return annotator.begin(1, next(KEYS))


@pytest.fixture
def again(annotator: Annotator, image_folder: Path) -> Iterator[Annotator]:
    """The same store, opened by another program."""
    other = Annotator(Folder(image_folder), Store(annotator.store.address), Noting())
    yield other
    other.close()


def give(annotator: Annotator, state: ObjectState, **step: Any) -> ObjectState:
    new = NewStep.model_validate({"key": next(KEYS), "revision": state.revision, "step": step})
    return ObjectState.model_validate(whole(state.model_dump(), annotator.step(state.id, new).model_dump()))


def click(annotator: Annotator, state: ObjectState, x: float, y: float, **more: Any) -> ObjectState:
    return give(annotator, state, type="click", point=[x, y], **more)


def choose(annotator: Annotator, state: ObjectState, index: int) -> ObjectState:
    return give(annotator, state, type="choose", index=index)


def tidy(annotator: Annotator, state: ObjectState, **wanted: Any) -> ObjectState:
    return give(annotator, state, type="tidy", **wanted)


def mask_of(state: ObjectState) -> BoolMask:
    return np.zeros(SIZE, bool) if state.mask is None else rle.from_message(state.mask, SIZE)


# Questions


def test_a_prompt_says_that_it_is_new_and_whether_it_is_for_here_alone(
    annotator: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    for more in ({}, {"only_here": True}, {"only_here": False}):
        state = click(annotator, state, 30 + 9 * len(queries), 30, **more)
    assert [(query.new, query.only_here, query.candidates) for query in queries] == [
        (1, False, False), (1, True, False), (1, False, False)
    ]  # fmt: skip
    assert [step.only_here for step in state.steps] == [False, True, False]


def test_a_mask_that_somebody_has_made_or_painted_on_is_kept(
    annotator: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    state = click(annotator, state, 30, 30)
    state = give(annotator, state, type="brush", path=[[40, 40], [50, 50]], radius=3.0, positive=True)
    state = click(annotator, state, 60, 60)
    state = click(annotator, give(annotator, state, type="clear"), 30, 30)
    state = give(annotator, state, type="polygon", outlines=[[[10, 10], [60, 10], [60, 60]]])
    click(annotator, state, 30, 30)
    assert [query.keep_mask for query in queries] == [False, True, False, True]
    assert [query.only_here for query in queries] == [False, False, False, True]


def test_a_removal_asks_only_about_the_prompts_after_it(
    annotator: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    first = click(annotator, state, 30, 30)
    second = click(annotator, first, 90, 60, only_here=True)
    third = click(annotator, second, 60, 60, only_here=True)
    removed = give(annotator, third, type="remove", step=1)
    assert (queries[-1].new, queries[-1].only_here, len(queries[-1].prompts)) == (2 - 1, True, 2)
    mask = queries[-1].mask
    assert mask is not None
    assert np.array_equal(mask > 0.49, mask_of(first))
    give(annotator, removed, type="remove", step=0)
    assert (queries[-1].new, queries[-1].mask, len(queries[-1].prompts)) == (1, None, 1)


def test_a_moved_prompt_is_answered_from_the_mask_before_it_and_strokes_stay(
    annotator: Annotator, again: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    first = click(annotator, state, 30, 30)
    second = click(annotator, first, 90, 60)
    painted = give(annotator, second, type="brush", path=[[5, 5]], radius=2)
    moved = give(annotator, painted, type="move", step=1, point=[60, 70])
    mask = queries[-1].mask
    assert mask is not None
    assert np.array_equal(mask[20:] > 0.49, mask_of(first)[20:])
    assert (queries[-1].new, queries[-1].prompts[1]) == (1, Click(60, 70))
    assert [bool(mask_of(moved)[y, x]) for x, y in ((30, 30), (60, 70), (90, 60), (5, 5))] == [True, True, False, True]
    assert [step.live for step in moved.steps] == [True, True, False, False]
    assert mask_of(again.state(state.id)).sum() == moved.area
    undone = annotator.undo_redo(state.id, moved.revision, -1)
    assert np.array_equal(mask_of(undone), mask_of(painted))


def test_a_prompt_is_not_moved_out_of_the_image(annotator: Annotator, state: ObjectState) -> None:
    clicked = click(annotator, state, 30, 30)
    with pytest.raises(PromptError, match="outside the image"):
        give(annotator, clicked, type="move", step=0, point=[500, 30])
    assert annotator.state(state.id) == clicked


def test_the_mask_before_the_last_prompt_is_there_again_without_the_network(
    annotator: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    first = click(annotator, state, 30, 30)
    asked = len(queries) + 1
    removed = give(annotator, click(annotator, first, 90, 60), type="remove", step=1)
    assert (removed.mask, removed.seconds, len(queries)) == (first.mask, None, asked)


# Candidates


def test_a_key_cycles_through_the_candidates(
    annotator: Annotator, again: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    clicked = click(annotator, state, 60, 45)
    assert clicked.choice is None
    now, areas = clicked, []
    for index in range(5):
        now = choose(annotator, now, index)
        assert now.choice == Choice(index=index % 3, scores=SCORES)
        assert mask_of(now)[45, 60]
        assert [step.live for step in now.steps] == [True] + [False] * (index + 1)
        areas.append(now.area)
    assert all(query.candidates and query.mask is None and query.new == 1 for query in queries[1:])
    assert areas[0] == clicked.area
    assert areas[1] < areas[0] < areas[2]
    assert areas[3:] == areas[:2]
    assert again.state(now.id) == annotator.state(now.id) == now
    undone = annotator.undo_redo(now.id, now.revision, -1)
    assert (undone.area, undone.choice) == (areas[3], Choice(index=0, scores=SCORES))


def test_later_prompts_build_on_the_chosen_mask(annotator: Annotator, state: ObjectState, queries: list[Query]) -> None:
    chosen = choose(annotator, click(annotator, state, 60, 45), 2)
    later = click(annotator, chosen, 5, 5)
    mask = queries[-1].mask
    assert mask is not None
    assert np.array_equal(mask > 0.49, mask_of(chosen))
    assert (len(queries[-1].prompts), queries[-1].new, later.choice) == (2, 1, None)
    back = give(annotator, later, type="remove", step=2)
    assert (back.mask, back.choice) == (chosen.mask, None)
    other = give(annotator, back, type="remove", step=0)
    assert (other.area, other.choice) == (0, None)


def test_candidates_are_of_all_prompts_and_strokes_stay(
    annotator: Annotator, state: ObjectState, queries: list[Query]
) -> None:
    lasso = give(annotator, state, type="lasso", path=[[80, 60], [110, 60], [110, 80], [80, 80]])
    now = click(annotator, click(annotator, lasso, 30, 30), 60, 45)
    now = give(annotator, now, type="brush", path=[[60, 45]], radius=3, positive=False)
    now = choose(annotator, now, 1)
    assert (queries[-1].new, len(queries[-1].prompts)) == (2, 2)
    mask = queries[-1].mask
    assert mask is not None
    assert np.array_equal(mask > 0.49, mask_of(lasso))
    assert not mask_of(now)[45, 60]
    assert mask_of(now)[[30, 70], [30, 100]].all()
    brushed = give(annotator, now, type="brush", path=[[1, 1]], radius=1)
    assert tidy(annotator, brushed).choice == Choice(index=1, scores=SCORES)


def test_without_a_prompt_nothing_is_chosen(annotator: Annotator, state: ObjectState) -> None:
    with pytest.raises(PromptError, match="no active prompt"):
        choose(annotator, state, 0)
    assert annotator.state(state.id) == state


def test_a_segmenter_without_candidates_says_so(
    annotator: Annotator, state: ObjectState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Disks, "answer", lambda _, query: Prediction(np.ones(query.encoded.size, np.float32)))
    clicked = click(annotator, state, 60, 45)
    with pytest.raises(InputError, match="disks offers no candidates; correct the mask with a prompt"):
        choose(annotator, clicked, 0)
    now = annotator.state(state.id)
    assert (now.mask, now.steps) == (clicked.mask, clicked.steps)


# Tidying


@pytest.fixture
def ragged(annotator: Annotator, state: ObjectState) -> ObjectState:
    """A square, a hole and a speck of 5 pixels each, and a hole and a speck made by strokes."""
    given = np.zeros(SIZE, bool)
    given[20:70, 20:70] = True
    given[44, 44:49] = False
    given[5, 100:105] = True
    state = give(annotator, state, type="mask", mask=rle.to_message(rle.encode(given), SIZE).model_dump())
    state = give(annotator, state, type="brush", path=[[30, 30]], radius=1, positive=False)
    return give(annotator, state, type="brush", path=[[100, 80]], radius=1)


def test_a_mask_is_tidied_and_strokes_stay(
    annotator: Annotator, again: Annotator, ragged: ObjectState, queries: list[Query]
) -> None:
    tidied = tidy(annotator, ragged, holes=5, specks=5)
    expected = mask_of(ragged)
    expected[44, 44:49] = True
    expected[5, 100:105] = False
    assert np.array_equal(mask_of(tidied), expected)
    assert (queries, tidied.seconds) == ([], None)
    assert [(step.holes, step.specks, step.smooth, step.threshold) for step in tidied.steps[3:]] == [(5, 5, 0, 0.49)]
    assert again.state(tidied.id) == tidied


def test_a_further_tidying_replaces_the_one_before(annotator: Annotator, ragged: ObjectState) -> None:
    tidied = tidy(annotator, ragged, holes=5, specks=5)
    assert tidy(annotator, tidied).mask == ragged.mask
    assert annotator.undo_redo(tidied.id, tidied.revision + 1, -1).mask == tidied.mask


def test_the_next_prompt_sets_out_from_the_tidied_mask(
    annotator: Annotator, ragged: ObjectState, queries: list[Query]
) -> None:
    tidied = tidy(annotator, ragged, holes=5, specks=5)
    after = click(annotator, tidied, 100, 30)
    mask = queries[-1].mask
    assert mask is not None
    assert np.array_equal(mask, mask_of(tidied))
    assert mask_of(after)[44, 44:49].all()


def test_the_threshold_is_on_the_networks_probability(annotator: Annotator, state: ObjectState) -> None:
    clicked = click(annotator, state, 60, 45)
    low = tidy(annotator, clicked, threshold=0.05)
    assert low.area > 0.99 * mask_of(low).size  # 0.1 outside the disk
    assert tidy(annotator, low, threshold=0.95).area < 0.1 * clicked.area  # 0.9 inside


@pytest.mark.parametrize("wanted", [{"threshold": 0.95}, {"specks": 5000}, {"smooth": 40}])
def test_what_positive_prompts_show_is_not_tidied_away(
    annotator: Annotator, state: ObjectState, wanted: dict[str, float]
) -> None:
    state = click(annotator, state, 30, 30)
    state = give(annotator, state, type="scribble", path=[[100, 70], [104, 74]])
    untidied, tidied = mask_of(state), mask_of(tidy(annotator, state, **wanted))
    assert tidied[30, 30]
    assert all(tidied[70 + k, 100 + k] for k in range(5))
    assert not (tidied & ~untidied).any()


def test_a_hole_that_a_negative_prompt_shows_is_not_filled(annotator: Annotator, state: ObjectState) -> None:
    given = rle.to_message(rle.encode(np.ones(SIZE, bool)), SIZE).model_dump()
    state = give(annotator, state, type="mask", mask=given)
    state = click(annotator, state, 60, 45, positive=False)
    assert not mask_of(state)[45, 60]
    assert not mask_of(tidy(annotator, state, holes=5000))[45, 60]


def test_no_dots_are_left_on_the_outline_where_logits_were_rounded() -> None:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    logits = (0.05 * (50 - np.hypot(x - 60, y - 45))).astype(np.float32)
    exact = Prediction.from_logits(logits, Crop.whole(SIZE), SIZE)
    rounded = Prediction.from_logits(decode_logits(encode_logits(logits)), Crop.whole(SIZE), SIZE)
    assert (exact.mask != rounded.mask).sum() > 10
    answer = StepAnswer(rle.encode(exact.mask), 1, (0, 0, SIZE[1], SIZE[0]), encode_logits(logits))
    probability = restored(answer, SIZE, []).probability
    assert np.array_equal(probability > 0.49, exact.mask)
    assert np.abs(probability - exact.probability).max() <= 0.02


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"holes": -1}, {"specks": 0.5}, {"smooth": 1001}])
def test_an_impossible_tidying_is_refused(annotator: Annotator, ragged: ObjectState, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        tidy(annotator, ragged, **wrong)


def test_nothing_is_tidied_on_a_new_object(annotator: Annotator, state: ObjectState) -> None:
    with pytest.raises(PromptError, match="no mask to tidy"):
        tidy(annotator, state)
