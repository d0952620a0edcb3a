"""PuE's vectors against values worked by hand and against slow loops; what they must tell apart."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from support.networks import tokens_of
from vpuformer.encoding import pue
from vpuformer.encoding.batch import MAX_STROKE_PIXELS, PromptBatch, dense_pixels
from vpuformer.encoding.gaussian import scribble_vectors
from vpuformer.encoding.maps import rasterize_prompts
from vpuformer.encoding.position import grid_code, random_frequencies
from vpuformer.encoding.pue import VECTOR, prompt_vectors
from vpuformer.encoding.seeding import derive_seed, randint
from vpuformer.geometry import CANONICAL, Crop, FrameMap
from vpuformer.model.pue import PromptUnifiedEncoder
from vpuformer.prompts import Box, Click, Prompt, Scribble

WHOLE = FrameMap.to_canonical(Crop.whole((CANONICAL, CANONICAL)))


def batch(*samples: list[Prompt]) -> PromptBatch:
    return PromptBatch.collate(samples, [WHOLE] * len(samples))


def vectors(prompt: Prompt) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    whole = prompt_vectors(batch([prompt]))[0, 0]
    return whole[:448], whole[448:896], whole[896:]


def test_a_click_by_hand() -> None:
    horizontal, vertical, sign = vectors(Click(100, 300))
    assert horizontal[100] == vertical[300] == 1
    np.testing.assert_allclose(horizontal[[97, 103]], math.exp(-0.5), rtol=1e-6)
    np.testing.assert_allclose(vertical[[291, 309]], math.exp(-4.5), rtol=1e-6)
    assert horizontal[90] == horizontal[110] == 0
    assert (horizontal > 0).sum() == (vertical > 0).sum() == 19
    assert sign.tolist() == [1, 0]
    assert vectors(Click(100, 300, positive=False))[2].tolist() == [0, 1]


def test_a_click_between_pixels_is_not_rounded() -> None:
    horizontal, _, _ = vectors(Click(100.5, 300))
    np.testing.assert_allclose(horizontal[[100, 101]], math.exp(-0.25 / 18), rtol=1e-6)


def test_a_box_by_hand() -> None:
    horizontal, vertical, _ = vectors(Box(99.5, 199.5, 159.5, 211.5))
    # 60 columns: centre 129.5, sigma 10; 12 rows: centre 205.5, sigma 2.
    assert np.flatnonzero(horizontal).tolist() == list(range(100, 160))
    np.testing.assert_allclose(horizontal[[129, 139]], np.exp([-0.25 / 200, -(9.5**2) / 200]), rtol=1e-5)
    np.testing.assert_allclose(vertical[[205, 207]], np.exp([-0.25 / 8, -(1.5**2) / 8]), rtol=1e-5)
    assert np.flatnonzero(vertical).tolist() == list(range(200, 212))


def test_a_scribble_by_hand() -> None:
    """A diagonal from (10, 20) to (16, 26): column c lies c - 10 below the top edge; s is max(6 / 3, 3) = 3."""
    horizontal, vertical, _ = vectors(Scribble(((10, 20), (16, 26))))
    expected = np.exp(-(np.arange(7) ** 2) / 18)
    np.testing.assert_allclose(horizontal[10:17], expected, rtol=1e-4)
    np.testing.assert_allclose(vertical[20:27], expected, rtol=1e-4)
    assert (horizontal > 0).sum() == (vertical > 0).sum() == 7


def test_a_vertical_scribble() -> None:
    horizontal, vertical, _ = vectors(Scribble(((40, 10), (40, 100))))
    assert np.flatnonzero(horizontal).tolist() == [40]
    np.testing.assert_array_equal(vertical[10:101], 1)
    assert vertical.sum() == 91


def slow_scribble(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1 with loops, the middle point of a column or row taken."""
    points = dense_pixels(path)
    low, high = path.min(axis=0), path.max(axis=0)
    out, used = [np.zeros(448), np.zeros(448)], set()
    for axis in (0, 1):
        spread = max((high - low)[1 - axis] / 3, 3.0)
        for slot in range(448):
            here = [i for i, p in enumerate(points) if np.rint(p[axis]) == slot]
            free = [i for i in here if i not in used]
            candidates = free or here
            if not candidates:
                continue
            candidates.sort(key=lambda i: (round(points[i][1 - axis] * 64), i))
            chosen = candidates[(len(candidates) - 1) // 2]
            distance = abs(points[chosen][1 - axis] - low[1 - axis])
            out[axis][slot] = math.exp(-(distance**2) / (2 * spread**2))
            if axis == 0:
                used.add(chosen)
    return out[0], out[1]


@settings(max_examples=8, deadline=None)
@given(path=st.lists(st.tuples(st.floats(5, 90), st.floats(5, 90)), min_size=1, max_size=5))
def test_scribbles_equal_the_slow_loop(path: list[tuple[float, float]]) -> None:
    path = [(round(x * 4) / 4 + 0.03, round(y * 4) / 4 + 0.03) for x, y in path]  # no ties of rounding
    horizontal, vertical, _ = vectors(Scribble(tuple(path)))
    for ours, theirs in zip((horizontal, vertical), slow_scribble(np.array(path)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_a_scribble_along_the_far_edge_keeps_both_vectors() -> None:
    horizontal, vertical, _ = vectors(Scribble(((447.5, 10), (447.5, 447.5))))
    assert np.flatnonzero(horizontal).tolist() == [447]
    assert vertical[447] > 0.9


def test_a_random_choice_is_one_of_the_points_of_its_column() -> None:
    prompts = batch([Scribble(((10, 10), (60, 10), (60, 50), (10, 50)))])
    seen = set()
    for seed in range(20):
        seeds = np.array([[seed]])
        horizontal, _ = scribble_vectors(prompts.points, prompts.point_valid, prompts.bounds, 448, seeds=seeds)
        seen.add(round(horizontal[0, 0, 30].item(), 4))
    assert seen == {1.0, round(math.exp(-(40**2) / (2 * (40 / 3) ** 2)), 4)}


def test_a_random_choice_depends_on_sample_and_place_alone() -> None:
    """Not on who else is in the batch, or on how much it is padded; and every column and every prompt has its own."""
    stroke = Scribble(((10, 10), (60, 10), (60, 50), (10, 50)))
    long: list[Prompt] = [Click(3, 3), Scribble(((0, 0), (400, 300), (20, 350))), Box(1, 1, 90, 90)]
    together = prompt_vectors(batch(long, [stroke, stroke]), seeds=np.array([5, 2**62 - 1]))
    alone = prompt_vectors(batch([stroke, stroke]), seeds=np.array([2**62 - 1]))
    np.testing.assert_array_equal(together[1, :2], alone[0])
    assert np.unique(alone[0, 0, 11:60]).size == 2
    assert not np.array_equal(alone[0, 0], alone[0, 1])


def splitmix(state: int) -> int:
    """The mixing steps of SplitMix64, with Python's integers."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % 2**64
    return state ^ (state >> 31)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 1000), st.integers(0, 1000))
def test_draws_are_those_of_whole_numbers_without_end(seed: int, number: int, count: int) -> None:
    made = derive_seed(np.array([seed]), np.array([number]))
    expected = splitmix((seed * 0x9E3779B97F4A7C15 + number) % 2**64)
    assert made.item() % 2**64 == expected
    assert made == derive_seed(np.array([seed]), number)
    assert randint(made, np.array([count])).item() == (expected >> 33) * count // 2**31


def test_draws_are_even() -> None:
    drawn = randint(derive_seed(derive_seed(np.arange(100)[:, None], 3), np.arange(700)), np.array([[7]]))
    counts = np.bincount(drawn.ravel(), minlength=7)
    assert len(counts) == 7
    assert np.abs((counts - 10_000) / 10_000).max() < 0.04
    # Neighbours, along seeds and along numbers, know nothing of each other.
    assert abs((drawn[1:] == drawn[:-1]).mean() - 1 / 7) < 0.01
    assert abs((drawn[:, 1:] == drawn[:, :-1]).mean() - 1 / 7) < 0.01


@given(st.floats(0, 447), st.floats(0, 447), st.floats(0, 447), st.floats(0, 447))
@settings(max_examples=15, deadline=None)
def test_no_scribble_is_the_zero_vector(x0: float, y0: float, x1: float, y1: float) -> None:
    horizontal, vertical, _ = vectors(Scribble(((x0, y0), (x1, y1))))
    assert horizontal.max() > 0.01
    assert vertical.max() > 0.01


@given(st.floats(2, 440), st.floats(2, 440), st.floats(0.1, 3), st.floats(0.1, 3))
@settings(max_examples=15, deadline=None)
def test_no_small_box_is_the_zero_vector(x: float, y: float, width: float, height: float) -> None:
    horizontal, vertical, _ = vectors(Box(x, y, x + width, y + height))
    assert horizontal.max() > 0.5
    assert vertical.max() > 0.5


def test_a_click_an_18_px_box_and_a_scribble_at_one_place_have_tokens_that_differ() -> None:
    prompts = batch([Click(100, 100), Box(91, 91, 109, 109), Scribble(((91, 91), (109, 109)))])
    tokens, _ = tokens_of(PromptUnifiedEncoder(dim=32, hidden=64), prompts)
    distances = torch.cdist(tokens[0], tokens[0])[~torch.eye(3, dtype=torch.bool)]
    assert distances.min() > 0.5


def test_columns_come_first_for_every_kind() -> None:
    for prompt in (Click(300, 50), Box(290, 40, 310, 60), Scribble(((295, 50), (305, 50)))):
        horizontal, vertical, _ = vectors(prompt)
        assert 290 <= horizontal.argmax() <= 310
        assert 40 <= vertical.argmax() <= 60


def test_prompts_of_a_batch_do_not_influence_each_other() -> None:
    prompts: list[Prompt] = [Click(30, 40), Scribble(((5, 5), (200, 90), (30, 300))), Box(10, 10, 80, 90, False)]
    together = prompt_vectors(batch(prompts, [prompts[1]], []))
    assert together.shape == (3, 3, VECTOR)
    for i, prompt in enumerate(prompts):
        np.testing.assert_allclose(together[0, i], prompt_vectors(batch([prompt]))[0, 0], atol=1e-6)
    np.testing.assert_allclose(together[1, 0], together[0, 1], atol=1e-6)
    assert not together[1, 1:].any()
    assert not together[2].any()


def test_coordinates_are_those_of_the_crop_in_the_canonical_frame() -> None:
    frame = FrameMap.to_canonical(Crop(left=100, top=0, width=224, height=112))
    prompts = PromptBatch.collate([[Click(100 + 111.5, 55.5)]], [frame])
    np.testing.assert_allclose(prompts.bounds[0, 0, :2], 223.5)


def test_too_many_prompts_lose_the_oldest_of_the_most_frequent_kind() -> None:
    prompts: list[Prompt] = [Box(1, 1, 9, 9), *(Click(x, 1) for x in range(1, 97))]
    with pytest.warns(UserWarning, match=r"97 prompts on one object, the network takes 96: the oldest"):
        kept = batch(prompts)
    assert kept.kind[0].tolist() == [1, *[0] * 95]
    assert kept.bounds[0, 1, 0] == 2


def test_too_many_prompts_leave_a_positive_one() -> None:
    prompts: list[Prompt] = [Click(1, 1), *(Click(9, y, False) for y in range(200))]
    with pytest.warns(UserWarning, match="but not the newest positive prompt"):
        kept = batch(prompts)
    assert kept.positive[0].tolist() == [True, *[False] * 95]
    assert kept.bounds[0, 1, 1] == 200 - 95


def test_without_prompts_there_is_one_token() -> None:
    tokens, valid = tokens_of(PromptUnifiedEncoder(dim=16, hidden=8), batch([], [Click(3, 3)]))
    assert valid.tolist() == [[True], [True]]
    assert tokens[0].abs().sum() == 0


def test_dense_pixels_visit_every_pixel_once() -> None:
    dense = dense_pixels(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 0.0]]))
    assert sorted(dense[:, 0].round().tolist()) == list(range(11))


def test_a_stroke_with_a_gap_has_no_pixels_in_it() -> None:
    path, gaps = np.array([[0.0, 3.0], [4.0, 3.0], [9.0, 3.0], [12.0, 3.0]]), (2,)
    assert dense_pixels(path, gaps)[:, 0].tolist() == [0, 1, 2, 3, 4, 9, 10, 11, 12]
    horizontal, _, _ = vectors(Scribble(tuple(map(tuple, path.tolist())), gaps=gaps))
    assert np.flatnonzero(horizontal).tolist() == [0, 1, 2, 3, 4, 9, 10, 11, 12]


def test_a_stroke_over_every_pixel_is_resampled_and_still_reaches_every_column_and_row() -> None:
    rows = np.repeat(np.arange(448.0), 2)
    columns = np.where(np.arange(896) % 4 % 3 == 0, 0.0, 447.0)
    path = np.stack([columns, rows], axis=1)
    dense = dense_pixels(path)
    assert len(dense) == MAX_STROKE_PIXELS
    horizontal, vertical, _ = vectors(Scribble(tuple(map(tuple, path.tolist()))))
    assert (horizontal > 0).all()
    assert (vertical > 0).all()
    there_and_back = np.tile(path, (30, 1))  # 6 million pixels long
    assert len(dense_pixels(there_and_back)) <= MAX_STROKE_PIXELS


def test_kinds_are_computed_in_their_own_slots_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stroke's points pad no click: what the formulas of a kind see has as many rows as there are prompts of it."""
    shapes = {}
    for name in ("click_vector", "box_vector", "scribble_vectors"):
        whole = getattr(pue, name)

        def spied(first: np.ndarray, *args: object, _name: str = name, _whole: Any = whole, **options: object) -> Any:
            shapes.setdefault(_name, set()).add(first.shape)
            return _whole(first, *args, **options)

        monkeypatch.setattr(pue, name, spied)
    prompt_vectors(batch([Click(1, 1), Click(9, 9), Scribble(((0, 0), (0, 30)))], [Box(1, 1, 9, 9)]))
    assert shapes == {"click_vector": {(2,)}, "box_vector": {(1,)}, "scribble_vectors": {(1, 31, 2)}}


def test_maps_of_prompts() -> None:
    prompts = batch(
        [Click(100, 200), Click(10, 10, False), Box(3.5, 7.5, 11.5, 15.5), Scribble(((0, 444), (447, 444)))]
    )
    maps = rasterize_prompts(prompts, (448, 448))[0]
    assert maps[0, 200, 100] == maps[0, 205, 100] == maps[0, 197, 104] == 1
    assert maps[0, 206, 100] == maps[0, 204, 104] == 0
    assert maps[1].sum() == 81  # a disk of radius 5
    assert maps[2].sum() == 64
    assert maps[2, 8:16, 4:12].min() == 1
    assert maps[0, 444].min() == 1
    quarter = rasterize_prompts(prompts, (112, 112))[0]
    assert quarter[2].sum() == 4
    assert quarter[0, 50, 25] == 1


def test_random_fourier_features_of_a_grid() -> None:
    """As Segment Anything has them: the place in -1..1, times 2 pi and a fixed random matrix; sines, then cosines."""
    code = grid_code((2, 3), 8, random_frequencies(8))
    generator = torch.Generator().manual_seed(0)
    frequencies = torch.randn(2, 4, generator=generator)
    place = torch.tensor([[x, y] for y in (-0.5, 0.5) for x in (-2 / 3, 0, 2 / 3)])
    angle = 2 * math.pi * place @ frequencies
    torch.testing.assert_close(code, torch.cat([angle.sin(), angle.cos()], dim=1), atol=1e-5, rtol=1e-5)
    coarse, fine = (grid_code((side, side), 32, random_frequencies(32)) for side in (14, 42))
    torch.testing.assert_close(coarse[0], fine[43])


def test_a_cell_has_one_code_at_every_size_of_the_network() -> None:
    coarse, fine = grid_code((14, 14), 32), grid_code((42, 42), 32)
    torch.testing.assert_close(coarse[0], fine[43])  # its centre is that of the second cell of the second row
