"""Boxes around the object after other prompts, and boxes around missing parts of it."""

from pathlib import Path

import numpy as np
import pytest

from vpuformer.arrays import BoolMask
from vpuformer.geometry import Crop
from vpuformer.inference.enclosing import begins_afresh
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.inference.session import Session
from vpuformer.inference.zoom import ViewSettings
from vpuformer.prompts import Box, Click, Prompt

EXAMPLE = Path(__file__).parents[2] / "examples" / "coffee.jpg"
ENCODED = Encoded(np.zeros((200, 300, 3), np.uint8))
CLICK, BOX = Click(100, 100), Box(59.5, 79.5, 139.5, 119.5)
CUP = Click(290, 200), Box(170, 16, 410, 310)


def mask_of(*rectangles: tuple[int, int, int, int]) -> BoolMask:
    """A mask of these rectangles: first row, end, first column, end."""
    mask = np.zeros((200, 300), np.bool_)
    for top, bottom, left, right in rectangles:
        mask[top:bottom, left:right] = True
    return mask


def asked(prompts: list[Prompt], mask: BoolMask, *, only_here: bool = False, new: int = 1) -> bool:
    size = (mask.shape[0], mask.shape[1])
    encoded = ENCODED if size == ENCODED.size else Encoded(np.zeros((*size, 3), np.uint8))
    answer = Prediction.from_logits(np.zeros((8, 8), np.float32), Crop.whole(size), size, mask)
    return begins_afresh(Query(encoded, prompts, answer, only_here=only_here, new=new))


FAR_BEYOND = mask_of((80, 120, 20, 290))


def test_a_mask_far_beyond_a_box_around_the_object_is_forgotten() -> None:
    assert asked([CLICK, BOX], FAR_BEYOND)
    assert not asked([CLICK, BOX], FAR_BEYOND, only_here=True)
    assert begins_afresh(Query(ENCODED, [CLICK, BOX], FAR_BEYOND * np.float32(0.8)))
    assert not asked([CLICK, BOX], mask_of((79, 121, 57, 143)))  # the box cuts off some pixels on each side


def test_a_mask_that_somebody_has_made_stays() -> None:
    assert not begins_afresh(Query(ENCODED, [CLICK, BOX], FAR_BEYOND))
    assert not begins_afresh(Query(ENCODED, [CLICK, BOX], FAR_BEYOND * np.float32(0.8), keep_mask=True))


def test_the_order_of_new_prompts_does_not_matter() -> None:
    for more, wanted in ((Click(70, 90), True), (Click(200, 100), False), (Box(20, 80, 70, 100), False)):
        for new in ([more, BOX], [BOX, more]):
            assert asked([CLICK, *new], FAR_BEYOND, new=2) == wanted


@pytest.mark.parametrize(
    "prompts",
    [
        [BOX],
        [Click(20, 100), BOX],
        [CLICK, Box(*BOX.bounds, positive=False)],
        [Click(100, 100, positive=False), BOX],
        [CLICK, BOX, Click(70, 90)],
    ],
    ids=["first prompt", "a click beyond", "negative box", "nothing shown", "box is not new"],
)
def test_other_boxes_leave_the_mask(prompts: list[Prompt]) -> None:
    assert not asked(prompts, FAR_BEYOND)


def test_a_patch_as_wide_and_high_as_the_box_is_what_the_box_is_around() -> None:
    hole = FAR_BEYOND & ~mask_of((82, 118, 62, 137))
    assert not asked([CLICK, BOX], hole)
    assert asked([CLICK, BOX], hole | mask_of((82, 118, 98, 104)))  # two holes, each half as wide as the box


def test_a_large_box_is_looked_at_in_fewer_pixels() -> None:
    mask = np.ones((3000, 4000), np.bool_)
    prompts: list[Prompt] = [Click(1000, 1000), Box(499.5, 499.5, 2999.5, 2499.5)]
    assert asked(prompts, mask)
    mask[550:2450, 550:2950] = False
    assert not asked(prompts, mask)


@pytest.mark.parametrize("steady", [True, False])
def test_a_box_around_the_cup_takes_away_what_a_click_brought(steady: bool) -> None:
    predictor = Predictor.from_pretrained(device="cpu", runtime="onnx", views=ViewSettings(steady=steady))
    predictor.set_image(EXAMPLE)
    session = Session(predictor)
    beyond = np.ones(session.mask.shape, bool)
    beyond[10:320, 150:430] = False
    too_much = np.count_nonzero(session.add(CUP[0]).mask & beyond)
    left = np.count_nonzero(session.add(CUP[1]).mask & beyond)
    assert too_much > 20_000
    assert (left < 0.05 * too_much) == steady


def test_a_session_keeps_the_mask_that_it_started_from() -> None:
    predictor = Predictor.from_pretrained(device="cpu", runtime="onnx")
    predictor.set_image(EXAMPLE)
    mask = np.zeros(predictor.encoded.size, np.bool_)
    mask[0:330, 100:500] = True
    session = Session(predictor, mask=mask)
    session.add(CUP[0])
    assert np.count_nonzero(session.add(CUP[1]).mask & mask) > 0.9 * np.count_nonzero(mask)
