"""Far from the new prompts the mask changes only where the network is surer."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpuformer.arrays import FloatMap
from vpuformer.geometry import Crop
from vpuformer.inference.steady import REACH, SURER, refused_changes
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


def test_a_mask_set_by_a_person_never_changes_far_away() -> None:
    drawn = (answered(0, 1) > 0.5).astype(np.float32)
    kept = steady(answered(1, 0), drawn, [Click(30, 50)])
    assert kept[50, 170] == 1
    assert kept[50, 30] == 1


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
    before[50, 170] = 1  # kept from an earlier look
    assert steady(answered(0.9, 0.1), before, [Click(30, 50)], looked_at=Crop(0, 0, 100, 100))[50, 170] == 1


def test_without_new_prompts_and_only_here_nothing_changes() -> None:
    before = answered(0.2, 0.8)
    merged = steady(answered(0.9, 0.1), before, [], only_here=True)
    np.testing.assert_array_equal(merged > MASK_THRESHOLD, before > MASK_THRESHOLD)


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    full = np.ones(size, np.float32)
    np.testing.assert_array_equal(steady(full, np.zeros(size, np.float32), [Click(0, 0)]), full)
