"""Masks of clicks that nobody has given."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from support.app_disks import Disks
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.schemas import NewPreview, NewStep, ObjectState, Preview
from vpuformer.errors import ConflictError, PromptError

KEYS = (f"key-{number:05d}" for number in itertools.count())


def give(annotator: Annotator, state: ObjectState, **step: Any) -> ObjectState:
    new = NewStep.model_validate({"key": next(KEYS), "revision": state.revision, "step": step})
    annotator.step(state.id, new)
    return annotator.state(state.id)


def preview(annotator: Annotator, x: float, y: float, **more: Any) -> Preview:
    """The preview, once the network is idle."""
    deadline = time.monotonic() + 20
    while True:
        answer = annotator.preview(1, NewPreview.model_validate({"point": [x, y], **more}))
        if answer.mask is not None:
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_preview_is_the_mask_of_the_click_and_leaves_nothing_behind(annotator: Annotator) -> None:
    shown = preview(annotator, 30, 30)
    first = give(annotator, annotator.begin(1, next(KEYS)), type="click", point=[30, 30])
    assert (shown.mask, first.id) == (first.mask, 1)
    shown = preview(annotator, 90, 60, object=first.id)
    assert annotator.state(first.id) == first
    assert shown.mask == give(annotator, first, type="click", point=[90, 60]).mask
    assert len(annotator.store.history(first.id)[1]) == 2


def test_a_preview_leaves_out_objects_that_are_kept_off(annotator: Annotator) -> None:
    first = give(annotator, annotator.begin(1, next(KEYS)), type="click", point=[30, 30])
    free, kept = preview(annotator, 45, 30), preview(annotator, 45, 30, keep_off=[first.id])
    assert free.mask is not None
    assert kept.mask != free.mask


def test_a_preview_waits_for_nothing(annotator: Annotator, disks: Disks) -> None:
    state = annotator.begin(1, next(KEYS))
    go, begun = threading.Event(), threading.Event()
    disks.before = lambda: (begun.set(), go.wait(20))
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(give, annotator, state, type="click", point=[30, 30])
        assert begun.wait(20)
        assert annotator.preview(1, NewPreview(point=(50, 50))).mask is None
        assert annotator.preview(1, NewPreview(point=(50, 50), object=state.id)).mask is None
        go.set()
        assert np.isclose(asked.result(20).area, np.pi * disks.radius**2, rtol=0.02)


def test_previews_that_fit_nothing_are_refused(annotator: Annotator) -> None:
    other = annotator.begin(2, next(KEYS))
    with pytest.raises(PromptError, match="outside the image"):
        annotator.preview(1, NewPreview(point=(500, 5)))
    with pytest.raises(ConflictError, match="another image"):
        annotator.preview(1, NewPreview(point=(5, 5), object=other.id))
