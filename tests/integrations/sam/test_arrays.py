"""Prompts as arrays: one frame for clicks and boxes, the same way back, arrays of all kinds, refusals."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.errors import PromptError
from vpuformer.evaluation.baselines.sam_prompts import sam_prompts
from vpuformer.integrations.sam.arrays import from_corner_pixels, prompts_from_arrays, to_corner_pixels
from vpuformer.prompts import Box, Click, Prompt

halves = st.integers(-100, 4000).map(lambda n: n / 2)
sides = st.integers(2, 2000).map(lambda n: n / 2)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), halves, halves, sides, sides)
clicks = st.builds(Click, halves, halves, st.booleans())


@given(boxes)
def test_a_box_comes_back_from_its_corner_pixels(box: Box) -> None:
    corners = to_corner_pixels(box)
    assert from_corner_pixels(corners) == box
    assert prompts_from_arrays(box=corners) == (box,)
    assert to_corner_pixels(from_corner_pixels(corners)).tolist() == corners.tolist()


@given(st.one_of(st.just(()), st.tuples(boxes)), st.lists(clicks, max_size=4))
def test_what_segment_anything_is_told_means_the_same_here(box: tuple[Box, ...], clicks: list[Click]) -> None:
    told = sam_prompts([*box, *clicks])
    back = prompts_from_arrays(told.points, told.labels, told.box)
    assert back == (*clicks, *box)


def test_clicks_and_boxes_lie_in_one_frame() -> None:
    """The box around one pixel holds the click on that pixel in its middle."""
    click, box = prompts_from_arrays([[7, 5]], [1], box=[7, 5, 7, 5])
    assert (click, box) == (Click(7, 5), Box(6.5, 4.5, 7.5, 5.5))


def test_a_box_below_a_pixel_is_its_centre() -> None:
    assert to_corner_pixels(Box(10.1, 4.5, 10.5, 5.5)).tolist() == pytest.approx([10.3, 5, 10.3, 5])


@pytest.mark.parametrize(
    ("arrays", "prompts"),
    [
        (([], [], [[0, 0, 3, 3], [1, 2, 2, 3]]), (Box(-0.5, -0.5, 3.5, 3.5), Box(0.5, 1.5, 2.5, 3.5))),
        ((np.zeros((0, 2)), np.zeros(0)), ()),
        ((torch.tensor([[1.0, 2.0]]), torch.tensor([1])), (Click(1, 2),)),
        ((torch.tensor([[1.0, 2.0]], dtype=torch.bfloat16, requires_grad=True), torch.tensor([True])), (Click(1, 2),)),
        (([[1, 2]], [False]), (Click(1, 2, False),)),
    ],
)
def test_arrays_of_all_kinds(arrays: Any, prompts: tuple[Prompt, ...]) -> None:
    assert prompts_from_arrays(*arrays) == prompts


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (([["1", "2"]], [1]), "point_coords is an array of"),
        (([[1, 2]], ["1"]), "point_labels is an array of"),
        (([[1 + 0j, 2]], [1]), "point_coords is an array of complex128"),
        (([[True, False]], [1]), "point_coords is an array of bool"),
        (([[1, 2], [3]], [1, 1]), "point_coords is not an array of numbers"),
        (([[1, 1]], None), "go together"),
        ((None, [1]), "go together"),
        (([1, 1], [1]), r"wanted \(N, 2\) and \(N,\)"),
        (([[1, 1]], [1, 0]), r"wanted \(N, 2\) and \(N,\)"),
        ((None, None, [1, 2, 3]), r"wanted \(4,\) or \(N, 4\)"),
        (([[1, 2]], [0.5]), "a point's label is 1"),
        (([[1, 2]], [np.nan]), "a point's label is 1"),
        ((None, None, {"x0": 1}), "box is an array of object"),
        ((None, None, [3, 5, 2.9, 9]), "x0 <= x1"),
        ((None, None, [3, np.nan, 4, 9]), "not a finite number"),
    ],
)
def test_what_is_no_array_of_prompts_is_refused(arrays: Any, sentence: str) -> None:
    with pytest.raises(PromptError, match=sentence):
        prompts_from_arrays(*arrays)
