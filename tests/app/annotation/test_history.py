from typing import Any

import numpy as np
import pytest

from vpuformer.app.annotation.brush import painted
from vpuformer.app.annotation.history import (
    active_prompts,
    base_step,
    brush_strokes,
    check_removable,
    lasso_mask,
    prompts,
    starting_mask,
)
from vpuformer.errors import PromptError
from vpuformer.prompts import Box, Click

CLICK: dict[str, Any] = {"type": "click", "point": [1, 2], "positive": True}
BOX: dict[str, Any] = {"type": "box", "box": [0, 0, 4, 4], "positive": False}
BRUSH: dict[str, Any] = {"type": "brush", "path": [[1, 1]], "radius": 2, "positive": True}


def remove(place: int) -> dict[str, Any]:
    return {"type": "remove", "step": place}


@pytest.mark.parametrize(
    ("contents", "counted", "begun"),
    [
        ([], [], None),
        ([CLICK, BOX], [0, 1], None),
        ([CLICK, BRUSH, BOX], [0, 2], None),
        ([CLICK, {"type": "mask"}, BOX], [2], 1),
        ([{"type": "lasso"}, CLICK, {"type": "clear"}], [], None),
        ([{"type": "mask"}, {"type": "clear"}, CLICK], [2], None),
        ([CLICK, BOX, remove(0)], [1], None),
        ([CLICK, remove(0), remove(0)], [], None),
        ([CLICK, remove(0), CLICK], [2], None),
    ],
)
def test_which_prompts_count(contents: list[dict[str, Any]], counted: list[int], begun: int | None) -> None:
    assert active_prompts(contents) == counted
    assert starting_mask(contents) == begun


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        ([CLICK], None),
        ([BRUSH], None),
        ([CLICK, BRUSH], 0),
        ([{"type": "clear"}, CLICK], 0),
        ([CLICK, {"type": "lasso"}], None),
        ([CLICK, {"type": "clear"}], None),
        ([{"type": "lasso"}, CLICK, BOX, remove(1)], 0),
        ([CLICK, BOX, remove(0)], None),
        ([CLICK, BOX, remove(0), CLICK], 2),
    ],
)
def test_which_answer_a_step_is_made_from(contents: list[dict[str, Any]], place: int | None) -> None:
    assert base_step(contents) == place


def test_strokes_since_the_last_mask_to_start_from_are_drawn_in_their_order() -> None:
    erased = {**BRUSH, "positive": False, "radius": 0.5}
    assert brush_strokes([BRUSH, {"type": "clear"}, CLICK, BRUSH, BOX, erased, remove(2)]) == [BRUSH, erased]
    assert brush_strokes([BRUSH, {"type": "mask"}]) == brush_strokes([CLICK]) == []
    mask = painted(np.zeros((4, 4), bool), [BRUSH, erased])
    assert not mask[1, 1]
    assert mask[1, 2]
    assert painted(mask, [erased, BRUSH])[1, 1]


def test_the_prompts_that_count_in_their_order() -> None:
    assert prompts([CLICK, BRUSH, BOX]) == (Click(1, 2), Box(0, 0, 4, 4, positive=False))


def test_only_prompts_that_count_can_be_taken_away() -> None:
    check_removable([CLICK, BOX], 1)
    for place in (-1, 2):
        with pytest.raises(PromptError, match=r"not an active prompt; remove one of \[0, 1\]"):
            check_removable([CLICK, BOX], place)


def test_a_lasso_encloses() -> None:
    inside = lasso_mask([(1, 1), (6, 1), (6, 4), (1, 4)], (6, 8))
    assert inside.sum() == 6 * 4
    assert inside[1:5, 1:7].all()
    assert lasso_mask([(-50, -50), (50, -50), (50, 50), (-50, 50)], (6, 8)).all()
    with pytest.raises(PromptError, match="encloses no pixel"):
        lasso_mask([(20, 20), (30, 20), (30, 30)], (6, 8))
