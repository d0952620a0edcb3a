import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from vpuformer.arrays import BoolMask
from vpuformer.errors import InputError
from vpuformer.geometry import Crop
from vpuformer.inference.cleaning import drop_specks, fill_holes, smooth
from vpuformer.inference.prediction import Prediction

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))
areas = st.integers(0, 30)

EMPTY, FULL = np.zeros((5, 7), bool), np.ones((5, 7), bool)
CORNERS = np.ones((3, 3), bool)


def holes_of(mask: BoolMask) -> list[BoolMask]:
    """Parts of the background that do not reach the border."""
    labels, count = ndimage.label(~mask)
    border = np.ones(mask.shape, bool)
    border[1:-1, 1:-1] = False
    return [labels == part for part in range(1, count + 1) if not (border & (labels == part)).any()]


def parts_of(mask: BoolMask) -> list[BoolMask]:
    labels, count = ndimage.label(mask, CORNERS)
    return [labels == part for part in range(1, count + 1)]


@given(masks, areas)
@example(EMPTY, 99)
@example(FULL, 99)
@example(np.zeros((1, 1), bool), 1)
def test_holes_that_are_small_enough_are_filled_and_nothing_else(mask: BoolMask, area: int) -> None:
    expected = mask.copy()
    for hole in holes_of(mask):
        if hole.sum() <= area:
            expected |= hole
    before = mask.copy()
    assert np.array_equal(fill_holes(mask, area), expected)
    assert np.array_equal(mask, before)


@given(masks, areas)
@example(EMPTY, 99)
@example(FULL, 99)
@example(np.ones((1, 1), bool), 1)
def test_specks_that_are_small_enough_are_dropped_but_not_the_largest(mask: BoolMask, area: int) -> None:
    parts = parts_of(mask)
    largest = max((int(part.sum()) for part in parts), default=0)
    before = mask.copy()
    dropped = drop_specks(mask, area)
    assert np.array_equal(mask, before)
    assert dropped.any() == mask.any()
    kept = [part for part in parts if dropped[part].all()]
    assert np.array_equal(np.any([np.zeros_like(mask), *kept], axis=0), dropped)
    for part in parts:
        assert (part.sum() > area) <= bool(dropped[part].all())
    assert len([part for part in kept if part.sum() <= area]) == (0 < largest <= area)


@given(masks, st.integers(0, 30))
@example(EMPTY, 3)
@example(FULL, 3)
@example(np.ones((1, 1), bool), 9)
def test_smoothing_is_defined_on_every_mask(mask: BoolMask, radius: int) -> None:
    before = mask.copy()
    smoothed = smooth(mask, radius)
    assert (smoothed.shape, smoothed.dtype) == (mask.shape, mask.dtype)
    assert smoothed.any() == mask.any()
    assert np.array_equal(mask, before)
    if mask.all() or radius == 0:
        assert np.array_equal(smoothed, mask)


def test_straight_edges_stay_and_teeth_go() -> None:
    half = np.zeros((40, 60), bool)
    half[:, 30:] = True
    teeth = half.copy()
    teeth[::4, 28:30] = True
    teeth[2::4, 30:32] = False
    assert np.array_equal(smooth(half, 6), half)
    assert np.array_equal(smooth(half.T, 6), half.T)
    assert (smooth(teeth, 6) != half).mean() < 0.005
    y, x = np.mgrid[:80, :80]
    disk = np.hypot(x - 40, y - 40) < 25
    assert (smooth(disk, 4) != disk).sum() < 0.05 * disk.sum()


def test_far_away_nothing_matters(rng: np.random.Generator) -> None:
    blob = ndimage.gaussian_filter(rng.normal(size=(20, 30)), 1.5) > 0
    image = np.zeros((400, 500), bool)
    image[200:220, 100:130] = blob
    small = np.pad(blob, 20)
    for work in (lambda mask: smooth(mask, 3), lambda mask: fill_holes(mask, 5), lambda mask: drop_specks(mask, 5)):
        assert np.array_equal(work(image)[180:240, 80:150], work(small))


def test_a_prediction_is_cleaned() -> None:
    probability = np.full((9, 12), 0.1, np.float32)
    probability[1:6, 1:6] = 0.9
    probability[3, 3] = 0.3
    probability[7, 10] = 0.6
    answer = Prediction(probability, corrected=2)
    assert np.array_equal(answer.cleaned().probability, answer.probability)
    cleaned = answer.cleaned(holes=1, specks=1)
    assert cleaned.mask.sum() == 25
    assert (cleaned.probability[3, 3], cleaned.probability[7, 10], cleaned.probability[2, 2]) == (
        1,
        0,
        answer.probability[2, 2],
    )
    assert (cleaned.crop, cleaned.corrected) == (answer.crop, 2)
    assert answer.cleaned(threshold=0.2).mask.sum() == 26
    assert answer.cleaned(threshold=0.7).mask.sum() == 24
    assert answer.cleaned(specks=99).mask.any()


def test_a_cleaned_prediction_is_made_again_from_its_logits_and_its_mask(rng: np.random.Generator) -> None:
    logits, crop, size = rng.normal(0, 2, (8, 8)).astype(np.float32), Crop(5, 3, 24, 20), (30, 40)
    answer = Prediction.from_logits(logits, crop, size, rng.random(size) > 0.4, corrected=1)
    assert np.array_equal(answer.cleaned().probability, answer.probability)
    cleaned = answer.cleaned(holes=9, specks=9, smooth=1)
    assert not np.array_equal(cleaned.mask, answer.mask)
    again = Prediction.from_logits(logits, crop, size, cleaned.mask)
    assert np.array_equal(cleaned.probability, again.probability)
    assert (cleaned.crop, cleaned.logits, cleaned.corrected) == (crop, logits, 1)


@pytest.mark.parametrize("wrong", [{"holes": -1}, {"specks": -1}, {"smooth": -2}, {"threshold": 1}, {"threshold": 0.0}])
def test_an_impossible_cleaning_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="wanted pixels, 0 or more, and a threshold between 0 and 1"):
        Prediction(np.eye(3)).cleaned(**wrong)  # type: ignore[arg-type]
