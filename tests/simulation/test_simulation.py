"""The simulated user: worked examples, a slow oracle, and where each prompt must lie whatever the masks are."""

import itertools
import math
from collections import Counter
from collections.abc import Callable

import cv2
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpuformer.errors import ConfigError, MaskError
from vpuformer.inference.pixels import pixels_under
from vpuformer.metrics import IGNORE, MASK_THRESHOLD
from vpuformer.prompts import KINDS, Box, Click, Kind, Prompt, Scribble
from vpuformer.simulation import (
    initial_clicks,
    next_box,
    next_click,
    next_kind,
    next_prompt,
    next_scribble,
)
from vpuformer.simulation.boxes import repeats
from vpuformer.simulation.clicks import clicked_pixels

Mask = np.ndarray


# ---------------------------------------------------------------------------------------------------- what is shown


def image(*rows: str) -> tuple[Mask, Mask]:
    """Truth and prediction: 'O' hit, 'o' missed, 'x' too much, '.' background, '?' and '!' ignored ('!' predicted)."""
    letters = np.array([list(row) for row in rows])
    truth = np.isin(letters, ["O", "o"]).astype(np.int8)
    truth[np.isin(letters, ["?", "!"])] = IGNORE
    return truth, np.isin(letters, ["O", "x", "!"])


def wrong(truth: Mask, prediction: Mask, positive: bool) -> Mask:
    return (truth == 1) & ~prediction if positive else (truth == 0) & prediction


def components(mask: Mask) -> list[Mask]:
    """The 8-connected components, by a flood fill that shares no code with the package."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = []
    while left:
        front = [left.pop()]
        component = np.zeros_like(mask, dtype=bool)
        while front:
            y, x = front.pop()
            component[y, x] = True
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            front.extend(near)
        found.append(component)
    return found


def tight_box(mask: Mask) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask)
    return columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5


def stroke_pixels(scribble: Scribble) -> tuple[Mask, Mask]:
    """(columns, rows) of the pixels to which the stroke rounds when it is sampled every half pixel."""
    pieces = [scribble.points[:1]]
    for start, end in itertools.pairwise(scribble.points):
        count = max(1, math.ceil(2 * math.dist(start, end)))
        pieces.append(start + np.arange(1, count + 1)[:, None] / count * (end - start))
    columns, rows = np.floor(np.concatenate(pieces) + 0.5).astype(int).T
    return columns, rows


def clicks_on(mask: Mask) -> list[Click]:
    return [Click(int(x), int(y)) for y, x in np.argwhere(mask)]


def canvas(height: int = 64, width: int = 80) -> Mask:
    return np.zeros((height, width), np.uint8)


SHAPES: dict[str, Mask] = {
    "row": cv2.line(canvas(), (3, 20), (70, 20), 1),
    "column": cv2.line(canvas(), (9, 0), (9, 63), 1),
    "diagonal": cv2.line(canvas(), (4, 5), (50, 51), 1),
    "other diagonal": cv2.line(canvas(), (60, 3), (11, 52), 1),
    "thick diagonal": cv2.line(canvas(), (4, 5), (50, 51), 1, 2),
    "slope": cv2.line(canvas(), (1, 2), (77, 33), 1),
    "ring": cv2.circle(canvas(), (40, 32), 25, 1),
    "wide ring": cv2.circle(canvas(), (40, 32), 22, 1, 9),
    "disc": cv2.circle(canvas(), (40, 32), 25, 1, -1),
    "square at the corner": cv2.rectangle(canvas(), (-1, -1), (12, 12), 1, -1),
    "whole image": canvas() + np.uint8(1),
    "bottom edge": cv2.rectangle(canvas(), (0, 62), (79, 63), 1, -1),
    "right edge": cv2.rectangle(canvas(), (79, 10), (79, 40), 1, -1),
    "comb": np.maximum(canvas(), (np.indices((64, 80)).sum(0) % 5 == 3).astype(np.uint8)),
    "letter": cv2.polylines(canvas(), [np.array([[5, 60], [5, 5], [40, 40], [75, 5], [75, 60]])], False, 1, 5),
    "lollipop": cv2.line(cv2.circle(canvas(), (20, 20), 14, 1, -1), (20, 20), (70, 60), 1, 3),
    "two by two": cv2.rectangle(canvas(), (5, 5), (6, 6), 1, -1),
    "two pixels": cv2.rectangle(canvas(), (5, 5), (6, 5), 1, -1),
}


@st.composite
def noise(draw: st.DrawFn) -> tuple[Mask, Mask]:
    """Truth and prediction with no structure at all, of up to 14x14 pixels."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=14))
    truth = draw(hnp.arrays(np.int8, shape, elements=st.sampled_from([1, 0, IGNORE])))
    return truth, draw(hnp.arrays(np.bool_, shape))


@st.composite
def blobs(draw: st.DrawFn) -> tuple[Mask, Mask]:
    """Truth and prediction with shapes, thin and thick, of up to 72x72 pixels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 72)), draw(st.integers(1, 72))
    sigma = draw(st.sampled_from([1.0, 3.0, 8.0]))

    def field() -> Mask:
        values = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), sigma)
        return np.abs(values) < 0.3 * values.std() if draw(st.booleans()) else values > 0

    truth = field().astype(np.int8)
    truth[rng.random((height, width)) < draw(st.sampled_from([0.0, 0.02]))] = IGNORE
    return truth, field() & draw(st.booleans())


scenes = st.one_of(noise(), blobs())
seeds = st.one_of(st.none(), st.integers(0, 2**32 - 1))


def generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


# ----------------------------------------------------------------------------------------------------------- clicks


def oracle_click(truth: Mask, prediction: Mask, clicked: Mask) -> Click | None:
    """Squared distances as integers, one pair of pixels at a time."""
    height, width = truth.shape
    best: dict[bool, tuple[int, int, int]] = {}
    for positive in (True, False):
        mask = np.pad(wrong(truth, prediction, positive), 1)
        outside = np.argwhere(~mask)
        for y, x in itertools.product(range(height), range(width)):
            if mask[y + 1, x + 1] and not clicked[y, x]:
                distance = int(((outside - (y + 1, x + 1)) ** 2).sum(axis=1).min())
                if positive not in best or distance > best[positive][0]:
                    best[positive] = distance, y, x
    if not best:
        return None
    positive = best.get(True, (0,))[0] > best.get(False, (0,))[0]
    _, y, x = best[positive]
    return Click(x, y, positive)


@settings(max_examples=80, deadline=None)
@given(noise(), st.integers(0, 2**32 - 1))
def test_the_click_is_that_of_the_oracle(scene: tuple[Mask, Mask], seed: int) -> None:
    truth, prediction = scene
    clicked = np.random.default_rng(seed).random(truth.shape) < 0.2
    assert next_click(truth, prediction, earlier=clicks_on(clicked)) == oracle_click(truth, prediction, clicked)
    assert next_click(truth, prediction) == oracle_click(truth, prediction, np.zeros_like(prediction))


def ritm_click(truth: Mask, prediction: Mask, not_clicked: Mask) -> tuple[bool, tuple[int, int]]:
    """RITM's `Clicker`, restated slowly: both maps of distances padded by a pixel, clicked pixels zeroed in them.

    Its click on (0, 0) when nothing is left to click is left as it is.
    """
    counts = truth != IGNORE
    missed, covered = (np.pad(region & counts, 1) for region in ((truth == 1) & ~prediction, (truth != 1) & prediction))
    depths = []
    for region in (missed, covered):
        depth = np.zeros(region.shape)
        outside = np.argwhere(~region)
        for y, x in np.argwhere(region):
            depth[y, x] = ((outside - (y, x)) ** 2).sum(axis=1).min()
        depths.append(depth[1:-1, 1:-1] * not_clicked)
    positive = bool(depths[0].max() > depths[1].max())
    chosen = depths[0 if positive else 1]
    y, x = np.argwhere(chosen == chosen.max())[0]
    return positive, (int(y), int(x))


def test_the_clicks_are_ritms_on_200_random_masks(rng: np.random.Generator) -> None:
    for _ in range(200):
        height, width = rng.integers(4, 26, size=2)
        truth, prediction = (
            cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), rng.choice([0.8, 1.5, 4.0])) > 0
            for _ in range(2)
        )
        truth = truth.astype(np.int8)
        truth[rng.random(truth.shape) < rng.choice([0, 0.05])] = IGNORE
        not_clicked = np.ones(truth.shape, bool)
        for _ in range(3):
            positive, (y, x) = ritm_click(truth, prediction, not_clicked)
            click = next_click(truth, prediction, earlier=clicks_on(~not_clicked))
            if click is None:
                # Where RITM clicks on (0, 0), which is right or clicked already, ours has nothing to say.
                assert (y, x) == (0, 0)
                assert not not_clicked[0, 0] or not wrong(truth, prediction, positive)[0, 0]
                break
            assert (click.positive, (click.y, click.x)) == (positive, (y, x))
            not_clicked[y, x] = False


def test_the_first_click_hits_the_middle_of_the_object() -> None:
    truth, prediction = image(".......", ".ooooo.", ".ooooo.", ".ooooo.", ".......")
    # (2, 2), (3, 2) and (4, 2) are all two pixels deep; the first in raster order wins.
    assert next_click(truth, prediction) == Click(2, 2, positive=True)


def test_a_false_positive_of_the_same_depth_wins() -> None:
    assert next_click(*image("ooo.xxx")) == Click(4, 0, positive=False)


def test_the_deeper_error_wins_over_the_larger_one() -> None:
    truth, prediction = image("xxxxxxxxx", ".........", ".ooo.....", ".ooo.....", ".ooo.....")
    assert next_click(truth, prediction) == Click(2, 3, positive=True)


def test_the_edge_of_the_image_is_an_edge_of_the_error() -> None:
    truth, prediction = image("ooooo", "ooooo", "ooooo", "ooooo", "ooooo")
    assert next_click(truth, prediction) == Click(2, 2)


def test_ignored_pixels_are_never_wrong_and_bound_the_errors() -> None:
    truth, prediction = image("!!!!!", "ooo??", "!!!!!")
    assert next_click(truth, prediction) == Click(0, 1, positive=True)
    assert next_click(*image("?!?", "O.!")) is None


def test_a_clicked_pixel_is_not_clicked_again() -> None:
    truth, prediction = image(".ooo.", ".ooo.", ".ooo.")
    first = next_click(truth, prediction)
    assert first == Click(2, 1)
    assert first is not None
    second = next_click(truth, prediction, earlier=[first])
    assert second == Click(1, 0)
    single, nothing = image("...", ".o.")
    assert next_click(single, nothing, earlier=[Click(1, 1)]) is None


def test_clicks_end_when_all_that_is_wrong_has_been_clicked() -> None:
    truth, prediction = image("ooo", "x.O")
    clicks: list[Click] = []
    while (click := next_click(truth, prediction, earlier=clicks)) is not None:
        clicks.append(click)
    assert [(click.x, click.y) for click in clicks] == [(0, 1), (0, 0), (1, 0), (2, 0)]


def test_the_clicked_pixels_are_those_of_the_clicks_alone() -> None:
    prompts = [Click(0.4, 1.5), Box(0.5, 0.5, 2.5, 2.5), Scribble(((0, 0), (2, 2))), Click(9, 0), Click(-0.6, 0)]
    assert np.argwhere(clicked_pixels(prompts, (3, 3))).tolist() == [[1, 0]]


def test_a_click_on_an_edge_between_pixels_has_the_pixel_that_the_answers_give_it() -> None:
    for click in (Click(2.5, 1), Click(4.5, 1), Click(-0.5, 2.5)):
        rows, columns = pixels_under(click, (3, 5))
        assert np.argwhere(clicked_pixels([click], (3, 5))).tolist() == [[rows[0], columns[0]]]


def test_a_training_click_is_any_deep_pixel() -> None:
    truth, prediction = image("........", ".ooooo..", ".ooooo..", ".ooooo..", "........", "..xxx...")
    rng = np.random.default_rng(0)
    seen = Counter(next_click(truth, prediction, rng=rng) for _ in range(300))
    # The greatest depth is 2, so the pixels on the object's edge, 1 deep, are left out.
    assert set(seen) == {Click(x, 2) for x in (2, 3, 4)}
    assert min(seen.values()) > 60


@settings(max_examples=80, deadline=None)
@given(scenes, seeds)
def test_a_click_lies_on_a_wrong_pixel_of_its_sign(scene: tuple[Mask, Mask], seed: int | None) -> None:
    truth, prediction = scene
    clicks: list[Click] = []
    for _ in range(4):
        clicked = clicked_pixels(clicks, truth.shape)
        click = next_click(truth, prediction, rng=generator(seed), earlier=clicks)
        if click is None:
            assert not ((truth != IGNORE) & (prediction != (truth == 1)) & ~clicked).any()
            return
        pixel = int(click.y), int(click.x)
        assert wrong(truth, prediction, click.positive)[pixel]
        assert not clicked[pixel]
        clicks.append(click)


# ------------------------------------------------------------------------------------------------------------ boxes


def test_the_first_box_is_that_of_the_object() -> None:
    truth, prediction = image("......", "..oo..", ".ooo..", "......")
    assert next_box(truth, prediction) == Box(0.5, 0.5, 3.5, 2.5)


def test_the_box_surrounds_the_component_of_the_deepest_error_only() -> None:
    truth, prediction = image("oooooooo", "........", "...xxx..", "...xxx..", ".o.xxx..", "........", "xxxxxxxx")
    assert next_box(truth, prediction) == Box(2.5, 1.5, 5.5, 4.5, positive=False)


def test_components_are_found_beyond_65_535_pixels_along_a_side() -> None:
    truth = np.zeros((3, 70_000), np.int8)
    truth[:, 69_000:69_900] = truth[1, 100:200] = 1
    nothing = np.zeros(truth.shape, bool)
    assert next_box(truth, nothing) == Box(68_999.5, -0.5, 69_899.5, 2.5)
    scribble = next_scribble(truth, nothing)
    assert scribble is not None
    assert scribble.bounds[0] > 69_000


def test_pixels_that_touch_at_a_corner_are_one_component() -> None:
    assert next_box(*image("x....", ".x...", "..x.x")) == Box(-0.5, -0.5, 2.5, 2.5, positive=False)


def test_a_single_pixel_has_a_box_of_one_pixel() -> None:
    assert next_box(*image("...", "..o")) == Box(1.5, 0.5, 2.5, 1.5)


def test_a_training_box_merges_the_large_components_and_moves_outwards() -> None:
    truth = np.zeros((448, 448), np.int8)
    truth[100:200, 100:200] = 1  # 10 000 pixels, the largest
    truth[250:280, 250:300] = 1  # 1500 pixels, more than a tenth
    truth[20:30, 20:30] = 1  # 100 pixels, left out
    rng = np.random.default_rng(0)
    boxes = [next_box(truth, np.zeros((448, 448), bool), rng=rng) for _ in range(200)]
    edges = np.array([box.bounds for box in boxes if box is not None])
    assert (edges.min(axis=0) == (89.5, 89.5, 299.5, 279.5)).all()
    assert (edges.max(axis=0) == (99.5, 99.5, 309.5, 289.5)).all()


def test_the_jitter_scales_with_the_image_and_stops_at_its_edge() -> None:
    truth = np.zeros((672, 896), np.int8)
    truth[5:672, 300:400] = 1
    rng = np.random.default_rng(0)
    boxes = [next_box(truth, np.zeros(truth.shape, bool), rng=rng) for _ in range(100)]
    edges = np.array([box.bounds for box in boxes if box is not None])
    assert (edges.min(axis=0) == (279.5, -0.5, 399.5, 671.5)).all()
    assert (edges.max(axis=0) == (299.5, 4.5, 419.5, 671.5)).all()


@settings(max_examples=80, deadline=None)
@given(scenes)
def test_the_box_is_tight_around_the_component_of_the_next_click(scene: tuple[Mask, Mask]) -> None:
    truth, prediction = scene
    box, click = next_box(truth, prediction), next_click(truth, prediction)
    if click is None:
        assert box is None
        assert click is None
        return
    pixel = int(click.y), int(click.x)
    (component,) = (piece for piece in components(wrong(truth, prediction, click.positive)) if piece[pixel])
    assert box == Box(*tight_box(component), positive=click.positive)


@settings(max_examples=50, deadline=None)
@given(scenes, st.integers(0, 2**32 - 1))
def test_a_training_box_holds_the_largest_component_and_lies_in_the_image(scene: tuple[Mask, Mask], seed: int) -> None:
    truth, prediction = scene
    box = next_box(truth, prediction, rng=np.random.default_rng(seed))
    if not isinstance(box, Box):
        assert box is None
        assert next_click(truth, prediction) is None
        return
    pieces = components(wrong(truth, prediction, box.positive))
    total = sum(int(piece.sum()) for piece in pieces)
    large = [piece for piece in pieces if piece.sum() > 0.1 * total]
    for piece in large:
        x0, y0, x1, y1 = tight_box(piece)
        assert box.x0 <= x0 < x1 <= box.x1
        assert box.y0 <= y0 < y1 <= box.y1
    height, width = truth.shape
    assert box.x0 >= -0.5
    assert box.y0 >= -0.5
    assert box.x1 <= width - 0.5
    assert box.y1 <= height - 0.5
    slack = 10 * max(height, width) / 448 + 1e-9
    if large and max(int(piece.sum()) for piece in pieces) > 0.1 * total:
        x0, y0, x1, y1 = tight_box(np.any(large, axis=0))
        assert max(x0 - box.x0, y0 - box.y0, box.x1 - x1, box.y1 - y1) <= slack


# -------------------------------------------------------------------------------------------------------- scribbles


def assert_scribble_fits(scribble: Scribble, truth: Mask, prediction: Mask) -> None:
    assert 2 <= len(scribble.path) <= 64
    assert scribble.length > 0
    columns, rows = stroke_pixels(scribble)
    assert columns.min() >= 0
    assert rows.min() >= 0
    pieces = components(wrong(truth, prediction, scribble.positive))
    (component,) = (piece for piece in pieces if piece[rows[0], columns[0]])
    assert component[rows, columns].all()


@settings(max_examples=80, deadline=None)
@given(scenes, seeds)
def test_a_scribble_lies_in_one_wrong_component_of_its_sign(scene: tuple[Mask, Mask], seed: int | None) -> None:
    truth, prediction = scene
    prompt = next_scribble(truth, prediction, rng=generator(seed))
    if prompt is None:
        assert next_click(truth, prediction) is None
    elif isinstance(prompt, Click):
        # The training form measures depth a little differently, yet a click is left only where nothing else fits.
        assert wrong(truth, prediction, prompt.positive)[int(prompt.y), int(prompt.x)]
    else:
        assert_scribble_fits(prompt, truth, prediction)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("negative", [False, True])
def test_every_shape_gets_a_scribble(name: str, negative: bool) -> None:
    shape = SHAPES[name] > 0
    truth, prediction = (np.zeros(shape.shape, np.int8), shape) if negative else (shape.astype(np.int8), shape & False)
    rngs = [None, *(np.random.default_rng(seed) for seed in range(6))]
    for rng in rngs:
        scribble = next_scribble(truth, prediction, rng=rng)
        assert isinstance(scribble, Scribble)
        assert scribble.positive is not negative
        assert_scribble_fits(scribble, truth, prediction)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("row", 50),
        ("column", 48),
        ("diagonal", 49),
        ("other diagonal", 50),
        ("thick diagonal", 40),
        ("slope", 60),
        ("ring", 45),
        ("wide ring", 45),
        ("disc", 29),
        ("square at the corner", 7),
        ("whole image", 37),
        ("bottom edge", 60),
        ("right edge", 22),
        ("letter", 120),
        ("lollipop", 45),
        ("two by two", 1),
        ("two pixels", 0.7),
    ],
)
def test_the_scribble_is_as_long_as_the_shape_allows(name: str, least: float) -> None:
    shape = SHAPES[name]
    scribble = next_scribble(shape.astype(np.int8), np.zeros(shape.shape, bool))
    assert isinstance(scribble, Scribble)
    assert scribble.length >= least


def test_a_bar_gets_a_stroke_along_its_middle_without_the_ends() -> None:
    truth = np.zeros((21, 120), np.int8)
    truth[6:15, 10:110] = 1
    scribble = next_scribble(truth, np.zeros(truth.shape, bool))
    assert isinstance(scribble, Scribble)
    assert np.abs(scribble.points[:, 1] - 10).max() <= 1
    x0, _, x1, _ = scribble.bounds
    # The skeleton ends in the corners of the bar or before; a tenth is left away at each end.
    assert 15 < x0 < 28
    assert 92 < x1 < 105


def test_a_single_pixel_gets_a_click() -> None:
    truth, prediction = image("....", ".x..", "....")
    for rng in (None, np.random.default_rng(0)):
        assert next_scribble(truth, prediction, rng=rng) == Click(1, 1, positive=False)
        assert next_prompt("scribble", truth, prediction, rng=rng) == Click(1, 1, positive=False)
    assert next_scribble(truth, prediction, earlier=[Click(1, 1)]) is None


@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3, 4, 5, 6])
def test_a_large_image_is_scribbled_upon_just_as_well(seed: int | None) -> None:
    truth = cv2.circle(np.zeros((900, 1100), np.uint8), (500, 450), 350, 1, 90).astype(np.int8)
    scribble = next_scribble(truth, np.zeros(truth.shape, bool), rng=generator(seed))
    assert isinstance(scribble, Scribble)
    columns, rows = stroke_pixels(scribble)
    assert (truth[rows, columns] == 1).all()
    if seed is None:
        assert scribble.length > 0.7 * math.pi * 350


@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3])
def test_a_long_thin_line_in_a_large_image(seed: int | None) -> None:
    truth = cv2.line(np.zeros((700, 1300), np.uint8), (20, 30), (1280, 650), 1).astype(np.int8)
    scribble = next_scribble(truth, np.zeros(truth.shape, bool), rng=generator(seed))
    assert isinstance(scribble, Scribble)
    columns, rows = stroke_pixels(scribble)
    assert (truth[rows, columns] == 1).all()
    assert len(scribble.path) <= 64


def test_training_scribbles_vary() -> None:
    truth = SHAPES["letter"].astype(np.int8)
    rng = np.random.default_rng(0)
    scribbles = [next_scribble(truth, np.zeros(truth.shape, bool), rng=rng) for _ in range(20)]
    assert len(set(scribbles)) == 20
    lengths = [scribble.length for scribble in scribbles if isinstance(scribble, Scribble)]
    assert min(lengths) < max(lengths) / 2


# --------------------------------------------------------------------------------------------- all kinds of prompts


Simulated = Callable[..., Click | Box | Scribble | None]


@pytest.mark.parametrize("simulate", [next_click, next_box, next_scribble])
class TestEveryKind:
    def test_nothing_wrong_is_no_prompt(self, simulate: Simulated) -> None:
        truth, prediction = image("..OO?", "..OO!")
        for rng in (None, np.random.default_rng(0)):
            assert simulate(truth, prediction, rng=rng) is None
            assert simulate(np.zeros((4, 4), np.int8), np.zeros((4, 4), bool), rng=rng) is None

    def test_the_evaluation_form_always_says_the_same(self, simulate: Simulated) -> None:
        for shape in SHAPES.values():
            truth, prediction = shape.astype(np.int8), np.roll(shape, 5, axis=1) > 0
            assert simulate(truth, prediction) == simulate(truth.copy(), prediction.copy())

    def test_the_training_form_repeats_with_the_seed(self, simulate: Simulated) -> None:
        truth, prediction = SHAPES["letter"].astype(np.int8), SHAPES["ring"] > 0
        runs = [[simulate(truth, prediction, rng=np.random.default_rng(seed)) for seed in range(5)] for _ in range(2)]
        assert runs[0] == runs[1]
        assert len(set(runs[0])) > 1

    def test_the_arguments_are_left_alone(self, simulate: Simulated) -> None:
        truth, prediction = SHAPES["letter"].astype(np.int8), SHAPES["ring"] > 0
        earlier: list[Prompt] = []
        for array in (truth, prediction):
            array.flags.writeable = False
        for rng in (None, None, np.random.default_rng(0), np.random.default_rng(0)):
            prompt = simulate(truth, prediction, rng=rng, earlier=tuple(earlier))
            assert prompt is not None
            earlier.append(prompt)

    def test_the_layout_of_the_arrays_in_memory_does_not_matter(self, simulate: Simulated) -> None:
        truth, prediction = SHAPES["lollipop"].astype(np.int8), SHAPES["ring"] > 0
        fortran = simulate(np.asfortranarray(truth), np.asfortranarray(prediction))
        views = simulate(truth[::-1, ::-1].copy()[::-1, ::-1], np.repeat(prediction, 2, axis=1)[:, ::2])
        assert simulate(truth, prediction) == fortran == views

    @pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
    def test_images_of_one_row_or_column(self, simulate: Simulated, shape: tuple[int, int]) -> None:
        for rng in (None, np.random.default_rng(0)):
            prompt = simulate(np.ones(shape, np.int8), np.zeros(shape, bool), rng=rng)
            assert prompt is not None
            assert prompt.positive
            x0, y0, x1, y1 = prompt.bounds
            assert -0.5 <= x0 <= x1 <= shape[1] - 0.5
            assert -0.5 <= y0 <= y1 <= shape[0] - 0.5

    def test_arrays_that_do_not_fit_are_refused(self, simulate: Simulated) -> None:
        truth, prediction = image("oo.", "...")
        with pytest.raises(MaskError, match=r"shape \(2, 2\) cannot be compared with a truth of shape \(2, 3\)"):
            simulate(truth, prediction[:, :2])
        with pytest.raises(MaskError, match=f"an array of bool, got float64.*above {MASK_THRESHOLD}"):
            simulate(truth, prediction.astype(float))


@settings(max_examples=60, deadline=None)
@given(scenes, seeds, st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True), st.booleans())
def test_no_prompt_is_given_twice(
    scene: tuple[Mask, Mask], seed: int | None, kinds: list[Kind], stubborn: bool
) -> None:
    """Whether the network never follows a prompt, or has changed all of its mind after each."""
    truth, prediction = scene
    opinions = [prediction] if stubborn else [prediction, np.zeros_like(prediction), np.ones_like(prediction)]
    earlier: list[Prompt] = []
    for step in range(14):
        kind, opinion = kinds[step % len(kinds)], opinions[step % len(opinions)]
        prompt = next_prompt(kind, truth, opinion, rng=generator(seed), earlier=earlier)
        if prompt is None:
            assert next_click(truth, opinion, earlier=earlier) is None
        else:
            assert prompt not in earlier
            assert not (isinstance(prompt, Box) and repeats(prompt, earlier))
            assert prompt.kind in (kind, "click")
            earlier.append(prompt)


def test_where_a_box_has_not_been_followed_its_error_is_clicked() -> None:
    truth, prediction = image("ooooo...xxx", "ooooo...xxx", "ooooo...xxx", ".......x...", "o..........")
    earlier: list[Prompt] = []
    while (prompt := next_box(truth, prediction, earlier=earlier)) is not None:
        earlier.append(prompt)
    boxes = [Box(6.5, -0.5, 10.5, 3.5, positive=False), Box(-0.5, -0.5, 4.5, 2.5), Box(-0.5, 3.5, 0.5, 4.5)]
    assert [prompt for prompt in earlier if prompt.kind == "box"] == boxes
    assert earlier[:4] == [boxes[0], Click(9, 1, positive=False), boxes[1], Click(1, 1)]
    assert len(earlier) == 3 + int(wrong(truth, prediction, True).sum() + wrong(truth, prediction, False).sum())


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_box_that_nearly_repeats_one_is_a_click(seed: int | None) -> None:
    truth = np.zeros((448, 448), np.int8)
    truth[100:300, 100:300] = 1
    nothing = np.zeros(truth.shape, bool)
    first = next_box(truth, nothing, rng=generator(seed))
    assert isinstance(first, Box)
    for missing in (slice(100, 292), slice(100, 102)):  # most of the object, and a stripe of it
        prediction = truth == 1
        prediction[:, missing] = False
        answer = next_box(truth, prediction, rng=generator(seed), earlier=[first])
        assert answer is not None
        assert answer.kind == ("click" if missing.stop == 292 else "box")


def test_a_box_of_the_other_sign_is_another_prompt() -> None:
    truth = np.ones((3, 4), np.int8)
    whole = Box(-0.5, -0.5, 3.5, 2.5)
    assert next_box(truth, truth < 1, earlier=[Box(*whole.bounds, positive=False)]) == whole
    assert next_box(truth, truth < 1, earlier=[whole]) == Click(1, 1)


def test_a_training_box_that_can_only_repeat_is_a_click() -> None:
    truth = np.zeros((448, 448), np.int8)
    truth[:, :300] = 1  # the box of an image's whole height
    truth[:, 302:] = 1
    nothing = np.zeros(truth.shape, bool)
    first = next_box(truth, nothing, rng=np.random.default_rng(0))
    assert first is not None
    for seed in range(10):
        again = next_box(truth, nothing, rng=np.random.default_rng(seed), earlier=[first])
        assert again is not None
        assert (first.kind, again.kind) == ("box", "click")


def test_where_a_scribble_has_not_been_followed_its_error_is_clicked() -> None:
    truth = np.zeros((40, 60), np.int8)
    truth[2:12, 2:58], truth[34:35, 5:6] = 1, 1
    nothing = np.zeros(truth.shape, bool)
    first = next_scribble(truth, nothing)
    assert isinstance(first, Scribble)
    assert next_scribble(truth, nothing, earlier=[first]) == next_click(truth, nothing) == Click(6, 6)
    # The single pixel has no room for a stroke.
    rest = truth == 1
    rest[34] = False
    assert next_scribble(truth, rest, earlier=[first]) == Click(5, 34)


def test_a_prompt_of_each_kind() -> None:
    truth = SHAPES["disc"].astype(np.int8)
    nothing = np.zeros(truth.shape, bool)
    assert [getattr(next_prompt(kind, truth, nothing), "kind", None) for kind in KINDS] == list(KINDS)
    assert next_prompt("click", truth, nothing) == next_click(truth, nothing) == Click(40, 32)
    with pytest.raises(ConfigError, match=r"no kind of prompt called 'clik'; there are .* Did you mean 'click'\?"):
        next_prompt("clik", truth, nothing)  # pyright: ignore[reportArgumentType]


# --------------------------------------------------------------------------------------------------- initial clicks


@settings(max_examples=80, deadline=None)
@given(scenes, st.booleans(), st.integers(1, 24), st.integers(0, 2**32 - 1))
def test_initial_clicks_lie_where_they_must(
    scene: tuple[Mask, Mask], with_others: bool, max_clicks: int, seed: int
) -> None:
    truth, others = scene
    clicks = initial_clicks(truth, others if with_others else None, np.random.default_rng(seed), max_clicks=max_clicks)
    for click in clicks:
        assert truth[int(click.y), int(click.x)] == (1 if click.positive else 0)
    assert len(set(clicks)) == len(clicks)
    positive = sum(click.positive for click in clicks)
    assert min(1, np.count_nonzero(truth == 1)) <= positive <= max_clicks
    assert len(clicks) - positive <= max_clicks
    assert [click.positive for click in clicks] == [True] * positive + [False] * (len(clicks) - positive)
    again = initial_clicks(truth, others if with_others else None, np.random.default_rng(seed), max_clicks=max_clicks)
    assert again == clicks


def test_the_numbers_of_initial_clicks_fall_off_geometrically() -> None:
    truth = SHAPES["disc"].astype(np.int8)
    rng = np.random.default_rng(0)
    samples = [initial_clicks(truth, None, rng, max_clicks=3, gamma=0.5) for _ in range(1000)]
    positive = Counter(sum(click.positive for click in clicks) for clicks in samples)
    negative = Counter(sum(not click.positive for click in clicks) for clicks in samples)
    # 1 : 1/2 : 1/4 for 1, 2, 3 positive clicks, and 1 : 1/2 : 1/4 : 1/8 for 0 to 3 negative ones.
    assert [positive[count] / 1000 for count in (1, 2, 3)] == pytest.approx([4 / 7, 2 / 7, 1 / 7], abs=0.05)
    assert [negative[count] / 1000 for count in range(4)] == pytest.approx([8 / 15, 4 / 15, 2 / 15, 1 / 15], abs=0.05)


def test_negative_clicks_fall_around_the_object_on_others_and_anywhere() -> None:
    truth, others = np.zeros((200, 200), np.int8), np.zeros((200, 200), bool)
    truth[50:90, 50:90] = 1  # the ring is 0.1 * 40 = 4 pixels wide
    others[150:170, 150:170] = True
    rng = np.random.default_rng(0)

    def shares(known: Mask | None) -> tuple[float, float]:
        samples = [initial_clicks(truth, known, rng) for _ in range(400)]
        pixels = [(int(click.y), int(click.x)) for clicks in samples for click in clicks if not click.positive]
        ring = sum(46 <= y < 94 and 46 <= x < 94 for y, x in pixels) / len(pixels)
        return ring, sum(bool(others[pixel]) for pixel in pixels) / len(pixels)

    assert shares(others) == pytest.approx((0.5, 0.4), abs=0.05)
    ring, other = shares(None)
    assert ring == pytest.approx(5 / 6, abs=0.05)
    assert other < 0.02


def test_positive_clicks_mostly_keep_off_the_edge() -> None:
    truth = np.zeros((60, 60), np.int8)
    truth[10:50, 10:50] = 1
    rng = np.random.default_rng(0)
    clicks = [click for _ in range(500) for click in initial_clicks(truth, None, rng, max_clicks=1) if click.positive]
    inner = sum(13 <= click.x < 47 and 13 <= click.y < 47 for click in clicks) / 500
    assert inner == pytest.approx(0.9 + 0.1 * (34 / 40) ** 2, abs=0.03)


def test_a_thin_object_keeps_its_positive_click() -> None:
    truth = SHAPES["slope"].astype(np.int8)
    for seed in range(20):
        first, *_ = initial_clicks(truth, None, np.random.default_rng(seed))
        assert truth[int(first.y), int(first.x)] == 1


def test_without_an_object_there_are_negative_clicks_only() -> None:
    rng = np.random.default_rng(0)
    samples = [initial_clicks(np.zeros((20, 20), np.int8), None, rng) for _ in range(20)]
    assert any(samples)
    assert not any(click.positive for clicks in samples for click in clicks)


def test_without_background_there_are_positive_clicks_only() -> None:
    truth = np.ones((20, 20), np.int8)
    truth[:3] = IGNORE
    rng = np.random.default_rng(0)
    assert all(click.positive for _ in range(20) for click in initial_clicks(truth, None, rng))


def test_settings_of_the_initial_clicks_are_checked() -> None:
    truth, rng = np.ones((4, 4), np.int8), np.random.default_rng(0)
    with pytest.raises(ConfigError, match="max_clicks is at least 1, got 0"):
        initial_clicks(truth, None, rng, max_clicks=0)
    with pytest.raises(ConfigError, match=r"gamma lies above 0 and up to 1, got 1\.2"):
        initial_clicks(truth, None, rng, gamma=1.2)
    with pytest.raises(MaskError, match="the other objects have shape"):
        initial_clicks(truth, np.zeros((4, 5), bool), rng)


# ---------------------------------------------------------------------------------------------------- mixed protocol


@pytest.mark.parametrize(
    ("ious", "clicks"),
    [
        ([], True),  # the first interaction
        ([0.3], False),  # below theta
        ([0.84], False),
        ([0.85], True),  # theta is enough, and the first prompt improved upon 0
        ([0.7, 0.9], True),
        ([0.88, 0.90], False),  # stands still
        ([0.875, 0.9375], True),
        ([0.95, 0.86], False),  # worse than before
        ([0.5, 0.6, 0.84], False),  # a great step, yet below theta: the paper's "or"
        ([0.86, 0.87, 0.95], True),  # what was drawn before does not last
    ],
)
def test_the_mixed_protocol(ious: list[float], clicks: bool) -> None:
    rng = np.random.default_rng(0)
    drawn = {next_kind(ious, KINDS, rng) for _ in range(40)}
    assert drawn == ({"click"} if clicks else {"box", "scribble"})
    assert next_kind(ious, ["box", "click"], rng) == ("click" if clicks else "box")


def test_the_other_kinds_are_equally_likely() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(next_kind([0.5], KINDS, rng) for _ in range(1000))
    assert drawn["box"] == pytest.approx(500, abs=60)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_kind_stays(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    assert all(next_kind(ious, [kind], rng) == kind for ious in ([], [0.1], [0.9], [0.9, 0.99]))
    assert next_kind([0.2], [kind, kind], rng) == kind


def test_without_clicks_every_prompt_is_drawn() -> None:
    rng = np.random.default_rng(0)
    for ious in ([], [0.5], [0.9], [0.5, 0.95]):
        assert {next_kind(ious, ["box", "scribble"], rng) for _ in range(30)} == {"box", "scribble"}


def test_a_run_of_the_mixed_protocol_repeats_with_its_seed() -> None:
    runs = []
    for kinds in (KINDS, KINDS, KINDS[::-1]):
        rng = np.random.default_rng(7)
        runs.append([next_kind([0.5] * count, kinds, rng) for count in range(12)])
    assert runs[0] == runs[1] == runs[2]
    assert runs[0][0] == "click"


def test_the_thresholds_may_be_set() -> None:
    rng = np.random.default_rng(0)
    assert next_kind([0.5], ["click", "box"], rng, theta=0.5) == "click"
    assert next_kind([0.9, 0.92], ["click", "box"], rng, min_gain=0.01) == "click"


def test_kinds_are_checked() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="no kind of prompt given; choose from click, box, scribble"):
        next_kind([], [], rng)
    with pytest.raises(ConfigError, match="no kind of prompt called 'lasso'"):
        next_kind([], ["click", "lasso"], rng)  # pyright: ignore[reportArgumentType]
