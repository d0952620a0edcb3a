"""Pixels that strokes have set stay set, though the segmenter does all to undo them."""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from support.app_states import whole
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.brush import brushed
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.store import Store
from vpuformer.arrays import BoolMask, FloatMap
from vpuformer.errors import ConflictError, PromptError
from vpuformer.inference.prediction import Candidate, Prediction
from vpuformer.inference.protocol import Encoded, Query

SIZE = (24, 32)

_numbers = itertools.count(10_000_000)


class Contrary:
    """Answers the opposite of the mask so far, less surely at every prompt."""

    name, sha256 = "contrary", "0" * 64

    def __init__(self) -> None:
        self.seen: list[FloatMap | None] = []

    def encode(self, image: np.ndarray) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Prediction:
        self.seen.append(query.mask)
        before = np.zeros(query.encoded.size, np.float32) if query.mask is None else query.mask
        probability = 0.07 + 0.81 * (1 - before) - 0.013 * len(query.prompts)
        logits = np.log(probability / (1 - probability)).astype(np.float32)
        masks = (probability > 0.49, before > 0.49, np.zeros_like(before, bool), np.ones_like(before, bool))
        candidates = tuple(Candidate(mask, 0.9 - place / 8) for place, mask in enumerate(masks))
        return Prediction(probability, logits=logits[::2, ::2], candidates=candidates if query.candidates else ())


@contextmanager
def annotating(segmenter: Contrary) -> Iterator[tuple[Path, Annotator]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.new("RGB", (SIZE[1], SIZE[0])).save(folder / "a.png")
        annotator = opened(folder, segmenter)
        yield folder, annotator
        annotator.close()


def opened(folder: Path, segmenter: Contrary) -> Annotator:
    return Annotator(Folder(folder), Store(folder / "kept.sqlite"), segmenter)


points = st.tuples(st.integers(0, SIZE[1] - 1), st.integers(0, SIZE[0] - 1)).map(list)
signs = st.booleans()
areas = st.sampled_from([0, 4, 1000])


def step(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


paths = st.lists(points, min_size=1, max_size=3)
strokes = step("brush", path=paths, radius=st.sampled_from([0.5, 3, 8]), positive=signs)
prompts = st.one_of(
    step("click", point=points, positive=signs, only_here=signs), step("scribble", path=paths, positive=signs)
)
full = rle.to_message(rle.encode(np.ones(SIZE, bool)), SIZE).model_dump()
actions = st.one_of(
    strokes,
    strokes,
    prompts,
    prompts,
    st.sampled_from(["undo", "redo"]),
    step("remove", step=st.integers(0, 6)),
    step("choose", index=st.integers(0, 4)),
    step("tidy", threshold=st.sampled_from([0.1, 0.49, 0.8]), holes=areas, specks=areas, smooth=st.integers(0, 5)),
    st.sampled_from(
        [{"type": "clear"}, {"type": "mask", "mask": full}, {"type": "lasso", "path": [[2, 2], [20, 2], [9, 20]]}]
    ),
)


def act(annotator: Annotator, state: ObjectState, action: dict[str, Any] | str) -> ObjectState:
    """The whole state after an action; the same state if the action is refused."""
    try:
        if isinstance(action, str):
            answer = annotator.undo_redo(state.id, state.revision, -1 if action == "undo" else 1)
        else:
            sent = {"key": f"key-{next(_numbers)}", "revision": state.revision, "step": action}
            answer = annotator.step(state.id, NewStep.model_validate(sent))
    except (ConflictError, PromptError):
        return state
    return ObjectState.model_validate(whole(state.model_dump(), answer.model_dump()))


def mask_of(state: ObjectState) -> BoolMask:
    return np.zeros(SIZE, bool) if state.mask is None else rle.from_message(state.mask, SIZE)


def set_by_hand(state: ObjectState) -> tuple[BoolMask, BoolMask]:
    """The pixels that strokes in force have set, and what they are set to."""
    fixed, value = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    for each in state.steps[: state.at]:
        if each.type in ("mask", "lasso", "clear"):
            fixed[:] = False
        elif each.type == "brush":
            under = brushed(np.zeros(SIZE, bool), each.path or [], each.radius or 0, positive=True)
            fixed |= under
            value[under] = each.positive
    return fixed, value


CLICK = {"type": "click", "point": [9, 9], "positive": True}
ERASE = {"type": "brush", "path": [[9, 9]], "radius": 3, "positive": False}
PAINT = {"type": "brush", "path": [[20, 9]], "radius": 3, "positive": True}
TIDY = {"type": "tidy", "threshold": 0.49, "holes": 1000, "specks": 1000, "smooth": 0}


@settings(max_examples=60, deadline=None)
@given(st.lists(actions, min_size=2, max_size=10))
@example([CLICK, ERASE, CLICK])
@example([CLICK, PAINT, CLICK, CLICK])
@example([CLICK, ERASE, PAINT, CLICK, {"type": "remove", "step": 0}])
@example([CLICK, ERASE, {**ERASE, "radius": 1, "positive": True}, CLICK])
@example([CLICK, ERASE, "undo", CLICK])
@example([CLICK, ERASE, "undo", "redo", CLICK])
@example([CLICK, ERASE, PAINT, {"type": "choose", "index": 3}])
@example([{"type": "mask", "mask": full}, ERASE, TIDY, CLICK])
@example([PAINT, ERASE, CLICK, TIDY])
def test_what_was_set_stays_set_and_the_segmenter_sees_it(history: list[dict[str, Any] | str]) -> None:
    segmenter = Contrary()
    with annotating(segmenter) as (_, annotator):
        state = annotator.begin(1, f"key-{next(_numbers)}")
        for action in history:
            segmenter.seen.clear()
            state = act(annotator, state, action)
            fixed, value = set_by_hand(state)
            assert (mask_of(state)[fixed] == value[fixed]).all()
            probability = annotator.probability(state.id)
            assert probability is None or (probability[fixed] == value[fixed]).all()
            for mask in segmenter.seen:
                assert mask is None or (mask[fixed] == value[fixed]).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(actions, min_size=2, max_size=6))
@example([CLICK, CLICK, CLICK])
@example([CLICK, ERASE, CLICK, {"type": "remove", "step": 0}])
@example([CLICK, {"type": "choose", "index": 1}, CLICK, TIDY])
def test_a_restart_changes_no_answer(history: list[dict[str, Any] | str]) -> None:
    with annotating(Contrary()) as (_, steady), annotating(Contrary()) as (folder, again):
        one, other = (annotator.begin(1, "the-object") for annotator in (steady, again))
        for action in history:
            again.close()
            again = opened(folder, Contrary())
            one, other = act(steady, one, action), act(again, other, action)
            assert (one.mask, one.steps, one.choice) == (other.mask, other.steps, other.choice)
            maps = steady.probability(one.id), again.probability(other.id)
            assert np.array_equal(*(np.zeros(SIZE) if each is None else each for each in maps))
        again.close()


def test_a_click_on_an_erased_pixel_leaves_it_erased() -> None:
    with annotating(Contrary()) as (_, annotator):
        state = annotator.begin(1, "the-object")
        for action in (CLICK, ERASE, CLICK):
            state = act(annotator, state, action)
        assert not mask_of(state)[9, 9]
        painted = act(annotator, state, {**ERASE, "radius": 0.5, "positive": True})
        assert mask_of(act(annotator, painted, CLICK))[9, 9]
        assert not mask_of(state)[9, 10]
