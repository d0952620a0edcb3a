"""Brush strokes compared with distances computed pixel by pixel, and their cost."""

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vpuformer.app.annotation import brush
from vpuformer.app.annotation.brush import brushed

Path = list[tuple[float, float]]

SIZE = (15, 20)

coordinates = st.one_of(st.integers(-5, 25).map(float), st.floats(-5, 25))


def distances(path: Path, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Distance of every pixel to the nearest segment of a line."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    found = []
    for (ax, ay), (bx, by) in [(path[0], path[0]), *pairwise(path)]:
        square = (bx - ax) ** 2 + (by - ay) ** 2
        share = 0 if square == 0 else (((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / square).clip(0, 1)
        found.append(np.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay)))
    return np.min(found, axis=0)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4), st.floats(0.1, 30), st.booleans())
@example([(3, 3), (15, 3)], 2, True)
@example([(3, 3), (3, 12)], 5, False)
@example([(3, 3), (15, 3 + 1e-10)], 2, True)
@example([(3, 3), (15, 3 + 1e-6)], 2, True)
@example([(4, 4), (4, 4)], 3, True)
@example([(-4, 5), (30, 6), (-4, 7)], 1, True)
def test_a_brush_covers_exactly_what_is_within_its_radius(path: Path, radius: float, positive: bool) -> None:
    before = np.indices(SIZE).sum(axis=0) % 2 == 0
    line = [(float(x), float(y)) for x, y in brush._thinned(np.array(path, float), radius / 8)]
    after, away = brushed(before, path, radius, positive=positive), distances(line, SIZE)
    inside, outside = away < radius - 1e-6, away > radius + 1e-6  # between them it is a matter of rounding
    assert (after[inside] == positive).all()
    assert (after[outside] == before[outside]).all()


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5), st.floats(0.1, 8))
def test_points_that_are_left_out_are_near_to_those_that_are_not(path: Path, radius: float) -> None:
    line = brush._thinned(np.array(path, float), radius / 8)
    assert tuple(line[0]) == path[0]
    assert tuple(line[-1]) == path[-1]
    for point in path:
        assert np.abs(line - point).max(axis=1).min() < max(radius / 8, 1e-12)


@pytest.mark.parametrize(
    ("path", "radius", "pixels"),
    [
        ([(5, 5)], 0.5, 1),
        ([(5, 5)], 1, 5),
        ([(5, 5)], 5, 81),
        ([(1, 1), (3, 1)], 0.5, 3),
        ([(2, 2), (2, 6)], 1, 5 * 3 + 2),
        ([(6, 2), (2, 2)], 1, 5 * 3 + 2),
        ([(0, 0)], 1, 3),
        ([(-9, -9), (-9, 20)], 2, 0),
        ([(-100, 7), (100, 7)], 0.5, 20),
    ],
)
def test_centres_on_the_edge_are_covered(path: Path, radius: float, pixels: int) -> None:
    assert brushed(np.zeros(SIZE, bool), path, radius, positive=True).sum() == pixels
    assert brushed(np.ones(SIZE, bool), path, radius, positive=False).sum() == SIZE[0] * SIZE[1] - pixels


def test_a_stroke_changes_no_argument_and_joins_spans_in_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    before = rng.random((40, 50)) < 0.5
    path = [(float(x), float(y)) for x, y in rng.uniform(-5, 55, (30, 2))]
    kept = before.copy()
    at_once = brushed(np.asfortranarray(before), path, 3, positive=True)
    monkeypatch.setattr(brush, "_MOST_SPANS", 10)
    monkeypatch.setattr(brush, "_MOST_AT_ONCE", 7)
    assert (brushed(before, path, 3, positive=True) == at_once).all()
    assert (before == kept).all()


def _fastest(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def test_a_stroke_costs_its_length_times_its_radius_and_not_the_square() -> None:
    turns = np.linspace(0, 1, 120)
    x, y = 800 + 700 * np.cos(9 * turns), 600 + 500 * np.sin(7 * turns)
    path = list(zip(x.tolist(), y.tolist(), strict=True))
    mask = np.zeros((1200, 1600), bool)
    narrow, wide = (_fastest(lambda r=radius: brushed(mask, path, r, positive=True)) for radius in (10, 300))
    assert wide < 40 * narrow  # segment after segment, pixel by pixel, it took 150 times as long
