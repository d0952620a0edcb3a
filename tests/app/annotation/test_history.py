from typing import Any

import numpy as np
import pytest

from vpuformer.app.annotation.brush import painted
from vpuformer.app.annotation.history import (
    active_prompts,
    base_step,
    brush_strokes,
    check_step,
    choice,
    lasso_mask,
    prompts,
)
from vpuformer.errors import PromptError
from vpuformer.prompts import Box, Click

CLICK: dict[str, Any] = {"type": "click", "point": [1, 2], "positive": True}
BOX: dict[str, Any] = {"type": "box", "box": [0, 0, 4, 4], "positive": False}
CHOOSE: dict[str, Any] = {"type": "choose", "index": 1}
TIDY: dict[str, Any] = {"type": "tidy", "threshold": 0.49, "holes": 9, "specks": 9, "smooth": 0}
BRUSH: dict[str, Any] = {"type": "brush", "path": [[1, 1]], "radius": 2, "positive": True}


def remove(place: int) -> dict[str, Any]:
    return {"type": "remove", "step": place}


def move(place: int, **where: Any) -> dict[str, Any]:
    return {"type": "move", "step": place, **(where or {"point": [7, 8]})}


@pytest.mark.parametrize(
    ("contents", "counted"),
    [
        ([], []),
        ([CLICK, BOX], [0, 1]),
        ([CLICK, BRUSH, BOX], [0, 2]),
        ([CLICK, {"type": "mask"}, BOX], [2]),
        ([{"type": "lasso"}, CLICK, {"type": "clear"}], []),
        ([{"type": "mask"}, {"type": "clear"}, CLICK], [2]),
        ([CLICK, BOX, remove(0)], [1]),
        ([CLICK, remove(0), remove(0)], []),
        ([CLICK, remove(0), CLICK], [2]),
        ([CLICK, CHOOSE, TIDY, BOX], [0, 3]),
        ([CLICK, BOX, move(0), move(0)], [0, 1]),
        ([CLICK, BOX, remove(0), move(0)], [1]),
    ],
)
def test_which_prompts_count(contents: list[dict[str, Any]], counted: list[int]) -> None:
    assert active_prompts(contents) == counted


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        ([CLICK], None),
        ([BRUSH], None),
        ([CLICK, BRUSH], 0),
        ([{"type": "clear"}, CLICK], 0),
        ([CLICK, {"type": "lasso"}], None),
        ([CLICK, {"type": "clear"}], None),
        ([CLICK, BOX, remove(0), CLICK], 2),
        ([CLICK, TIDY, BOX], 1),
    ],
)
def test_which_answer_a_step_is_made_from(contents: list[dict[str, Any]], place: int | None) -> None:
    assert base_step(contents) == place


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        ([CLICK, remove(0)], None),
        ([CLICK, BOX, remove(0)], None),
        ([CLICK, BOX, remove(1)], 0),
        ([CLICK, BRUSH, BOX, CLICK, remove(2)], 1),
        ([CLICK, CHOOSE, BOX, remove(2)], 1),
        ([CLICK, CHOOSE, BOX, remove(0)], None),
        ([{"type": "lasso"}, CLICK, BOX, remove(1)], 0),
        ([{"type": "lasso"}, CLICK, BOX, remove(2)], 1),
        ([{"type": "lasso"}, BRUSH, CLICK, BOX, remove(2)], 1),
        ([CLICK, BOX, remove(1), remove(0)], None),
        ([CLICK, BOX, BOX, remove(1), remove(2)], 0),
        ([CLICK, BOX, remove(0), BOX, remove(3)], 2),
        ([CLICK, move(0)], None),
        ([CLICK, BOX, move(1)], 0),
        ([CLICK, BRUSH, BOX, move(2)], 1),
        ([CLICK, BOX, move(0), remove(1)], None),
        ([CLICK, move(0), BOX, remove(2)], 1),
        ([CLICK, move(0), BOX, move(2), move(2)], 1),
        ([{"type": "lasso"}, CLICK, move(1)], 0),
    ],
)
def test_a_removal_or_move_goes_back_to_the_last_mask_that_the_prompt_has_not_touched(
    contents: list[dict[str, Any]], place: int | None
) -> None:
    assert base_step(contents) == place


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        ([CLICK, CHOOSE], None),
        ([CLICK, CHOOSE, CHOOSE], None),
        ([CLICK, BRUSH, BOX, CHOOSE], None),
        ([BRUSH, CLICK, CHOOSE], 0),
        ([{"type": "lasso"}, TIDY, CLICK, BOX, CHOOSE], 1),
        ([CLICK, remove(0), BOX, CHOOSE], 1),
    ],
)
def test_candidates_are_of_all_prompts_from_where_they_started(
    contents: list[dict[str, Any]], place: int | None
) -> None:
    assert base_step(contents) == place


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        ([CLICK, TIDY], 0),
        ([CLICK, TIDY, TIDY], 0),
        ([CLICK, TIDY, BRUSH, TIDY], 2),
        ([CLICK, TIDY, {"type": "arrange"}, TIDY], 0),
        ([TIDY], None),
    ],
)
def test_what_is_tidied_is_the_last_answer_that_is_not_tidied(
    contents: list[dict[str, Any]], place: int | None
) -> None:
    assert base_step(contents) == place


@pytest.mark.parametrize(
    ("contents", "index"),
    [
        ([], None),
        ([CLICK], None),
        ([CLICK, CHOOSE], 1),
        ([CLICK, CHOOSE, BRUSH, TIDY], 1),
        ([CLICK, CHOOSE, CLICK], None),
        ([CLICK, CHOOSE, {"type": "clear"}], None),
    ],
)
def test_what_the_mask_was_chosen_by(contents: list[dict[str, Any]], index: int | None) -> None:
    assert choice(contents) is (None if index is None else contents[index])


def test_a_prompt_is_where_it_was_moved_to_last() -> None:
    contents = [CLICK, BOX, move(0), move(1, box=[1, 1, 2, 3]), move(0, point=[9, 9])]
    assert prompts(contents) == (Click(9, 9), Box(1, 1, 2, 3, positive=False))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (move(1), "step 1 is not an active prompt; move one of \\[0, 2\\]"),
        (move(0, box=[0, 0, 1, 1]), "a click is moved by its point alone"),
        (move(0, point=[0, 0], path=[[1, 1]]), "a click is moved by its point alone"),
        ({"type": "move", "step": 2}, "a box is moved by its box alone"),
    ],
)
def test_a_prompt_is_moved_as_what_it_is(step: dict[str, Any], message: str) -> None:
    with pytest.raises(PromptError, match=message):
        check_step([CLICK, BRUSH, BOX], step)


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
    check_step([CLICK, BOX], remove(1))
    for place in (-1, 2):
        with pytest.raises(PromptError, match=r"not an active prompt; remove one of \[0, 1\]"):
            check_step([CLICK, BOX], remove(place))


def test_without_a_prompt_there_is_nothing_to_choose() -> None:
    check_step([CLICK, BRUSH], CHOOSE)
    for contents in ([], [BRUSH], [CLICK, remove(0)], [CLICK, {"type": "mask"}]):
        with pytest.raises(PromptError, match="no active prompt, so no candidates; give"):
            check_step(contents, CHOOSE)


def test_without_a_mask_there_is_nothing_to_tidy() -> None:
    for contents in ([CLICK], [BRUSH], [{"type": "mask"}, TIDY]):
        check_step(contents, TIDY)
    with pytest.raises(PromptError, match="no mask to tidy yet; give"):
        check_step([], TIDY)


def test_a_lasso_encloses() -> None:
    inside = lasso_mask([(1, 1), (6, 1), (6, 4), (1, 4)], (6, 8))
    assert inside.sum() == 6 * 4
    assert inside[1:5, 1:7].all()
    assert lasso_mask([(-50, -50), (50, -50), (50, 50), (-50, 50)], (6, 8)).all()
    with pytest.raises(PromptError, match="encloses no pixel"):
        lasso_mask([(20, 20), (30, 20), (30, 30)], (6, 8))
