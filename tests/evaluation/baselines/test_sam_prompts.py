"""What Segment Anything is told of clicks, boxes and scribbles, worked by hand."""

import numpy as np
import pytest

from vpuformer.evaluation.baselines.sam_prompts import (
    MOST_STROKE_POINTS,
    STROKE_SPACING,
    sam_prompts,
    stroke_points,
    to_frame,
    whole_object_boxes,
)
from vpuformer.prompts import Box, Click, Prompt, Scribble


def test_clicks_are_points_as_they_are() -> None:
    told = sam_prompts([Click(3, 4), Click(5.5, 6, False)])
    assert told.points.tolist() == [[3, 4], [5.5, 6]]
    assert told.labels.tolist() == [1, 0]
    assert told.labels.dtype == np.int64
    assert told.box is None


def test_a_box_is_the_pixels_in_its_corners() -> None:
    told = sam_prompts([Box(-0.5, -0.5, 63.5, 47.5)])
    assert told.box is not None
    assert told.box.tolist() == [0, 0, 63, 47]
    assert told.points.shape == (0, 2)


@pytest.mark.parametrize(
    ("prompts", "whole"),
    [
        ([Box(0, 0, 9, 9)], [0]),
        ([Box(0, 0, 9, 9, False)], []),
        ([Click(5, 5), Box(0, 0, 9, 9)], [1]),
        ([Click(20, 5), Box(0, 0, 9, 9)], []),
        ([Click(20, 5, False), Box(0, 0, 9, 9)], [1]),
        ([Scribble(((5, 5), (20, 5))), Box(0, 0, 9, 9)], []),
        ([Box(0, 0, 9, 9), Box(5, 5, 12, 12)], [0]),
        ([Box(0, 0, 9, 9), Box(2, 2, 4, 4)], [0]),
        ([Box(2, 2, 4, 4), Box(0, 0, 9, 9)], [0, 1]),
        ([Box(0, 0, 9, 9), Click(20, 20)], [0]),
    ],
    ids=str,
)
def test_a_box_of_the_whole_object_holds_what_was_shown_before(prompts: list[Prompt], whole: list[int]) -> None:
    assert whole_object_boxes(prompts) == whole


def test_the_last_box_of_the_whole_object_counts_and_those_of_parts_are_their_centres() -> None:
    told = sam_prompts([Box(2.5, 2.5, 4.5, 4.5), Box(-0.5, -0.5, 9.5, 9.5), Box(7.5, 7.5, 13.5, 11.5)])
    assert told.box is not None
    assert told.box.tolist() == [0, 0, 9, 9]
    assert (told.points.tolist(), told.labels.tolist()) == ([[10.5, 9.5]], [1])


def test_a_negative_box_is_its_centre() -> None:
    told = sam_prompts([Click(1, 1), Box(9.5, 9.5, 19.5, 29.5, False)])
    assert told.points.tolist() == [[1, 1], [14.5, 19.5]]
    assert told.labels.tolist() == [1, 0]
    assert told.box is None


def test_a_scribble_is_points_along_it() -> None:
    along = stroke_points(Scribble(((10, 0), (10, 2.5 * STROKE_SPACING))))
    assert along[:, 0].tolist() == [10, 10, 10]
    assert along[:, 1] == pytest.approx(np.array([1, 3, 5]) * 2.5 * STROKE_SPACING / 6)
    told = sam_prompts([Scribble(((0, 0), (0, 100)), positive=False), Click(1, 1)])
    assert told.labels.tolist() == [0, 0, 0, 1]


def test_a_short_scribble_is_one_point_and_a_long_one_not_too_many() -> None:
    assert stroke_points(Scribble(((3, 4),))).tolist() == [[3, 4]]
    assert stroke_points(Scribble(((3, 4), (3, 4)))).tolist() == [[3, 4]]
    assert stroke_points(Scribble(((0, 0), (10, 0), (10, 10)))).tolist() == [[10, 0]]
    assert stroke_points(Scribble(((0, 0), (100 * STROKE_SPACING, 0)))).shape == (MOST_STROKE_POINTS, 2)


def test_only_a_single_point_is_ambiguous() -> None:
    assert sam_prompts([Click(1, 1)]).ambiguous
    assert sam_prompts([Box(0, 0, 9, 9, False)]).ambiguous
    assert not sam_prompts([Click(1, 1), Click(2, 2)]).ambiguous
    assert not sam_prompts([Box(0, 0, 9, 9)]).ambiguous
    assert not sam_prompts([Box(0, 0, 9, 9), Click(2, 2)]).ambiguous


def test_coordinates_are_scaled_with_the_image() -> None:
    scaled = to_frame(np.array([[[10.0, 20.0], [0.0, 0.0]]]), (40, 100), (1024, 1024))
    assert scaled.tolist() == [[[pytest.approx(102.4), pytest.approx(512)], [0, 0]]]
    assert scaled.dtype == np.float32
