"""Prompts as values: what they refuse, how they fit an image, how they are written down."""

import json
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpuformer.cli.prompts import read_prompts
from vpuformer.errors import PromptError
from vpuformer.prompts import (
    Box,
    Click,
    Prompt,
    Scribble,
    clip,
    fit_to_image,
    prompt_from_dict,
    prompt_to_dict,
    prompts_from_json,
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
gapped = st.builds(
    lambda pieces: Scribble(
        tuple(point for piece in pieces for point in piece),
        gaps=tuple(accumulate(len(piece) for piece in pieces[:-1])),
    ),
    st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4), min_size=1, max_size=4),
)
prompts = st.one_of(clicks, boxes, scribbles)


def as_json(given: Iterable[Prompt]) -> str:
    return json.dumps([prompt_to_dict(prompt) for prompt in given])


@pytest.mark.parametrize("none", [Click(1, 2), None, [(1, 2)], "ab"])
def test_what_is_no_list_of_prompts_is_refused(none: Any) -> None:
    with pytest.raises(PromptError, match="Click"):
        fit_to_image(none, (10, 10))


@given(st.lists(prompts, max_size=5))
def test_what_is_written_is_read_again(given_prompts: list[Prompt]) -> None:
    assert prompts_from_json(as_json(given_prompts)) == tuple(given_prompts)


@given(gapped)
def test_a_stroke_with_gaps_is_read_again(scribble: Scribble) -> None:
    assert prompts_from_json(as_json([scribble])) == (scribble,)


@pytest.mark.parametrize("gaps", [(0,), (3,), (2, 1), (1, 1), (1.5,), 1, ("1",)])
def test_gaps_that_are_no_ascending_indices_are_refused(gaps: Any) -> None:
    with pytest.raises(PromptError, match="gaps of a scribble"):
        Scribble(((0, 0), (1, 1), (2, 2)), gaps=gaps)


@given(prompts)
def test_a_map_and_its_inverse_leave_a_prompt_where_it_was(prompt: Prompt) -> None:
    back = prompt.mapped(lambda points: points * (3, 0.5) + (7, -4)).mapped(
        lambda points: (points - (7, -4)) / (3, 0.5)
    )
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


@pytest.mark.parametrize(
    "bad",
    [
        *("3", None, True, np.bool_(True), 3j, np.complex64(3), [3], np.array([3.0]), 10**400, np.nan, (1, 2), b"3"),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("1e400")),
    ],
)
def test_coordinates_that_are_no_real_numbers_are_refused(bad: Any) -> None:
    for make in (lambda: Click(bad, 1), lambda: Box(0, 1, 5, bad), lambda: Scribble(((1, 1), (2, bad)))):
        with pytest.raises(PromptError, match="not a finite number"):
            make()


@pytest.mark.parametrize("bad", ["no", "", -1, 0, 1, None, 1.0, np.int64(1), np.array([True])])
def test_a_sign_that_is_no_bool_is_refused(bad: Any) -> None:
    for make in (lambda: Click(3, 4, bad), lambda: Box(0, 1, 5, 6, bad), lambda: Scribble(((1, 1),), bad)):
        with pytest.raises(PromptError, match="is true or false"):
            make()


@pytest.mark.parametrize(
    "kind", [int, np.int64, np.uint8, np.float16, np.float32, np.array, torch.tensor, Fraction, Decimal]
)
def test_numbers_of_any_library_become_floats(kind: Callable[[int], Any]) -> None:
    n = [kind(i) for i in (3, 4, 9, 12)]
    made = (Click(n[0], n[1]), Box(*n), Scribble(((n[0], n[1]), (n[2], n[3]))))
    assert made == (Click(3.0, 4.0), Box(3.0, 4.0, 9.0, 12.0), Scribble(((3.0, 4.0), (9.0, 12.0))))
    assert prompts_from_json(as_json(made)) == made
    assert all(type(value) is float for prompt in made for value in prompt.bounds)


def test_signs_and_points_of_numpy_and_torch_are_taken() -> None:
    for true in (np.bool_(True), np.array(True), torch.tensor(True)):
        assert Click(1, 2, true).positive is True  # type: ignore[arg-type]
    learned = torch.tensor([[1.5, 2.0], [3.0, 4.0]], dtype=torch.bfloat16, requires_grad=True)
    assert Scribble(learned).path == ((1.5, 2.0), (3.0, 4.0))  # type: ignore[arg-type]
    assert Scribble(np.array([[1, 2], [3, 4]])).path == ((1.0, 2.0), (3.0, 4.0))  # type: ignore[arg-type]


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
    assert fit_to_image([prompt], (50, 100)) == (fitted,)


@pytest.mark.parametrize(
    "prompt",
    [
        Click(100, 20),
        Click(5, -3),
        Box(200, 0, 220, 9),
        Box(99.5, 3, 110, 9),  # shares an edge only
        Scribble(((3, 90), (9, 99))),
        Scribble(((-50, 40), (-50, -50), (70, -50))),  # around a corner: its bounds reach in, the stroke does not
        Scribble(((-50, 40), (40, -50), (200, 40))),
        Scribble(((5, -3),)),
        Scribble(((-1e308, 40), (1e308, 1e308))),
    ],
)
def test_what_lies_outside_is_refused(prompt: Prompt) -> None:
    with pytest.raises(PromptError, match="outside the image, which is 100 pixels wide and 50 high"):
        fit_to_image([prompt], (50, 100))


def test_a_scribble_that_leaves_and_returns_keeps_every_piece_and_gains_no_line() -> None:
    stroke = Scribble(((10, 10), (10, -30), (40, -30), (40, 20), (80, 20), (120, 20), (120, 30), (60, 30)), False)
    (fitted,) = fit_to_image([stroke], (50, 100))
    assert fitted == Scribble(
        ((10, 10), (10, -0.5), (40, -0.5), (40, 20), (80, 20), (99.5, 20), (99.5, 30), (60, 30)), False, gaps=(2, 6)
    )
    assert isinstance(fitted, Scribble)
    assert fitted.length == 10.5 + 20.5 + 59.5 + 39.5


def test_a_scribble_is_cut_along_its_line_and_not_moved_to_the_edge() -> None:
    (fitted,) = fit_to_image([Scribble(((-50, 40), (40, -50), (40, 20)))], (50, 100))
    assert fitted == Scribble(((40, -0.5), (40, 20)))
    (fitted,) = fit_to_image([Scribble(((-1e8, 25), (1e9, 25)))], (50, 100))
    assert fitted.bounds == pytest.approx((-0.5, 25, 99.5, 25), abs=1e-5)


def _points_along(scribble: Scribble) -> np.ndarray:
    """A point every tenth of a pixel or closer."""
    pieces = [
        np.linspace(start, end, 2 + int(10 * np.hypot(*(end - start))))
        for piece in scribble.pieces
        for start, end in pairwise(piece if len(piece) > 1 else np.repeat(piece, 2, axis=0))
    ]
    return np.concatenate(pieces)


near = st.tuples(st.integers(-30, 60).map(float), st.integers(-30, 50).map(float))


@settings(max_examples=60, deadline=None)
@given(st.lists(near, min_size=2, max_size=7))
def test_clipping_keeps_exactly_the_points_inside(path: list[tuple[float, float]]) -> None:
    edges = (-0.5, -0.5, 29.5, 19.5)
    scribble = Scribble(tuple(path))
    along = _points_along(scribble)
    distance = np.maximum(along - edges[2:], edges[:2] - along).max(axis=1)  # below 0 inside
    kept = clip(scribble, edges)
    if kept is None:
        assert (distance > 0).all()
        return
    assert isinstance(kept, Scribble)
    assert clip(kept, edges) == kept
    ours = _points_along(kept)
    assert (np.maximum(ours - edges[2:], edges[:2] - ours) <= 0).all()
    to_ours = np.linalg.norm(along[:, None] - ours[None], axis=2)
    assert to_ours.min(axis=0).max() < 0.1  # nothing that was not drawn
    assert (to_ours[distance < 0].min(axis=1) < 0.2).all()  # nothing drawn inside is missing


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "is not JSON"),
        ("3", "a JSON list"),
        ("[3]", "a prompt is an object"),
        ('[{"type": "lasso"}]', "one of click, box, scribble, got 'lasso'"),
        ('[{"type": "click"}]', "not a prompt"),
        ('[{"type": "click", "point": [1]}]', "not a prompt"),
        ('[{"type": "box", "box": ["a", 1, 2, 3]}]', "not a finite number: 'a'"),
        ('[{"type": "click", "point": ["1", 2]}]', "not a finite number: '1'"),
        ('[{"type": "click", "point": [true, 2]}]', "not a finite number: True"),
        ('[{"type": "click", "point": [1, 2], "positive": "no"}]', "true or false"),
        ('[{"type": "scribble", "path": 3}]', "pairs"),
        (f'[{{"type": "click", "point": [1, 1{"0" * 400}]}}]', "not a finite number"),
        (f'[{{"type": "scribble", "path": [[1, 1{"0" * 400}]]}}]', "not a finite number"),
        (f'[{{"type": "click", "point": [1, {"1" * 5000}]}}]', "is not JSON"),
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
