"""Prompts as values: what they refuse, how they fit a picture, how they are written down."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.cli.prompts import read_prompts
from vpuformer.errors import PromptError
from vpuformer.geometry import Crop, FrameMap
from vpuformer.prompts import (
    Box,
    Click,
    Prompt,
    Scribble,
    fit_to_picture,
    prompt_from_dict,
    prompt_to_dict,
    prompts_from_json,
    prompts_to_json,
)

coordinates = st.floats(-1e4, 1e4)
clicks = st.builds(Click, coordinates, coordinates, st.booleans())
boxes = st.builds(
    lambda x, y, w, h, positive: Box(x, y, x + w, y + h, positive),
    coordinates,
    coordinates,
    st.floats(0.5, 1e3),
    st.floats(0.5, 1e3),
    st.booleans(),
)
scribbles = st.builds(
    lambda path, positive: Scribble(tuple(path), positive),
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8),
    st.booleans(),
)
prompts = st.one_of(clicks, boxes, scribbles)


@given(st.lists(prompts, max_size=5))
def test_what_is_written_is_read_again(given_prompts: list[Prompt]) -> None:
    assert prompts_from_json(prompts_to_json(given_prompts)) == tuple(given_prompts)


@given(prompts)
def test_a_map_and_its_inverse_leave_a_prompt_where_it_was(prompt: Prompt) -> None:
    frame = FrameMap(Crop(left=3, top=-7, width=640, height=333), (448, 448))
    back = prompt.mapped(frame.to_target).mapped(frame.to_source)
    np.testing.assert_allclose(back.points, prompt.points, atol=1e-6)
    assert (back.kind, back.positive) == (prompt.kind, prompt.positive)


def test_a_mirrored_box_keeps_its_corners_in_order() -> None:
    mirrored = Box(10, 20, 30, 50).mapped(lambda points: points * (-1, 1) + (99, 0))
    assert mirrored == Box(69, 20, 89, 50)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_coordinates_that_are_no_numbers_are_refused(bad: float) -> None:
    for make in (lambda: Click(bad, 1), lambda: Box(0, bad, 5, 5), lambda: Scribble(((1, 1), (2, bad)))):
        with pytest.raises(PromptError, match="not a finite number"):
            make()


@pytest.mark.parametrize("corners", [(10, 10, 5, 20), (10, 10, 20, 10), (1, 1, 1, 1)])
def test_a_box_without_extent_is_refused(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(PromptError, match="x0 < x1 and y0 < y1"):
        Box(*corners)


def test_an_empty_scribble_is_refused() -> None:
    with pytest.raises(PromptError, match="at least one point"):
        Scribble(())
    with pytest.raises(PromptError, match="pairs"):
        Scribble(((1, 2, 3),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "fitted"),
    [
        (Click(-0.5, 49.5), Click(-0.5, 49.5)),
        (Box(-4, 3, 20, 80), Box(-0.5, 3, 20, 49.5)),
        (Scribble(((-9, 5), (9, 5))), Scribble(((-0.5, 5), (9, 5)))),
    ],
)
def test_what_crosses_the_edge_is_clipped(prompt: Prompt, fitted: Prompt) -> None:
    assert fit_to_picture([prompt], (50, 100)) == (fitted,)


@pytest.mark.parametrize("prompt", [Click(100, 20), Click(5, -3), Box(200, 0, 220, 9), Scribble(((3, 90), (9, 99)))])
def test_what_lies_outside_is_refused(prompt: Prompt) -> None:
    with pytest.raises(PromptError, match="outside the picture, which is 100 pixels wide and 50 high"):
        fit_to_picture([prompt], (50, 100))


def test_a_box_that_only_touches_the_edge_is_refused() -> None:
    with pytest.raises(PromptError, match="only along its edge"):
        fit_to_picture([Box(99.5, 3, 110, 9)], (50, 100))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "is no JSON"),
        ("3", "a JSON list"),
        ("[3]", "a prompt is an object"),
        ('[{"type": "lasso"}]', "one of click, box, scribble, got 'lasso'"),
        ('[{"type": "click"}]', "not a prompt"),
        ('[{"type": "click", "point": [1]}]', "not a prompt"),
        ('[{"type": "box", "box": ["a", 1, 2, 3]}]', "not a prompt"),
        ('[{"type": "click", "point": [1, 2], "positive": "no"}]', "true or false"),
        ('[{"type": "scribble", "path": 3}]', "pairs"),
        (f'[{{"type": "click", "point": [1, 1{"0" * 400}]}}]', "not a prompt"),
        (f'[{{"type": "scribble", "path": [[1, 1{"0" * 400}]]}}]', "pairs"),
        (f'[{{"type": "click", "point": [1, {"1" * 5000}]}}]', "is no JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_prompt_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(PromptError, match=sentence):
        prompts_from_json(text)


def test_positive_may_be_left_out_and_prompts_may_be_named() -> None:
    assert prompts_from_json('{"prompts": [{"type": "click", "point": [1, 2]}]}') == (Click(1, 2),)
    assert prompt_from_dict(prompt_to_dict(Click(1, 2, positive=False))) == Click(1, 2, positive=False)


def test_the_length_of_a_scribble() -> None:
    assert Scribble(((0, 0), (3, 4), (3, 10))).length == 11


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_prompts_of_a_file_are_read_in_every_encoding_of_json(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "prompts.json").write_bytes('[{"type": "click", "point": [70, 20]}]'.encode(encoding))
    assert read_prompts(tmp_path / "prompts.json") == (Click(70, 20),)
