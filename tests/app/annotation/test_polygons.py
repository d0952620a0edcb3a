"""Masks as outlines, and outlines as masks."""

import itertools
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.polygons import TOLERANCE, enclosed, outlines_of, simplified
from vpuformer.app.schemas import NewStep, ObjectState
from vpuformer.app.step_schemas import MAX_POINTS
from vpuformer.app.store import rle
from vpuformer.arrays import BoolMask
from vpuformer.errors import MaskError, PromptError
from vpuformer.metrics import iou

SIZE = (90, 120)
KEYS = (f"key-{number:05d}" for number in itertools.count())
SQUARE = [[10, 10], [39.5, 10], [39.5, 40], [10, 40]]
HOLE = [[20, 20], [30, 20], [30, 30], [20, 30]]


def ring() -> BoolMask:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    far = (x - 60) ** 2 + (y - 45) ** 2
    return (far < 40**2) & (far > 15**2) | (x < 3)


def give(annotator: Annotator, state: ObjectState, **step: Any) -> ObjectState:
    new = NewStep.model_validate({"key": next(KEYS), "revision": state.revision, "step": step})
    annotator.step(state.id, new)
    return annotator.state(state.id)


def mask_of(state: ObjectState) -> BoolMask:
    assert state.mask is not None
    return rle.from_message(state.mask, SIZE)


def test_outlines_enclose_their_mask_again() -> None:
    outlines = outlines_of(ring())
    assert len(outlines) == 3
    assert np.array_equal(enclosed(outlines, SIZE), ring())


def test_a_larger_tolerance_leaves_fewer_corners_and_costs_more() -> None:
    outlines = outlines_of(ring())
    found = [simplified(outlines, tolerance) for tolerance in (0, 1, 4, 12)]
    corners = [sum(map(len, each)) for each in found]
    costs = [iou(enclosed(each, SIZE), ring().view(np.int8)) for each in found]
    assert corners == sorted(corners, reverse=True)
    assert costs == sorted(costs, reverse=True)
    assert (corners[0] > 200, corners[1] < 60, costs[0], costs[1] > 0.95) == (True, True, 1, True)


def test_outlines_that_collapse_are_left_out() -> None:
    assert simplified([np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])], 5) == []


def test_a_polygon_is_the_mask_and_keeps_its_corners(annotator: Annotator) -> None:
    state = annotator.begin(1, next(KEYS))
    clicked = give(annotator, state, type="click", point=[60, 45])
    traced = annotator.polygon(state.id)
    assert (traced.tolerance, traced.edited, 0.9 < traced.iou < 1) == (TOLERANCE, False, True)
    assert annotator.polygon(state.id, 0).iou == 1
    edited = give(annotator, clicked, type="polygon", outlines=[SQUARE, HOLE])
    mask = mask_of(edited)
    assert (edited.area, mask[15, 15], mask[25, 25], mask[45, 60]) == (30 * 30 - 10 * 10, True, False, False)
    assert [step.live for step in edited.steps] == [False, False]
    arranged = give(annotator, edited, type="arrange", above=None) if len(annotator.store.order(1)) > 1 else edited
    again = annotator.polygon(state.id)
    assert (again.outlines, again.iou, again.edited) == ([SQUARE, HOLE], 1, True)
    undone = annotator.undo_redo(state.id, arranged.revision, -1)
    assert np.array_equal(mask_of(annotator.state(undone.id)), mask_of(clicked))
    assert not annotator.polygon(state.id).edited


def test_a_prompt_goes_on_from_a_polygon(annotator: Annotator) -> None:
    state = give(annotator, annotator.begin(1, next(KEYS)), type="polygon", outlines=[SQUARE])
    clicked = give(annotator, state, type="click", point=[100, 70])
    assert mask_of(clicked)[[20, 70], [20, 100]].all()
    assert not annotator.polygon(state.id).edited


def test_an_object_without_a_mask_has_no_outline(annotator: Annotator) -> None:
    assert annotator.polygon(annotator.begin(1, next(KEYS)).id).outlines == []


def test_polygons_that_are_none_are_refused_and_not_stored(annotator: Annotator) -> None:
    state = annotator.begin(1, next(KEYS))
    with pytest.raises(PromptError, match="encloses no pixel"):
        give(annotator, state, type="polygon", outlines=[[[1, 1], [1.2, 1], [1.2, 1.2]]])
    with pytest.raises(MaskError, match="far outside"):
        give(annotator, state, type="polygon", outlines=[[[1, 1], [9e5, 1], [9, 9]]])
    with pytest.raises(ValidationError, match="at most 10000 are stored; simplify it"):
        give(annotator, state, type="polygon", outlines=[SQUARE * (MAX_POINTS // 4), HOLE])
    assert annotator.state(state.id).steps == []
