"""Masks that do not come from prompts, corrected and refined by the bundled weights."""

from pathlib import Path

import numpy as np
import pytest

from vpuformer.arrays import BoolMask
from vpuformer.inference.encoded import EncodedImage
from vpuformer.inference.looks import Seen
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.session import Session
from vpuformer.inference.zoom import View
from vpuformer.metrics import iou
from vpuformer.prompts import Box, Click, Prompt, Scribble

EXAMPLE = Path(__file__).parents[2] / "examples" / "coffee.jpg"
CUP = [Box(165, 15, 410, 325), Click(110, 200, positive=False)]
AWAY: list[Prompt] = [
    Scribble(((230, 240), (260, 270), (290, 290)), positive=False),
    Click(120, 190, positive=False),
    Box(90, 170, 150, 230, positive=False),
]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    predictor = Predictor.from_pretrained("default", "cpu", runtime="onnx")
    predictor.set_image(EXAMPLE)
    return predictor


@pytest.fixture(scope="module")
def cup(predictor: Predictor) -> BoolMask:
    return predictor.predict(CUP).mask


@pytest.mark.parametrize("prompt", AWAY, ids=[prompt.kind for prompt in AWAY])
def test_taking_a_part_away_leaves_the_rest(predictor: Predictor, cup: BoolMask, prompt: Prompt) -> None:
    answer = Session(predictor, mask=cup.astype(np.float32)).add(prompt).mask
    assert np.count_nonzero(answer & cup) > 0.85 * np.count_nonzero(cup)


def test_a_mask_alone_becomes_the_object_in_it(predictor: Predictor, cup: BoolMask) -> None:
    rows, columns = np.nonzero(cup)
    rough = np.zeros(cup.shape, np.float32)
    rough[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
    truth = cup.astype(np.int8)
    assert iou(predictor.predict(mask=rough).mask, truth) > iou(rough > 0, truth) + 0.09


def test_a_positive_prompt_shows_the_object_itself() -> None:
    encoded = EncodedImage(np.zeros((100, 100, 3), np.uint8), object())  # type: ignore[arg-type]
    mask = np.zeros((100, 100), np.float32)
    mask[20:40, 30:60] = 1
    seen = Seen(Prediction(mask))
    away, there = Click(80, 80, positive=False), Click(45, 30)
    assert View.choose(encoded, [away], seen, rule=None).all_prompts == (Box(29.5, 19.5, 59.5, 39.5), away)
    assert View.choose(encoded, [there, away], seen, rule=None).all_prompts == [there, away]
    assert View.choose(encoded, [away], Seen(Prediction(np.zeros_like(mask))), rule=None).all_prompts == [away]


@pytest.mark.parametrize("prompt", AWAY, ids=[prompt.kind for prompt in AWAY])
def test_negative_prompts_alone_give_an_empty_mask(predictor: Predictor, prompt: Prompt) -> None:
    session = Session(predictor)
    assert not session.add(prompt).mask.any()
    assert not session.add(Click(500, 50, positive=False)).mask.any()
    cup = Box(165, 15, 410, 325)
    assert iou(session.add(cup).mask, predictor.predict([cup]).mask.astype(np.int8)) > 0.8
