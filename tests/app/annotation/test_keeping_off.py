"""Pixels of objects that a step keeps off are never in its answer."""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.store import Store
from vpuformer.arrays import BoolMask, FloatMap
from vpuformer.inference.prediction import Candidate, Prediction
from vpuformer.inference.protocol import Encoded, Query

SIZE = (8, 10)
LEFT, TOP = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
LEFT[:, :4] = True
TOP[:3] = True
CLICK = {"type": "click", "point": [5, 5]}

_numbers = itertools.count(20_000_000)


class Everything:
    """Answers with the whole image."""

    name, sha256 = "everything", "0" * 64

    def __init__(self) -> None:
        self.seen: list[FloatMap | None] = []

    def encode(self, image: np.ndarray) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        self.seen += [query.mask for query in queries]
        full = np.full(SIZE, 0.9, np.float32)
        logits = np.full((4, 4), 2.2, np.float32)
        return [Prediction(full, logits=logits, candidates=(Candidate(full > 0.5, 1.0),)) for _ in queries]


@pytest.fixture
def annotator(tmp_path: Path) -> Iterator[Annotator]:
    for name in ("a.png", "b.png"):
        Image.new("RGB", SIZE[::-1]).save(tmp_path / name)
    annotator = opened(tmp_path)
    yield annotator
    annotator.close()


def opened(folder: Path) -> Annotator:
    return Annotator(Folder(folder), Store(folder / "kept.sqlite"), Everything())


def others(annotator: Annotator, image: int = 1) -> list[int]:
    """Ids of two objects with the masks LEFT and TOP."""
    steps = [{"type": "mask", "mask": rle.to_message(rle.encode(mask), SIZE).model_dump()} for mask in (LEFT, TOP)]
    states = [annotator.begin(image, f"other-{next(_numbers)}") for _ in steps]
    return [act(annotator, *pair).id for pair in zip(states, steps, strict=True)]


def act(annotator: Annotator, state: ObjectState, step: dict[str, Any], keep_off: Sequence[int] = ()) -> ObjectState:
    sent = {"key": f"key-{next(_numbers)}", "revision": state.revision, "step": step, "keep_off": list(keep_off)}
    annotator.step(state.id, NewStep.model_validate(sent))
    return annotator.state(state.id)


def mask(state: ObjectState) -> BoolMask:
    return np.zeros(SIZE, bool) if state.mask is None else rle.from_message(state.mask, SIZE)


@pytest.mark.parametrize(
    "step",
    [
        CLICK,
        {"type": "lasso", "path": [[0, 0], [9, 0], [9, 7], [0, 7]]},
        {"type": "brush", "path": [[5, 5]], "radius": 20},
        {"type": "mask", "mask": rle.to_message(rle.encode(np.ones(SIZE, bool)), SIZE).model_dump()},
        {"type": "tidy", "threshold": 0.1},
        {"type": "choose", "index": 0},
        {"type": "remove", "step": 0},
    ],
    ids=lambda step: step["type"],
)
def test_no_kind_of_step_takes_pixels_of_others(annotator: Annotator, step: dict[str, Any]) -> None:
    kept_off = others(annotator)
    state = annotator.begin(1, "object-1")
    if step["type"] in ("tidy", "choose", "remove"):
        state = act(annotator, act(annotator, state, CLICK), CLICK)
        assert mask(state).all(), "before, it has them"
    state = act(annotator, state, step, kept_off)
    assert np.array_equal(mask(state), ~(LEFT | TOP))
    assert state.area == mask(state).sum()


def test_the_network_sees_what_is_left_and_a_step_without_the_switch_may_take_all(annotator: Annotator) -> None:
    kept_off = others(annotator)
    state = act(annotator, annotator.begin(1, "object-1"), {"type": "brush", "path": [[5, 5]], "radius": 20}, kept_off)
    state = act(annotator, state, CLICK)
    segmenter = annotator.segmenter
    assert isinstance(segmenter, Everything)
    seen = segmenter.seen[-1]
    assert seen is not None
    assert np.array_equal(seen > 0.49, ~(LEFT | TOP)), "not what the brush painted over others"
    assert mask(state).all()
    probability = annotator.probability(state.id)
    assert probability is not None
    assert probability.min() > 0.49


def test_what_was_kept_off_is_stored_so_that_a_lost_answer_is_the_same_again(
    annotator: Annotator, tmp_path: Path
) -> None:
    left, top = others(annotator)
    state = act(annotator, annotator.begin(1, "object-1"), CLICK, [left, top, 99, state_of_other_image(annotator)])
    expected = mask(state)
    act(annotator, annotator.state(left), {"type": "clear"})  # it was there when the step was answered
    annotator.change(top, deleted=True)
    store = sa.create_engine(f"sqlite:///{tmp_path / 'kept.sqlite'}")
    with store.begin() as connection:
        content = connection.scalar(sa.text("select content from step where object = :id"), {"id": state.id})
        assert len(json.loads(content)["keep_off"]) == 2
        lost = "update step set mask = null, area = null, logits = null, crop = null where object = :id"
        connection.execute(sa.text(lost), {"id": state.id})
    store.dispose()
    again = annotator.state(state.id)
    assert np.array_equal(mask(again), expected)
    assert np.array_equal(expected, ~(LEFT | TOP))


def test_a_first_box_that_keeps_off_others_is_not_answered_like_an_imported_one(
    annotator: Annotator, tmp_path: Path
) -> None:
    state = act(annotator, annotator.begin(1, "object-1"), {"type": "box", "box": [1, 1, 9, 7]}, others(annotator))
    store = sa.create_engine(f"sqlite:///{tmp_path / 'kept.sqlite'}")
    with store.begin() as connection:
        lost = "update step set mask = null, area = null, logits = null, crop = null where object = :id"
        connection.execute(sa.text(lost), {"id": state.id})
    store.dispose()
    assert annotator.store.waiting_boxes() == {}
    again = annotator.state(state.id)
    assert np.array_equal(mask(again), ~(LEFT | TOP))
    assert np.array_equal(mask(again), mask(state))


def state_of_other_image(annotator: Annotator) -> int:
    return others(annotator, image=2)[0]


def test_an_object_does_not_keep_off_itself_nor_off_deleted_or_undone_ones(annotator: Annotator) -> None:
    left, top = others(annotator)
    annotator.change(left, deleted=True)
    annotator.undo_redo(top, 1, -1)
    state = annotator.begin(1, "object-1")
    state = act(annotator, act(annotator, state, CLICK), CLICK, [state.id, left, top])
    assert mask(state).all()
