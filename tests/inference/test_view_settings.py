"""What the network is shown: mirrored views, sizes of its input, the field's zoom rule."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from support.networks import predictor_of
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.zoom import RULES, ViewSettings, ZoomRule
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

PROMPTS: tuple[Prompt, ...] = (
    Click(40, 30),
    Box(20.5, 10.5, 90.5, 70.5),
    Scribble([(30, 20), (70, 60)]),
    Click(5, 5, positive=False),
)
SIZE = (90, 120)


def network(**changes: Any) -> VPUFormer:
    torch.manual_seed(0)
    return VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16, **changes)).eval()


def mirrored(prompt: Prompt) -> Prompt:
    return prompt.mapped(lambda points: points * [-1, 1] + [SIZE[1] - 1, 0])


@pytest.mark.parametrize("changes", [{}, {"mask_fusion": "early", "dense_prompts": "early"}])
@pytest.mark.parametrize("input_size", [None, 96])
def test_with_mirrored_views_the_mirrored_image_has_the_mirrored_answer(
    changes: dict[str, Any], input_size: int | None
) -> None:
    """Which holds of the average of both views alone: not of an untrained network that sees one of them."""
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
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
    np.testing.assert_allclose(frame.to_source(frame.to_target(corners)), corners)
    box = PromptBatch.collate([[Box(9.5, -0.5, 59.5, 49.5)]], [frame])
    assert box.bounds[0, 0].tolist() == pytest.approx([223.5, -0.5, 447.5, 447.5])


@pytest.mark.parametrize(("rule", "passes"), [("ours", 2), ("ritm", 1)])
def test_the_fields_rule_takes_one_pass_a_prompt(rule: str, passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, decoded = network(), []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda *inputs: decoded.append(len(inputs[1])) or decode(*inputs))
    monkeypatch.setattr("vpuformer.inference.zoom.next_crop", lambda *_: Crop(0, 0, 30 + 10 * len(decoded), 40))
    predictor = predictor_of(model, ViewSettings(RULES[rule], flip=True))
    predictor.set_image(np.zeros((*SIZE, 3), np.uint8))
    predictor.predict([Click(20, 20)])
    assert decoded == [2] * passes


def test_ritms_numbers() -> None:
    assert RULES["ritm"] == ZoomRule(expansion=1.4, min_side=200, keep_iou=0.5, second_look=False)


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
        (lambda: ZoomRule(second_look="no"), "second_look='no'"),  # type: ignore[arg-type]
    ],
)
def test_settings_of_another_type_are_refused(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ConfigError, match=f"of the wrong type: {re.escape(field)}"):
        make()


def test_settings_that_cannot_be_are_refused() -> None:
    for size in (63, 2049):
        with pytest.raises(ConfigError, match=f"input_size={size} must lie between 64 and 2048"):
            ViewSettings(input_size=size)
    with pytest.raises(ConfigError, match="an expansion and a least side of at least 1"):
        ZoomRule(expansion=0.5)
    with pytest.raises(ConfigError, match=r"no zoom rule called 'rtim'.*Did you mean 'ritm'"):
        ViewSettings.from_options({"zoom_rule": "rtim"})
    with pytest.raises(ConfigError, match="has no name"):
        ViewSettings(ZoomRule(expansion=1.3)).to_options()
