"""Strokes of a brush as scribbles: along their middle, with gaps between separate strokes."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from vpuformer.errors import PromptError
from vpuformer.integrations.strokes import MOST_POINTS, scribble_from_brush
from vpuformer.prompts import Scribble


def painted(paths: list[list[list[int]]], width: int) -> np.ndarray:
    canvas = np.zeros((80, 100), np.uint8)
    for path in paths:
        cv2.polylines(canvas, [np.array(path, np.int32)], isClosed=False, color=(1,), thickness=width)
    return canvas.astype(bool)


@pytest.mark.parametrize("width", [1, 2, 7, 15])
@pytest.mark.parametrize("count", [1, 3])
def test_a_scribble_stays_in_the_stroke(count: int, width: int, rng: np.random.Generator) -> None:
    mask = painted([rng.integers(0, 80, (4, 2)).tolist() for _ in range(count)], width)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    scribble = scribble_from_brush(mask)
    assert len(scribble.path) <= MOST_POINTS
    for piece in scribble.pieces:
        for start, end in pairwise(piece):
            x, y = np.linspace(start, end, 200).round().astype(int).T
            assert near[y, x].all()
        assert mask[piece[:, 1].astype(int), piece[:, 0].astype(int)].all()


def test_a_stroke_around_a_corner_is_followed() -> None:
    scribble = scribble_from_brush(painted([[[10, 10], [80, 10], [80, 70]]], 7), positive=False)
    assert (scribble.positive, scribble.gaps) == (False, ())
    assert 110 < scribble.length < 135


def test_separate_strokes_are_not_joined() -> None:
    scribble = scribble_from_brush(painted([[[10, 10], [60, 10]], [[10, 60], [60, 60]]], 7))
    assert len(scribble.pieces) == 2


def test_a_dot_is_a_scribble_of_a_point() -> None:
    assert scribble_from_brush(painted([[[10, 12], [10, 12]]], 1)) == Scribble(((10, 12),))
    with pytest.raises(PromptError, match="no pixel"):
        scribble_from_brush(np.zeros((4, 4), bool))
