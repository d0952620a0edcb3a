import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vpuformer.errors import MaskError
from vpuformer.metrics import (
    IGNORE,
    MASK_THRESHOLD,
    bootstrap_interval,
    bootstrap_intervals,
    boundary_iou,
    curve_area,
    iou,
    iou_at,
    noc,
    reached,
    summarise,
)

SIDES = arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
PAIRS = SIDES.flatmap(
    lambda shape: st.tuples(arrays.arrays(np.bool_, shape), arrays.arrays(np.int8, shape, elements=st.integers(-1, 1)))
)
CURVES = st.lists(st.floats(0, 1), min_size=1, max_size=25)
TARGETS = st.floats(0, 1)
few = settings(max_examples=40, deadline=None)


def truth(*rows: str) -> np.ndarray:
    """`#` object, `.` background, `?` ignored."""
    return np.array([[{"#": 1, ".": 0, "?": IGNORE}[mark] for mark in row] for row in rows], dtype=np.int8)


def test_the_constants_are_those_of_ritm():
    assert (IGNORE, MASK_THRESHOLD) == (-1, 0.49)


def test_iou_by_hand():
    prediction = np.array([[True, True, False], [False, True, False]])
    # Both: 2 pixels; either: 4 pixels.
    assert iou(prediction, truth("##.", "#..")) == 2 / 4


def test_iou_leaves_ignored_pixels_out():
    prediction = np.array([[True, True, True, False]])
    assert iou(prediction, truth("#?.?")) == 1 / 2
    assert iou(prediction, truth("#???")) == 1.0


def test_iou_of_nothing_with_nothing_is_one():
    nothing = np.zeros((3, 4), dtype=bool)
    assert iou(nothing, truth("....", "....", "????")) == 1.0
    assert iou(nothing, truth("#...", "....", "????")) == 0.0


def test_iou_takes_a_truth_of_bool():
    mask = np.array([[True, False]])
    assert iou(mask, mask) == 1.0  # pyright: ignore[reportArgumentType]


@few
@given(PAIRS)
def test_iou_lies_in_0_to_1_and_is_symmetric_where_all_is_decided(pair):
    prediction, target = pair
    assert 0 <= iou(prediction, target) <= 1
    decided = np.abs(target)
    assert iou(prediction, decided) == iou(decided == 1, prediction.astype(np.int8))


@few
@given(PAIRS)
def test_equal_masks_have_iou_1_whatever_is_ignored(pair):
    ignored, target = pair
    prediction = (target == 1) ^ (ignored & (target == IGNORE))
    assert iou(prediction, target) == 1.0
    assert boundary_iou(prediction, target, dilation=0.2) == 1.0


@few
@given(PAIRS)
def test_pixels_outside_the_decided_part_change_nothing(pair):
    prediction, target = pair
    assert iou(prediction, target) == iou(prediction ^ (target == IGNORE), target)


def test_boundary_iou_by_hand():
    # The diagonal of 9x9 is 12.7 pixels, of which 0.05 rounds to a band of one pixel.
    target = np.zeros((9, 9), dtype=np.int8)
    target[2:7, 2:7] = 1  # band: 25 - 9 = 16 pixels
    prediction = np.zeros((9, 9), dtype=bool)
    prediction[2:7, 3:8] = True  # the same band, one to the right
    # They share rows 2 and 6, columns 3 to 6: 8 pixels; the sides of neither lie on the other's.
    assert boundary_iou(prediction, target, dilation=0.05) == 8 / (16 + 16 - 8)


def test_boundary_iou_does_not_see_an_interior_that_iou_sees():
    target = np.zeros((40, 40), dtype=np.int8)
    target[4:36, 4:36] = 1
    hollow = target == 1
    hollow[12:28, 12:28] = False
    assert iou(hollow, target) == 768 / 1024
    # Bands of one pixel, 32² - 30² around the object and 18² - 16² around the hole.
    outer, inner = 4 * 31, 4 * 17
    assert boundary_iou(hollow, target) == pytest.approx(outer / (outer + inner))


def test_the_boundary_of_an_object_at_the_edge_of_the_image_runs_along_the_edge():
    everything = np.ones((10, 10), dtype=bool)
    inner = np.zeros((10, 10), dtype=bool)
    inner[1:-1, 1:-1] = True
    # Bands of one pixel: 36 and 28 pixels that do not meet.
    assert boundary_iou(everything, inner.astype(np.int8)) == 0.0


def test_a_band_wider_than_the_object_makes_boundary_iou_plain_iou():
    prediction = np.array([[True, True, False, False]] * 3)
    target = truth(".##.", ".##.", ".##.")
    assert boundary_iou(prediction, target, dilation=10.0) == iou(prediction, target) == 1 / 3


def test_boundary_iou_follows_the_definition_on_random_masks():
    from scipy.ndimage import binary_erosion

    rng = np.random.default_rng(7)
    for _ in range(10):
        shape = tuple(rng.integers(5, 40, size=2))
        one, other = (rng.random(shape) < 0.9 for _ in range(2))
        width = max(1, round(0.05 * math.hypot(*shape)))
        bands = [
            mask & ~binary_erosion(mask, np.ones((2 * width + 1, 2 * width + 1)), border_value=0)
            for mask in (one, other)
        ]
        expected = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
        assert boundary_iou(one, other.astype(np.int8), dilation=0.05) == pytest.approx(expected)


def test_boundary_iou_needs_a_band():
    with pytest.raises(ValueError, match="above 0, got dilation=0"):
        boundary_iou(np.ones((2, 2), bool), np.ones((2, 2), np.int8), dilation=0)


@pytest.mark.parametrize("metric", [iou, boundary_iou])
@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (np.ones((2, 3), bool), np.ones((3, 2), np.int8), r"shape \(2, 3\) cannot be compared .* shape \(3, 2\)"),
        (np.ones((2, 3, 1), bool), np.ones((2, 3, 1), np.int8), "both are"),
        (np.ones((2, 3), np.float32), np.ones((2, 3), np.int8), "array of bool, got float32; take .* above 0.49"),
        (np.ones((2, 3), bool), np.full((2, 3), 255, np.uint8), "int8 .* got uint8 from 255 to 255"),
        (np.ones((2, 3), bool), np.ones((2, 3), np.float32), "got float32"),
    ],
)
def test_what_cannot_be_compared_is_refused(metric, prediction, target, message):
    with pytest.raises(MaskError, match=message):
        metric(prediction, target)


def test_noc_is_the_first_click_that_reaches_the_target():
    curve = [0.5, 0.9, 0.8, 0.95]
    assert [noc(curve, target) for target in (0.5, 0.51, 0.9, 0.91, 0.96)] == [1, 2, 2, 4, 20]
    assert noc(curve, 0.96, max_clicks=4) == 4
    assert noc([], 0.5) == 20
    assert noc([0.0] * 20 + [1.0], 0.5) == 20


def test_the_last_click_may_reach_the_target():
    late = [0.0] * 19 + [0.9]
    never = [0.0] * 20 + [0.9]
    assert noc(late, 0.9) == noc(never, 0.9) == 20
    assert reached(late, 0.9)
    assert not reached(never, 0.9)
    assert reached(never, 0.9, max_clicks=21)


@few
@given(CURVES, TARGETS, TARGETS)
def test_noc_grows_with_the_target(curve, one, other):
    low, high = sorted((one, other))
    assert 1 <= noc(curve, low) <= noc(curve, high) <= 20
    assert reached(curve, low) >= reached(curve, high)


@few
@given(CURVES, TARGETS)
def test_an_object_with_a_noc_below_the_limit_is_solved(curve, target):
    if noc(curve, target) < 20:
        assert reached(curve, target)


def test_iou_at_extends_a_curve_that_ended():
    assert [iou_at([0.2, 0.7], k) for k in (1, 2, 3, 20)] == [0.2, 0.7, 0.7, 0.7]


def test_iou_at_refuses_what_it_cannot_answer():
    with pytest.raises(ValueError, match="empty curve"):
        iou_at([], 1)
    with pytest.raises(ValueError, match="counted from 1, got k=0"):
        iou_at([0.5], 0)


def test_summary_by_hand():
    solved_late = [0.80] * 19 + [0.90]
    curves = [[0.90], [0.50, 0.85, 0.96], solved_late, [0.84] * 20]
    assert summarise(curves) == pytest.approx(
        {
            "NoC@80": (1 + 2 + 1 + 1) / 4,
            "NoC@85": (1 + 2 + 20 + 20) / 4,
            "NoC@90": (1 + 3 + 20 + 20) / 4,
            "NoC@95": (20 + 3 + 20 + 20) / 4,
            "NoF@85": 1,
            "NoF@90": 1,
            ">=20@85": 2,
            ">=20@90": 2,
            "IoU@1": (0.90 + 0.50 + 0.80 + 0.84) / 4,
            "IoU@2": (0.90 + 0.85 + 0.80 + 0.84) / 4,
            **{f"IoU@{k}": (0.90 + 0.96 + 0.80 + 0.84) / 4 for k in range(3, 20)},
            "IoU@20": (0.90 + 0.96 + 0.90 + 0.84) / 4,
            # Of 20 steps of width 1: .9 all the way; .5, .85 and 18 times .96; 19 times .8 and .9; .84 all the way.
            "AuC@20": (0.90 + (0.50 + 0.85 + 18 * 0.96) / 20 + (19 * 0.80 + 0.90) / 20 + 0.84) / 4,
        }
    )


def test_a_summary_of_fewer_clicks_says_so_in_its_names():
    numbers = summarise([[0.5] * 5], max_clicks=5)
    assert numbers["NoC@90"] == 5
    assert numbers[">=5@90"] == 1
    assert [name for name in numbers if name.startswith("IoU")] == [f"IoU@{k}" for k in range(1, 6)]
    assert numbers["AuC@5"] == 0.5


def test_the_area_under_a_curve_by_hand():
    assert curve_area([0.2, 0.4, 0.9], max_clicks=3) == pytest.approx((0.2 + 0.4 + 0.9) / 3)
    assert curve_area([0.2, 0.4], max_clicks=4) == pytest.approx((0.2 + 0.4 + 0.4 + 0.4) / 4)
    assert curve_area([1.0]) == 1.0
    with pytest.raises(ValueError, match="max_clicks=0"):
        curve_area([1.0], max_clicks=0)
    with pytest.raises(ValueError, match="empty curve"):
        curve_area([])


@few
@given(CURVES)
def test_the_area_is_the_mean_of_the_curve(curve):
    assert curve_area(curve, 20) == pytest.approx(np.mean([iou_at(curve, k) for k in range(1, 21)]))
    assert min(curve[:20]) - 1e-9 <= curve_area(curve, 20) <= max(curve[:20]) + 1e-9


def test_a_summary_needs_a_curve():
    with pytest.raises(ValueError, match="at least one object"):
        summarise([])


def test_the_bootstrap_interval_narrows_with_the_root_of_the_number_of_objects():
    values = np.random.default_rng(0).normal(10, 2, size=400)
    low, high = bootstrap_interval(values, np.random.default_rng(1))
    assert low < values.mean() < high
    # The normal approximation: 1.96 standard errors to either side.
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_the_bootstrap_depends_on_its_generator_alone():
    values = [1.0, 2.0, 5.0, 20.0]
    one, again, other = (bootstrap_interval(values, np.random.default_rng(seed), draws=50) for seed in (3, 3, 4))
    assert one == again != other


def test_the_bootstrap_is_wider_at_a_higher_level():
    values = [1.0, 2.0, 5.0, 20.0]
    narrow, wide = (bootstrap_interval(values, np.random.default_rng(0), level=level) for level in (0.5, 0.99))
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


def test_objects_of_one_image_are_drawn_together():
    # Two images of two objects each. Drawn one by one, means of 0 and 1 would be possible; drawn together, every
    # draw of an image brings a 0 and a 1, and the mean is always one half.
    values = [0.0, 1.0, 0.0, 1.0]
    assert bootstrap_interval(values, np.random.default_rng(0), images=["a", "a", "b", "b"]) == (0.5, 0.5)
    low, high = bootstrap_interval(values, np.random.default_rng(0))
    assert low < 0.5 < high


def test_a_image_counts_by_its_objects():
    # A draw of two images is (a, a), (a, b) or (b, b): means 0, 3/4 and 1, the middle one half of the time.
    draws = bootstrap_interval([0.0, 1.0, 1.0, 1.0], np.random.default_rng(0), level=0.4, images=["a", "b", "b", "b"])
    assert draws == (0.75, 0.75)


def test_a_image_of_its_own_for_each_object_is_the_plain_bootstrap():
    values = np.random.default_rng(3).normal(size=30)
    plain = bootstrap_interval(values, np.random.default_rng(1))
    assert bootstrap_interval(values, np.random.default_rng(1), images=[f"p{i}" for i in range(30)]) == plain


def test_columns_have_the_intervals_that_they_have_alone():
    values = np.random.default_rng(3).normal(size=(30, 3))
    together = bootstrap_intervals(values, np.random.default_rng(1))
    assert together.shape == (3, 2)
    for column, ends in zip(values.T, together, strict=True):
        assert bootstrap_interval(column, np.random.default_rng(1)) == pytest.approx(tuple(ends))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, "at least one value"),
        ([1.0, math.nan], {}, "not a finite number"),
        ([1.0], {"level": 1.0}, "0 < level < 1"),
        ([1.0], {"draws": 0}, "draws=0"),
        ([1.0, 2.0], {"images": ["a"]}, "the image of each of the 2 objects, got 1"),
    ],
)
def test_the_bootstrap_refuses_what_has_no_interval(values, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(values, np.random.default_rng(0), **options)
