"""Overlays, and the truth of the examples."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from vpuformer.errors import ImageError, MaskError
from vpuformer.images import (
    Mark,
    image_size,
    overlay,
    read_mask,
)
from vpuformer.images.palette import NEGATIVE, OBJECT, POSITIVE

EXAMPLES = Path(__file__).parents[2] / "examples"
GREY_IMAGE = np.full((200, 300, 3), 128, np.uint8)


def square_mask() -> np.ndarray:
    mask = np.zeros((200, 300), bool)
    mask[60:140, 100:200] = True
    return mask


def test_an_overlay_tints_the_object_and_leaves_the_rest():
    image = GREY_IMAGE.copy()
    drawn = overlay(image, square_mask())
    assert np.array_equal(image, GREY_IMAGE)
    assert drawn.dtype == np.uint8
    tint = drawn[100, 150].astype(int)
    assert tint.tolist() == np.rint(128 + 0.35 * (np.array(OBJECT) - 128)).tolist()
    assert np.array_equal(drawn[:50], GREY_IMAGE[:50])
    assert np.array_equal(drawn[:, 215:], GREY_IMAGE[:, 215:])


@pytest.mark.parametrize("background", [0, 128, 255])
def test_the_outline_shows_on_any_image(background):
    drawn = overlay(np.full((200, 300, 3), background, np.uint8), square_mask())
    across = drawn[100, 90:110].astype(int).mean(axis=1)
    assert across.max() - across.min() > 80


def test_an_empty_mask_changes_nothing():
    assert np.array_equal(overlay(GREY_IMAGE, np.zeros((200, 300), bool)), GREY_IMAGE)


def test_a_mask_of_everything_and_a_image_of_one_pixel():
    assert overlay(GREY_IMAGE, np.ones((200, 300), bool)).shape == (200, 300, 3)
    marks = [Mark("point", [(0, 0)]), Mark("box", [(-0.5, -0.5), (0.5, 0.5)]), Mark("line", [(0, 0), (0, 0)], False)]
    assert overlay(np.zeros((1, 1, 3), np.uint8), np.ones((1, 1), bool), marks).shape == (1, 1, 3)


@pytest.mark.parametrize(("positive", "colour"), [(True, POSITIVE), (False, NEGATIVE)])
@pytest.mark.parametrize(
    ("shape", "points", "seen"),
    [
        ("point", [(50.0, 40.0)], (45, 45)),  # between the arms of the plus
        ("box", [(50.0, 40.0), (250.0, 160.0)], (150, 160)),
        ("line", [(50.0, 40.0), (250.0, 40.0)], (150, 40)),
    ],
)
def test_marks_have_the_colour_of_their_sign(shape, points, seen, positive, colour):
    drawn = overlay(GREY_IMAGE, np.zeros((200, 300), bool), [Mark(shape, points, positive)])
    x, y = seen if shape != "point" else (48, 42)
    assert drawn[y, x].tolist() == list(colour)
    changed = (drawn != GREY_IMAGE).any(axis=2)
    assert 20 < changed.sum() < 6000


def test_marks_grow_with_the_image():
    def share(side: int) -> float:
        image = np.full((side, side, 3), 128, np.uint8)
        drawn = overlay(image, np.zeros((side, side), bool), [Mark("point", [(side / 2, side / 2)])])
        return float((drawn != image).any(axis=2).mean())

    assert share(1024) == pytest.approx(share(512), rel=0.1)


def test_what_lies_outside_the_image_is_cut_off():
    nothing = np.zeros((200, 300), bool)
    far = [Mark("point", [(-500, 20)]), Mark("line", [(400, 400), (500, 500)])]
    assert np.array_equal(overlay(GREY_IMAGE, nothing, far), GREY_IMAGE)
    crossing = overlay(GREY_IMAGE, nothing, [Mark("line", [(-100, 100), (400, 100)])])
    assert (crossing[100] == POSITIVE).all(axis=1).sum() > 280
    started = time.perf_counter()
    further = overlay(GREY_IMAGE, nothing, [Mark("line", [(-1e9, 100), (1e9, 100)])])
    assert time.perf_counter() - started < 5, "the time does not grow with what lies outside"
    assert np.array_equal(further[:, 60:-60], crossing[:, 60:-60])


@pytest.mark.parametrize(
    ("shape", "points", "message"),
    [
        ("point", [(1, 2), (3, 4)], r"a point to draw has 1 \(x, y\), shape \(n, 2\), got the shape \(2, 2\)"),
        ("box", [(1, 2)], r"a box to draw has 2"),
        ("line", np.zeros((0, 2)), r"a line to draw has at least 1"),
        ("line", [(1, 2, 3)], r"got the shape \(1, 3\)"),
        ("line", [(1, np.nan)], "not a finite number"),
    ],
)
def test_marks_that_are_no_shapes(shape, points, message):
    with pytest.raises(ImageError, match=message):
        Mark(shape, points)


@pytest.mark.parametrize("mask", [np.zeros((200, 300)), np.zeros((300, 200), bool)])
def test_a_mask_that_cannot_be_drawn(mask):
    with pytest.raises(MaskError, match=r"a mask to draw is bool of the shape of its image \(200, 300\), got"):
        overlay(GREY_IMAGE, mask)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_the_truth_of_an_example_is_what_its_polygons_say(name):
    spec = importlib.util.spec_from_file_location("draw_truth", EXAMPLES / "draw_truth.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    drawn = script.render(EXAMPLES / f"{name}.polygons.json")
    size = image_size(EXAMPLES / f"{name}.jpg")
    assert np.array_equal(read_mask(EXAMPLES / f"{name}_truth.png", size) > 0, drawn)
    assert 0.1 < drawn.mean() < 0.6


def test_examples_are_small():
    assert all(path.stat().st_size < 200_000 for path in EXAMPLES.iterdir() if path.is_file())
