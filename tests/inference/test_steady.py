"""Far from the new prompts the mask changes only where the network is surer."""

import tracemalloc
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.maps import blobs
from vpuformer.arrays import BoolMask, FloatMap
from vpuformer.geometry import Crop
from vpuformer.inference.pixels import distance_to_zero, pixels_under
from vpuformer.inference.plausible import OFF_CENTRE, THICKER
from vpuformer.inference.steady import (
    REACH,
    SURENESS_BEYOND,
    SURER,
    SURER_AGAINST,
    SURER_IF_IMPLAUSIBLE,
    refused_changes,
    yielding,
)
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIZE = (100, 200)


def steady(
    answer: FloatMap, before: FloatMap, new: Sequence[Prompt], looked_at: Crop | None = None, *, only_here: bool = False
) -> FloatMap:
    """The answer, with the previous probability where a change is refused."""
    refused = refused_changes(answer, before, new, looked_at=looked_at, only_here=only_here)
    return answer if refused is None else np.where(refused, before, answer)


def answered(left: float = 0.1, right: float = 0.1) -> np.ndarray:
    """A map with a square at (30, 50) and one at (170, 50), of these probabilities."""
    probability = np.full(SIZE, 0.1, np.float32)
    probability[40:60, 20:40] = left
    probability[40:60, 160:180] = right
    return probability


NEAR = [Click(30, 50), Box(19.5, 39.5, 39.5, 59.5), Scribble([(22, 50), (38, 50)])]


@pytest.mark.parametrize("prompt", NEAR)
def test_what_is_far_stays_unless_the_network_is_surer(prompt: Prompt) -> None:
    before = answered(0.2, 0.7)
    kept = steady(answered(0.9, 0.25), before, [prompt])
    np.testing.assert_array_equal(kept, answered(0.9, 0.7))
    given_up = answered(0.9, 0.01)
    assert steady(given_up, before, [prompt]) is given_up
    np.testing.assert_array_equal(steady(given_up, before, [prompt], only_here=True), answered(0.9, 0.7))


def test_a_change_of_the_other_sign_must_be_surer_still() -> None:
    taken = steady(answered(0.9, 0.5 - 0.3 - SURER - 0.02), answered(0.1, 0.8), [Click(30, 50)])
    assert taken[50, 170] == np.float32(0.8)
    taken = steady(answered(0.9, 0.5 - 0.3 - SURER - 0.02), answered(0.1, 0.8), [Click(30, 50), Click(9, 9, False)])
    assert taken[50, 170] < MASK_THRESHOLD


def test_a_connected_change_is_near_up_to_a_reach_and_then_far() -> None:
    before = np.full(SIZE, 0.1, np.float32)
    before[:, :5] = 0.9
    flooded = before.copy()
    flooded[45:55, 5:] = 0.6
    changed = (steady(flooded, before, [Click(10, 50)])[50] > MASK_THRESHOLD).sum() - 5
    radius = np.sqrt(1950 * 2 / np.pi)  # the prompt is near an edge: half a disk
    assert 10 < changed < 2 * REACH * radius
    whole = steady(flooded, before, [Scribble([(10, 50), (199, 50)])])
    assert whole is flooded


def test_changes_are_found_beyond_65_535_pixels_along_a_side() -> None:
    before = np.full((3, 70_000), 0.1, np.float32)
    answer = before.copy()
    answer[:, 10:60] = answer[:, -60:-10] = 0.55
    kept = steady(answer, before, [Click(70_000 - 30, 1)])
    assert (kept[:, -60:-10] > MASK_THRESHOLD).all()
    assert not (kept[:, :60] > MASK_THRESHOLD).any()


def test_a_mask_set_by_a_person_never_changes_far_away() -> None:
    drawn = (answered(0, 1) > 0.5).astype(np.float32)
    kept = steady(answered(1, 0), drawn, [Click(30, 50)])
    assert kept[50, 170] == 1
    assert kept[50, 30] == 1


def test_a_box_around_the_object_takes_away_what_lies_outside() -> None:
    before, answer = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    cv2.ellipse(before, (60, 50), (30, 20), 0, 0, 360, 0.7, -1)
    cv2.ellipse(answer, (60, 50), (30, 20), 0, 0, 360, 0.9, -1)
    before[35:65, 85:150] = 0.7  # it has spilled
    corners = Box(29.5, 29.5, 90.5, 70.5)  # in them the mask says what the box does not
    assert steady(answer, before, [corners]) is answer


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 99), st.lists(st.sampled_from(NEAR), max_size=2), st.booleans())
def test_every_pixel_is_that_of_one_of_the_two(seed: int, new: list[Prompt], only_here: bool) -> None:
    rng = np.random.default_rng(seed)
    before, answer = rng.random(SIZE, np.float32), rng.random(SIZE, np.float32)
    merged = steady(answer, before, new, only_here=only_here)
    assert ((merged == before) | (merged == answer)).all()
    same = (before > MASK_THRESHOLD) == (answer > MASK_THRESHOLD)
    np.testing.assert_array_equal(merged[same], answer[same])


def test_where_nobody_has_looked_nothing_is_known() -> None:
    before = np.zeros(SIZE, np.float32)
    assert steady(answered(0.9, 0.9), before, [Click(30, 50)])[50, 170] == 0
    assert steady(answered(0.9, 0.9), before, [Click(30, 50)], looked_at=Crop(0, 0, 100, 100))[50, 170] > 0.5


def test_what_was_kept_beyond_the_crop_goes_if_the_network_is_sure() -> None:
    before, seen = answered(0, 1), Crop(0, 0, 100, 100)
    surest = 0.5 - SURENESS_BEYOND - SURER_AGAINST
    for right, stays in ((surest + 0.01, True), (surest - 0.01, False)):
        kept = steady(answered(0.9, right), before, [Click(30, 50)], seen)
        assert (kept[50, 170] == 1) == stays
    assert steady(answered(0.9, 0.01), before, [Click(30, 50)], seen, only_here=True)[50, 170] == 1
    assert steady(answered(0.9, 0.01), before, [Click(30, 50)])[50, 170] == 1


def test_without_new_prompts_and_only_here_nothing_changes() -> None:
    before = answered(0.2, 0.8)
    merged = steady(answered(0.9, 0.1), before, [], only_here=True)
    np.testing.assert_array_equal(merged > MASK_THRESHOLD, before > MASK_THRESHOLD)


def test_no_change_is_thicker_than_the_error_that_is_marked() -> None:
    before = answered(0.1, 0.9)
    grown = before.copy()
    grown[45:55, 180:192] = grown[10:40, 160:180] = 0.8  # as thick as 10 and as 20 pixels
    thin, thick = (steady(grown, before, [click]) > MASK_THRESHOLD for click in (Click(184, 50), Click(170, 25)))
    assert thin[45:55, 180:192].all()  # 5 pixels from the outline: at most 14 pixels are plausible
    assert not thin[14:36, 164:176].any()
    assert thick[14:36, 164:176].all()  # 15 pixels from it
    before[10:40, 160:180], before[70:90, 20:140], along = 0.49, 0.9, Scribble([(22, 67), (138, 67)])
    grown[64:90, 20:140] = 0.8
    surer = np.where(grown > 0.5, np.float32(0.99), grown)
    unsure, sure = (steady(answer, before, [along]) > MASK_THRESHOLD for answer in (grown, surer))
    assert not unsure[14:36, 164:176].any()
    assert sure[10:40, 160:180].all()


def test_far_from_a_prompt_no_more_changes_than_near_it() -> None:
    before, answer = answered(0.2, 0.8), answered(0.9, 0.8)
    before[5:30, 100:130], answer[5:30, 100:130], answer[20, 110] = 0.4, 0.7, 0.9
    answer[12:16, 100:120] = 0.9  # with one more pixel, 81 of 750
    for marked, most in ((slice(40, 60), 400), (slice(45, 49), 80), (slice(45, 53), 160)):
        shown = np.where(answer == np.float32(0.9), np.float32(0.1), answer)
        shown[5:30, 100:130], shown[marked, 20:40] = answer[5:30, 100:130], 0.9
        changed = (steady(shown, before, [Click(30, 46)]) > MASK_THRESHOLD)[5:30, 100:130]
        assert np.count_nonzero(changed) <= most
        if most >= 81:
            assert changed[7:11, :20].all()
    inside = Click(170, 50)  # on its side already: it marks no error
    assert (steady(answer, before, [inside]) > MASK_THRESHOLD)[5:30, 100:130].all()


def test_the_network_has_its_way_if_it_insists() -> None:
    before, answer, new = answered(0.1, 0.8), answered(0.9, 0.2), [Click(30, 50)]
    kept = []
    for _ in range(4):
        refused = refused_changes(answer, before, new)
        before = answer if refused is None else np.where(refused, yielding(before, answer, refused), answer)
        kept.append(bool(before[50, 170] > MASK_THRESHOLD))
    assert kept == [True, False, False, False]


@pytest.mark.parametrize(("unsure", "stays"), [(6, False), (20, True)])
def test_a_removal_across_the_border_of_the_last_look_is_decided_as_a_whole(unsure: int, stays: bool) -> None:
    before, answer = answered(0.1, 0.8), answered(0.9, 0.01)
    answer[45:, 160 : 160 + unsure] = 0.4
    refused = refused_changes(answer, before, [Click(30, 50)], seen=Crop(0, 45, 200, 55))
    kept = np.zeros(SIZE, np.bool_) if refused is None else refused
    np.testing.assert_array_equal(kept[40:60, 160:180], stays)


@pytest.mark.parametrize("unsure_above", [True, False])
@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("border", range(41, 60, 6))
def test_no_refusal_ends_a_mask_where_the_last_look_ends(border: int, above: bool, unsure_above: bool) -> None:
    before, answer = answered(0.1, 0.8), answered(0.9, 0.01)
    answer[:border] = np.where(before > MASK_THRESHOLD, 0.4 if unsure_above else 0.01, answer)[:border]
    answer[border:] = np.where(before > MASK_THRESHOLD, 0.01 if unsure_above else 0.4, answer)[border:]
    seen = Crop(0, 0, 200, border) if above else Crop(0, border, 200, 100 - border)
    for crop, cut in ((None, True), (seen, False)):
        refused = refused_changes(answer, before, [Click(30, 50)], seen=crop)
        mask = answer > MASK_THRESHOLD if refused is None else np.where(refused, before, answer) > MASK_THRESHOLD
        assert (mask[border - 1] ^ mask[border]).any() == cut


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    full = np.ones(size, np.float32)
    np.testing.assert_array_equal(steady(full, np.zeros(size, np.float32), [Click(0, 0)]), full)


def refused_slowly(
    answer: FloatMap, before: FloatMap, new: Sequence[Prompt], looked_at: Crop | None, only_here: bool
) -> BoolMask:
    """The rule as it is told, over the whole image."""
    mask, previous = answer > MASK_THRESHOLD, before > MASK_THRESHOLD
    seen = np.zeros(mask.shape, np.bool_)
    seen[(looked_at or Crop.whole(mask.shape)).slices] = True
    sureness = np.abs(before - np.float32(0.5))
    sureness[~seen & (before == 0)], sureness[~seen & (before == 1)] = 0, SURENESS_BEYOND
    gain = np.abs(answer - np.float32(0.5)) - sureness
    accepted, surer = np.zeros(mask.shape, np.bool_), np.zeros(mask.shape, np.float32)
    implausible, most = implausible_slowly(mask, previous, new), 0
    for positive in (True, False):
        change = (mask != previous) & (mask == positive)
        prompts = [prompt for prompt in new if prompt.positive == positive]
        if prompts:
            elsewhere = np.ones(mask.shape, np.uint8)
            for prompt in prompts:
                elsewhere[under(prompt, mask)] = 0
            distance = cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_5)
            _, labels = cv2.connectedComponents(change.astype(np.uint8), connectivity=8)
            connected = change & np.isin(labels, labels[distance < 2])
            pixels = max(int(connected.sum()), 25)
            reach = REACH * np.partition(distance, pixels, axis=None)[pixels]
            near = connected & (distance <= reach)
            most += np.count_nonzero(near)
            accepted |= near & ~implausible
        needed = np.float32(SURER if prompts else SURER_AGAINST) + np.float32(SURER_IF_IMPLAUSIBLE) * implausible
        surer[change] = (gain - needed)[change]
    surer[accepted | only_here] = 0
    accepted |= (surer > 0) & (sureness == 0)
    surer[accepted] = 0
    marks = all(marks_an_error(prompt, previous) for prompt in new)
    bound = np.sort(surer, axis=None)[::-1][most] if marks else 0
    accepted |= surer > max(bound, 0)
    return (mask != previous) & ~accepted


def marks_an_error(prompt: Prompt, previous: BoolMask) -> bool:
    wrong = previous[under(prompt, previous)] != prompt.positive
    if isinstance(prompt, Box) and prompt.positive:
        return bool(wrong.mean() > 0.5)
    return bool(wrong.any())


def under(prompt: Prompt, mask: BoolMask) -> tuple[slice, slice] | tuple[np.ndarray, np.ndarray]:
    """The pixels of a prompt."""
    if isinstance(prompt, Box):
        x0, y0, x1, y1 = (round(value + 0.01) for value in prompt.bounds)
        return slice(y0, y1), slice(x0, x1)
    return pixels_under(prompt, mask.shape)


def implausible_slowly(mask: BoolMask, previous: BoolMask, new: Sequence[Prompt]) -> BoolMask:
    """Patches of changes that are thicker than what the prompts mark."""
    marked = 0.0
    for prompt in new:
        other = (previous != prompt.positive).astype(np.uint8)
        depth = np.full(mask.shape, np.inf) if other.all() else distance_to_zero(other)
        radius = depth[under(prompt, mask)].max()
        if isinstance(prompt, Box):
            radius = min(radius, prompt.x1 / 2 - prompt.x0 / 2, prompt.y1 / 2 - prompt.y0 / 2)
        marked = max(marked, radius if marks_an_error(prompt, previous) else np.inf)
    shown = np.zeros(mask.shape, np.bool_)
    for prompt in new:
        shown[under(prompt, mask)] = True
    implausible = np.zeros(mask.shape, np.bool_)
    for positive in (True, False):
        change = (mask != previous) & (mask == positive)
        patches, own = (disks_in(change, factor * marked + 1) for factor in (THICKER, OFF_CENTRE))
        _, labels = cv2.connectedComponents(patches.astype(np.uint8), connectivity=8)
        implausible |= np.where(np.isin(labels, np.asarray(labels)[shown & patches]), own, patches)
    return implausible


def disks_in(change: BoolMask, radius: float) -> BoolMask:
    """All disks that fit into a change, drawn one by one."""
    disks = np.zeros(change.shape, np.bool_)
    inside = distance_to_zero(np.pad(change, 1).astype(np.uint8))[1:-1, 1:-1]
    for row, column in np.argwhere(inside > np.float32(radius)):
        elsewhere = np.ones(change.shape, np.uint8)
        elsewhere[row, column] = 0
        disks |= change & (distance_to_zero(elsewhere) <= np.float32(radius))
    return disks


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 9999),
    grain=st.sampled_from([0.5, 2, 6]),
    signs=st.lists(st.booleans(), min_size=3, max_size=3),
    looked_at=st.sampled_from([None, Crop(20, 10, 90, 70)]),
    only_here=st.booleans(),
)
def test_the_rule_without_its_shortcuts(
    seed: int, grain: float, signs: list[bool], looked_at: Crop | None, only_here: bool
) -> None:
    rng = np.random.default_rng(seed)
    before, answer = (blobs(rng, SIZE, grain) for _ in range(2))
    x, y = rng.uniform(30, 170), rng.uniform(30, 70)
    new: list[Prompt] = [
        Click(x, y, signs[0]),
        Scribble([(y, y), (x, 50), (60, 60), (90, 60)], signs[1], gaps=[2]),
        Box(int(x) - 20.5, int(y) - 10.5, int(x) + 9.5, int(y) + 19.5, signs[2]),
    ]
    new = new[: rng.integers(1, 4)]
    if seed % 2:
        before = np.asfortranarray(before)  # as the mask of a transposed array
    within = Crop.around(np.maximum(before, answer) > MASK_THRESHOLD) if seed % 3 else None
    refused = refused_changes(answer, before, new, looked_at=looked_at, within=within, only_here=only_here)
    slowly = refused_slowly(answer, before, new, looked_at, only_here)
    np.testing.assert_array_equal(np.zeros(SIZE, np.bool_) if refused is None else refused, slowly)


def test_a_large_image_takes_eight_bytes_a_pixel() -> None:
    before = np.zeros((2000, 2000), np.float32)
    before[200:1800, 200:1800] = 0.9
    answer = np.roll(before, 40, axis=1)
    answer[answer > 0] = 0.8
    tracemalloc.start()
    refused = refused_changes(answer, before, [Click(1830, 1000)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused is not None
    assert peak < 8 * answer.size
