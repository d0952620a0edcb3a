"""Prompts end up on the right side of the outline, whatever the network says."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpuformer.arrays import FloatMap
from vpuformer.geometry import Crop
from vpuformer.inference import honoured as honoured_module
from vpuformer.inference.corrections import corrected
from vpuformer.inference.honoured import Honoured, shown_pixels
from vpuformer.inference.looks import Look, Seen
from vpuformer.inference.pixels import logits_of, pixels_under
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIZE = (40, 60)
points = st.tuples(st.floats(-0.5, 59.5), st.floats(-0.5, 39.5))
prompts = st.one_of(
    st.builds(lambda point, sign: Click(*point, sign), points, st.booleans()),
    st.builds(Scribble, st.lists(points, min_size=1, max_size=4), st.booleans()),
    st.just(Box(3, 3, 20, 20)),
)


def honoured(probability: FloatMap, given_prompts: list[Prompt], extent: float) -> Honoured:
    shown = shown_pixels(given_prompts, (probability.shape[0], probability.shape[1]))
    return honoured_module.honoured(probability, shown, extent)


@settings(deadline=None, max_examples=150)
@given(st.lists(prompts, min_size=1, max_size=5), st.sampled_from(["sure", "against", "noise"]), st.integers(0, 9))
def test_all_prompts_are_honoured(given_prompts: list[Prompt], network: str, seed: int) -> None:
    noise = np.random.default_rng(seed).random(SIZE, np.float32)
    probability = {"sure": np.ones(SIZE, np.float32), "against": np.zeros(SIZE, np.float32), "noise": noise}[network]
    answer = honoured(probability, given_prompts, extent=49)
    wanted = np.full(SIZE, -1, np.int8)
    for prompt in given_prompts:  # the later one holds
        wanted[pixels_under(prompt, SIZE)] = prompt.positive
    mask = answer.probability > MASK_THRESHOLD
    assert (mask[wanted == 1]).all()
    assert not mask[wanted == 0].any()
    assert 0 <= answer.probability.min() <= answer.probability.max() <= 1
    if not answer.corrected:
        assert answer.probability is probability


def test_a_correction_is_a_smooth_region_and_no_dot() -> None:
    rows, columns = np.mgrid[:200, :200]
    slope = np.clip(0.45 - np.hypot(rows - 100, columns - 100) / 400, 0, 1).astype(np.float32)
    answer = honoured(slope, [Click(100, 100)], extent=200)
    mask = answer.probability > MASK_THRESHOLD
    assert 50 < mask.sum() < 2000
    assert mask[97:104, 97:104].all()
    # It leans to where the network finds the object likelier.
    ramp = np.clip(0.1 + columns / 500, 0, 0.48).astype(np.float32)
    grown = honoured(ramp, [Click(100, 100)], extent=200).probability > MASK_THRESHOLD
    assert np.flatnonzero(grown.any(axis=0)).mean() > 100


def test_neighbours_of_both_signs_both_hold() -> None:
    answer = honoured(np.full((50, 50), 0.3, np.float32), [Click(20, 20, False), Click(21, 20)], extent=50)
    assert answer.corrected == 1
    assert answer.probability[20, 21] > MASK_THRESHOLD >= answer.probability[20, 20]


def test_a_later_prompt_overrules_an_earlier_one() -> None:
    answer = honoured(np.zeros((9, 9), np.float32), [Click(4, 4), Click(4, 4, False)], extent=9)
    assert answer.corrected == 0
    assert not answer.probability.any()


@pytest.mark.parametrize("side", [120, 1280], ids=["pixels", "cells"])
def test_what_somebody_erased_does_not_come_back_around_the_prompt(side: int) -> None:
    step, far = side // 40, np.full((40, 40), 0.02, np.float32)
    far[4:16, 4:30], far[22:38, 22:38], far[29:31, 29:31] = 0.98, 0.25, 0.6
    before = far.repeat(step, axis=0).repeat(step, axis=1)
    look = Look(logits_of(far), Crop.whole(before.shape), before.shape)
    before[10 * step : 24 * step, 29 * step : 31 * step] = 0.6
    before[24 * step : 36 * step, 24 * step : 36 * step] = 0
    stray = Scribble([(30 * step, 30 * step), (30 * step, 10 * step)])
    given_prompts = [Click(9 * step, 9 * step), stray, Click(12 * step, 9 * step)]
    query = Query(Encoded(np.zeros((side, side, 3), np.uint8)), given_prompts, before)
    mask = corrected(query, Seen(Prediction(before)), [look]).mask
    assert not mask[27 * step :, 22 * step : 29 * step].any()
    assert mask[pixels_under(Scribble([(30 * step, 23 * step), (30 * step, 10 * step)]), mask.shape)].all()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    answer = honoured(np.zeros(size, np.float32), [Click(0, 0)], extent=1)
    assert answer.probability[0, 0] > MASK_THRESHOLD


def test_a_stroke_to_and_fro_takes_no_more_memory_than_the_image() -> None:
    scribble = Scribble([(300 * (k % 2), k / 4) for k in range(800)])
    tracemalloc.start()
    rows, columns = pixels_under(scribble, (200, 301))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rows) == len(columns) > 50_000
    assert peak < 3_000_000


def test_pixels_under_a_stroke_are_connected_and_at_the_edge_within_the_image() -> None:
    rows, columns = pixels_under(Scribble([(-0.5, -0.5), (59.5, 39.5)]), SIZE)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 39, 0, 59)
    drawn = np.zeros(SIZE, np.bool_)
    drawn[rows, columns] = True
    assert drawn.any(axis=0).all()
    assert pixels_under(Box(1, 1, 9, 9), SIZE)[0].size == 0
    gap = Scribble([(0, 0), (9, 0), (30, 30), (40, 30)], gaps=[2])
    assert (20, 20) not in set(zip(*pixels_under(gap, SIZE), strict=True))
