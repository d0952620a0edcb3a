"""Outlines along the edges of pixels give every mask back to the bit."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from vpuformer.formats.contours import Contour, Part, parts_of, signed_area

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
TOUCHING = np.ones((3, 3), int)


def even_odd(contours: list[Contour], shape: tuple[int, int]) -> np.ndarray:
    """Every pixel centre asks every edge whether a ray to the right meets it."""
    inside = np.zeros(shape, bool)
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    for contour in contours:
        for (xa, ya), (xb, yb) in zip(contour.tolist(), np.roll(contour, -1, axis=0).tolist(), strict=True):
            if ya != yb:
                between = (rows > min(ya, yb)) & (rows < max(ya, yb))
                inside ^= between & (columns < xa + (rows - ya) * (xb - xa) / (yb - ya))
    return inside


def contours_of(parts: list[Part]) -> list[Contour]:
    return [contour for part in parts for contour in part.contours]


@settings(deadline=None)
@given(MASKS)
def test_the_even_odd_rule_gives_the_mask_back(mask: np.ndarray) -> None:
    assert np.array_equal(even_odd(contours_of(parts_of(mask)), mask.shape), mask)


@settings(deadline=None)
@given(MASKS)
def test_every_part_is_a_piece_that_hangs_together_with_its_holes(mask: np.ndarray) -> None:
    pieces, number = ndimage.label(mask, TOUCHING)
    parts = parts_of(mask)
    assert len(parts) == number
    for part in parts:
        alone = even_odd(part.contours, mask.shape)
        (piece,) = np.unique(pieces[alone])
        assert np.array_equal(alone, pieces == piece)
        filled = ndimage.binary_fill_holes(alone)
        assert np.array_equal(even_odd([part.outer], mask.shape), filled)
        assert len(part.holes) == ndimage.label(filled & ~alone)[1]


@settings(deadline=None)
@given(MASKS)
def test_rings_turn_at_every_corner_and_keep_the_object_to_the_right(mask: np.ndarray) -> None:
    for part in parts_of(mask):
        assert signed_area(part.outer) > 0
        assert all(signed_area(hole) < 0 for hole in part.holes)
        for contour in part.contours:
            steps = np.roll(contour, -1, axis=0) - contour
            assert ((steps == 0).sum(axis=1) == 1).all()
            assert (steps[:, 0] != 0).tolist() == [True, False] * (len(contour) // 2)


@settings(deadline=None)
@given(MASKS)
def test_the_areas_of_all_rings_add_up_to_the_pixels(mask: np.ndarray) -> None:
    assert sum(signed_area(contour) for contour in contours_of(parts_of(mask))) == mask.sum()


def test_a_pixel_is_a_square_from_its_corner_to_the_next() -> None:
    mask = np.zeros((4, 6), bool)
    mask[2, 5] = True
    (part,) = parts_of(mask)
    assert part.outer.tolist() == [[5, 2], [6, 2], [6, 3], [5, 3]]
    assert part.holes == []


def test_a_full_image_has_four_corners_and_an_empty_one_no_part() -> None:
    (part,) = parts_of(np.ones((3, 5), bool))
    assert part.outer.tolist() == [[0, 0], [5, 0], [5, 3], [0, 3]]
    assert parts_of(np.zeros((3, 5), bool)) == []


@pytest.mark.parametrize("flip", [1, -1])
def test_pixels_that_touch_at_a_corner_are_one_part(flip: int) -> None:
    (part,) = parts_of(np.eye(5, dtype=bool)[::flip])
    assert len(part.outer) == 5 * 4
    assert signed_area(part.outer) == 5


def test_an_island_in_a_hole_is_a_part_of_its_own() -> None:
    mask = np.ones((7, 7), bool)
    mask[1:6, 1:6] = False
    mask[3, 3] = True
    around, island = parts_of(mask)
    assert [hole.tolist() for hole in around.holes] == [[[6, 1], [1, 1], [1, 6], [6, 6]]]
    assert island.outer.tolist() == [[3, 3], [4, 3], [4, 4], [3, 4]]


def test_a_large_image_takes_no_longer_than_a_blink(rng: np.random.Generator) -> None:
    blobs = ndimage.gaussian_filter(rng.normal(size=(1500, 2000)), 6) > 0
    start = time.process_time()
    parts = parts_of(blobs)
    assert time.process_time() - start < 5  # 0.2 s on a slow core
    assert sum(signed_area(contour) for contour in contours_of(parts)) == blobs.sum()
