"""The crop: worked examples, its promises as properties, the prompts in it; mirrored views, input sizes, rules."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from support.networks import predictor_of
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.zoom import RULES, ViewSettings, ZoomRule, next_crop, prompts_in_crop
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble, fit_to_image

SIZE = (600, 800)


def blob(rows: slice, columns: slice) -> Crop:
    """The rectangle around an object in these rows and columns."""
    return Crop(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def test_the_first_prompt_sees_the_whole_image() -> None:
    assert next_crop(SIZE, None, [Click(3, 4)]) == Crop(0, 0, 800, 600)


def test_without_an_object_the_whole_image_is_looked_at_again() -> None:
    assert next_crop(SIZE, None, [Click(300, 300)], Crop(250, 250, 200, 200)) == Crop(0, 0, 800, 600)


def test_the_crop_is_expanded_about_the_centre_of_the_object() -> None:
    assert next_crop(SIZE, blob(slice(200, 400), slice(300, 600)), []) == Crop(270, 180, 360, 240)


def test_it_is_at_least_so_large() -> None:
    assert next_crop(SIZE, blob(slice(300, 302), slice(400, 410)), []) == Crop(365, 261, 80, 80)


def test_it_is_cut_off_at_the_image() -> None:
    assert next_crop(SIZE, blob(slice(0, 200), slice(500, 800)), []) == Crop(470, 0, 330, 220)


def test_a_small_one_is_moved_inwards() -> None:
    assert next_crop(SIZE, blob(slice(0, 10), slice(790, 800)), []) == Crop(720, 0, 80, 80)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (79, 79)])
def test_a_image_smaller_than_the_least_side_is_taken_whole(size: tuple[int, int]) -> None:
    centre = Crop(size[1] // 2, size[0] // 2, 1, 1)
    assert next_crop(size, centre, [Click(0, 0)]) == Crop.whole(size)


@pytest.mark.parametrize(
    "prompt",
    [Click(790, 590), Box(700, 500, 799.5, 599.5), Scribble([(400, 300), (795, 595), (400, 310)])],
    ids=["click", "box", "scribble"],
)
def test_every_kind_of_positive_prompt_is_contained(prompt: Prompt) -> None:
    around = blob(slice(280, 320), slice(380, 420))
    around_object = next_crop(SIZE, around, [])
    crop = next_crop(SIZE, around, [prompt], around_object)
    assert crop != around_object
    assert prompts_in_crop([prompt], crop) == (prompt,)


def test_a_negative_prompt_moves_nothing() -> None:
    around = blob(slice(280, 320), slice(380, 420))
    assert next_crop(SIZE, around, [Click(790, 590, False)]) == next_crop(SIZE, around, [])


def test_the_previous_crop_stays_while_it_fits() -> None:
    previous = next_crop(SIZE, blob(slice(200, 400), slice(300, 600)), [])
    assert next_crop(SIZE, blob(slice(210, 400), slice(300, 590)), [Click(610, 400)], previous) == previous


def test_it_goes_when_an_object_from_elsewhere_reaches_outside() -> None:
    previous = Crop(240, 160, 420, 280)
    assert next_crop(SIZE, blob(slice(200, 400), slice(300, 661)), [], previous) != previous


def test_it_goes_when_it_does_not_lie_in_the_image() -> None:
    around = blob(slice(200, 400), slice(300, 600))
    assert next_crop(SIZE, around, [], Crop(240, 160, 900, 280)) == next_crop(SIZE, around, [])


@pytest.mark.parametrize(("side", "kept"), [(368, False), (369, True), (400, True)])
def test_overlap_is_the_product_over_the_two_axes(side: int, kept: bool) -> None:
    # Within 400x400, a square crop of 368 pixels overlaps by (368 / 400)^2 = 0.846, one of 369 by 0.851.
    around = blob(slice(300, 300 + side), slice(300, 300 + side))
    previous = Crop(300, 300, 400, 400)
    assert (next_crop((1000, 1000), around, [], previous, ZoomRule(expansion=1.0)) == previous) is kept


clicks = st.builds(Click, st.floats(-0.5, 119.5), st.floats(-0.5, 79.5), st.booleans())
boxes = st.builds(
    lambda x, y, w, h, positive: Box(x, y, x + w, y + h, positive),
    st.floats(-0.5, 118),
    st.floats(-0.5, 78),
    st.floats(0.1, 90),
    st.floats(0.1, 60),
    st.booleans(),
)
points = st.tuples(st.floats(-40, 160), st.floats(-40, 120))
scribbles = st.builds(Scribble, st.lists(points, min_size=1, max_size=6), st.booleans())


@settings(max_examples=60, deadline=None)
@given(
    prompts=st.lists(st.one_of(clicks, boxes), max_size=4),
    rows=st.tuples(st.integers(0, 79), st.integers(0, 79)),
    columns=st.tuples(st.integers(0, 119), st.integers(0, 119)),
    expansion=st.floats(1, 2),
    min_side=st.integers(1, 150),
)
def test_promises(
    prompts: list[Prompt], rows: tuple[int, int], columns: tuple[int, int], expansion: float, min_side: int
) -> None:
    size = (80, 120)
    around = blob(slice(min(rows), max(rows) + 1), slice(min(columns), max(columns) + 1))
    fitted = fit_to_image(prompts, size)
    rule = ZoomRule(expansion, min_side)
    crop = next_crop(size, around, fitted, rule=rule)
    assert 0 <= crop.left <= crop.left + crop.width <= 120
    assert 0 <= crop.top <= crop.top + crop.height <= 80
    positive = tuple(prompt for prompt in fitted if prompt.positive)
    assert prompts_in_crop(positive, crop) == positive
    assert crop.union(around) == crop
    assert next_crop(size, around, fitted, crop, rule) == crop
    assert crop.width >= min(min_side, 120)
    assert crop.height >= min(min_side, 80)


CROP = Crop(left=10, top=20, width=40, height=30)  # edges 9.5, 19.5, 49.5, 49.5


def test_prompts_inside_are_the_very_same_in_order() -> None:
    prompts = (Box(9.5, 19.5, 49.5, 49.5), Click(49.5, 49.5, False), Scribble([(10, 20), (11, 22)]))
    assert prompts_in_crop(prompts, CROP) == prompts


def test_prompts_outside_are_left_out() -> None:
    outside = [
        Click(9, 30),
        Box(0, 0, 9.4, 60, False),
        Box(49.5, 20, 60, 30),  # shares an edge only
        Scribble([(0, 0), (60, 10)]),
        Scribble([(40, 0), (60, 40)]),  # its bounds reach in, the stroke does not
        Scribble([(5, 5)]),
    ]
    assert prompts_in_crop(outside, CROP) == ()


def test_a_box_is_clipped_and_keeps_its_sign() -> None:
    assert prompts_in_crop([Box(0, 30, 20, 100, False)], CROP) == (Box(9.5, 30, 20, 49.5, False),)


def test_of_a_scribble_that_leaves_and_returns_every_piece_stays() -> None:
    scribble = Scribble([(20, 10), (20, 25), (30, 25), (30, 0), (45, 0), (45, 60)], positive=False)
    kept = Scribble([(20, 19.5), (20, 25), (30, 25), (30, 19.5), (45, 19.5), (45, 49.5)], positive=False, gaps=(4,))
    assert prompts_in_crop([scribble], CROP) == (kept,)


def test_a_scribble_through_the_crop_between_two_far_points() -> None:
    (kept,) = prompts_in_crop([Scribble([(-30.5, 34.5), (89.5, 34.5)])], CROP)
    assert kept == Scribble([(9.5, 34.5), (49.5, 34.5)])


@settings(max_examples=60, deadline=None)
@given(prompts=st.lists(st.one_of(clicks, boxes, scribbles), max_size=4))
def test_what_remains_lies_inside_and_clipping_again_changes_nothing(prompts: list[Prompt]) -> None:
    once = prompts_in_crop(prompts, CROP)
    left, top, right, bottom = CROP.edges
    for prompt in once:
        x0, y0, x1, y1 = prompt.bounds
        assert left - 1e-6 <= x0 <= x1 <= right + 1e-6
        assert top - 1e-6 <= y0 <= y1 <= bottom + 1e-6
    assert [prompt.kind for prompt in prompts_in_crop(once, CROP)] == [prompt.kind for prompt in once]


PROMPTS: tuple[Prompt, ...] = (
    Click(40, 30),
    Box(20.5, 10.5, 90.5, 70.5),
    Scribble([(30, 20), (70, 60)]),
    Click(5, 5, positive=False),
)
VIEWED = (90, 120)


def network(**changes: Any) -> VPUFormer:
    torch.manual_seed(0)
    return VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16, **changes)).eval()


def mirrored(prompt: Prompt) -> Prompt:
    return prompt.mapped(lambda points: points * [-1, 1] + [VIEWED[1] - 1, 0])


@pytest.mark.parametrize("changes", [{}, {"mask_fusion": "early", "dense_prompts": "early"}])
@pytest.mark.parametrize("input_size", [None, 96])
def test_with_mirrored_views_the_mirrored_image_has_the_mirrored_answer(
    changes: dict[str, Any], input_size: int | None
) -> None:
    """An untrained network that sees one of the views has another answer."""
    image = np.random.default_rng(0).integers(0, 256, (*VIEWED, 3), dtype=np.uint8)
    found: dict[bool, list[np.ndarray]] = {}
    for flip in (False, True):
        predictor = predictor_of(network(**changes), ViewSettings(flip=flip, input_size=input_size))
        answers = []
        for pixels, prompts in ((image, PROMPTS), (image[:, ::-1], tuple(map(mirrored, PROMPTS)))):
            predictor.set_image(np.ascontiguousarray(pixels))
            first = predictor.predict(prompts[:1], zoom=False)
            answers.append(predictor.predict(prompts, mask=first.probability, crop=first.crop, zoom=False).probability)
        found[flip] = [answers[0], answers[1][:, ::-1]]
    np.testing.assert_allclose(*found[True], atol=1e-5)
    assert np.abs(found[False][0] - found[False][1]).max() > 1e-3


def test_the_frame_of_a_mirrored_view() -> None:
    frame = FrameMap(Crop(10, 0, 100, 50), (448, 448), mirrored=True)
    corners = np.array([[9.5, -0.5], [109.5, 49.5]])
    assert frame.to_target(corners).round(6).tolist() == [[447.5, -0.5], [-0.5, 447.5]]
    box = PromptBatch.collate([[Box(9.5, -0.5, 59.5, 49.5)]], [frame])
    assert box.bounds[0, 0].tolist() == pytest.approx([223.5, -0.5, 447.5, 447.5])


@pytest.mark.parametrize(("rule", "passes"), [("ours", 3), ("ritm", 1)])
def test_the_fields_rule_takes_one_pass_a_prompt(rule: str, passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, decoded = network(), []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda *inputs: decoded.append(len(inputs[1])) or decode(*inputs))
    monkeypatch.setattr("vpuformer.inference.zoom.next_crop", lambda *_: Crop(0, 0, 30 + 10 * len(decoded), 40))
    predictor = predictor_of(model, ViewSettings(RULES[rule], flip=True))
    predictor.set_image(np.zeros((*VIEWED, 3), np.uint8))
    predictor.predict([Click(20, 20)])
    assert decoded == [2] * passes


def test_ritms_numbers() -> None:
    assert RULES["ritm"] == ZoomRule(expansion=1.4, min_side=200, keep_iou=0.5, looks=1)


@pytest.mark.parametrize(
    ("views", "options"),
    [
        (ViewSettings(), {"zoom": True}),
        (ViewSettings(zoom=None), {"zoom": False}),
        (
            ViewSettings(RULES["ritm"], flip=True, input_size=672),
            {"zoom": True, "zoom_rule": "ritm", "flip": True, "input_size": 672},
        ),
    ],
)
def test_the_header_of_a_run_says_what_was_shown(views: ViewSettings, options: dict[str, Any]) -> None:
    assert views.to_options() == options
    assert ViewSettings.from_options(options) == views


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ViewSettings(input_size=64.5), "input_size=64.5"),  # type: ignore[arg-type]
        (lambda: ViewSettings(input_size="64"), "input_size='64'"),  # type: ignore[arg-type]
        (lambda: ViewSettings(input_size=True), "input_size=True"),
        (lambda: ViewSettings(zoom="ritm"), "zoom='ritm'"),  # type: ignore[arg-type]
        (lambda: ViewSettings(flip="no"), "flip='no'"),  # type: ignore[arg-type]
        (lambda: ZoomRule(expansion=math.inf), "expansion=inf"),
        (lambda: ZoomRule(min_side=80.5), "min_side=80.5"),  # type: ignore[arg-type]
        (lambda: ZoomRule(looks=1.5), "looks=1.5"),  # type: ignore[arg-type]
    ],
)
def test_settings_of_another_type_are_refused(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ConfigError, match=f"of the wrong type: {re.escape(field)}"):
        make()


def test_settings_that_cannot_be_are_refused() -> None:
    for size in (63, 2049):
        with pytest.raises(ConfigError, match=f"input_size={size} must lie between 64 and 2048"):
            ViewSettings(input_size=size)
    with pytest.raises(ConfigError, match="an expansion, a least side and a number of looks of at least 1"):
        ZoomRule(expansion=0.5)
    with pytest.raises(ConfigError, match="a widening of at least 0, got"):
        ZoomRule(widening=-5.0)
    with pytest.raises(ConfigError, match=r"no zoom rule called 'rtim'.*Did you mean 'ritm'"):
        ViewSettings.from_options({"zoom_rule": "rtim"})
    with pytest.raises(ConfigError, match="has no name"):
        ViewSettings(ZoomRule(expansion=1.3)).to_options()
