"""Objects that go on beyond the crop, with a network that sees them: what is red is the object."""

import tracemalloc
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from support.networks import segmenter_of
from vpuformer.arrays import RGB, BoolMask
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.features import Features
from vpuformer.model.vpuformer import Output, VPUFormer
from vpuformer.prompts import Click

SIDE = 64
SIZE = (120, 160)
RED, BLACK = (200, 0, 0), (20, 0, 0)


class SeesRed(VPUFormer):
    """Finds the red pixels of its view, wherever the prompts are."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.weight = nn.Parameter(torch.zeros(1))
        self.config = VPUFormerConfig(input_size=SIDE, mask_fusion="late")
        self.looks = 0

    def encode(self, image: Tensor, *_: object) -> Features:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast(Features, image)

    def decode(self, features: Features, *_: object) -> Output:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.looks += 1
        assert isinstance(features, Tensor)
        logits = (features[:, :1] - features[:, :1].mean()).sign() * 9
        return Output(logits, features, features)


def ends_with_the_crop(answer: Prediction) -> bool:
    """Whether the outline runs along an inner border of the crop."""
    crop, padded = answer.crop, np.pad(answer.mask, 1)
    top, left, bottom, right = crop.top + 1, crop.left + 1, crop.top + crop.height + 1, crop.left + crop.width + 1
    height, width = answer.mask.shape
    cuts = (
        crop.top > 0 and (padded[top] & ~padded[top - 1])[left:right].any(),
        bottom - 1 < height and (padded[bottom - 1] & ~padded[bottom])[left:right].any(),
        crop.left > 0 and (padded[:, left] & ~padded[:, left - 1])[top:bottom].any(),
        right - 1 < width and (padded[:, right - 1] & ~padded[:, right])[top:bottom].any(),
    )
    return any(map(bool, cuts))


def shown(red: BoolMask) -> RGB:
    """The image of an object."""
    return np.where(red[..., None], np.uint8(RED), np.uint8(BLACK))


def asked(red: BoolMask, crop: Crop) -> tuple[VPUFormerSegmenter, SeesRed, Prediction]:
    """The answer about an object of which only the part in a crop is known so far."""
    network = SeesRed()
    segmenter = segmenter_of(network)
    known = np.zeros(SIZE, np.float32)
    known[crop.slices] = red[crop.slices]
    row, column = np.argwhere(known > 0)[0]
    [answer] = segmenter.segment([Query(segmenter.encode(shown(red)), [Click(column, row)], known, crop)])
    return segmenter, network, answer


@settings(deadline=None, max_examples=60)
@given(
    left=st.integers(0, 100),
    top=st.integers(0, 70),
    width=st.integers(20, 150),
    height=st.integers(20, 110),
    crop_left=st.integers(0, 70),
    crop_top=st.integers(0, 30),
)
@example(left=30, top=30, width=60, height=40, crop_left=0, crop_top=0)
def test_a_mask_never_ends_where_the_crop_does(
    left: int, top: int, width: int, height: int, crop_left: int, crop_top: int
) -> None:
    red = np.zeros(SIZE, np.bool_)
    red[top : top + height, left : left + width] = True
    crop = Crop(crop_left, crop_top, 90, 90)
    if not red[crop.slices].any():
        return
    _, network, answer = asked(red, crop)
    assert not ends_with_the_crop(answer)
    assert network.looks <= 3
    # What lies beyond the crop is found, but for the pixels of the network at the outline.
    assert np.mean(answer.mask != red) < 0.1


def test_an_object_that_ends_within_the_crop_costs_no_further_look() -> None:
    red = np.zeros(SIZE, np.bool_)
    red[45:75, 40:80] = True
    _, network, answer = asked(red, Crop(30, 20, 80, 80))
    assert network.looks == 1
    assert not ends_with_the_crop(answer)


def test_an_object_that_fills_the_image_is_not_looked_at_again() -> None:
    red = np.zeros(SIZE, np.bool_)
    red[4:-4, 4:-4] = True
    network = SeesRed()
    segmenter = segmenter_of(network)
    [answer] = segmenter.segment([Query(segmenter.encode(shown(red)), [Click(80, 60)])])
    assert network.looks == 1
    assert answer.crop == Crop.whole(SIZE)


def test_a_large_image_takes_few_bytes_a_pixel() -> None:
    red = np.zeros((1200, 1200), np.bool_)
    red[200:1000, 200:1000] = True
    segmenter = segmenter_of(SeesRed())
    encoded = segmenter.encode(shown(red))
    first, answer = peak_of(segmenter, Query(encoded, [Click(600, 600)]))
    before = answer.probability.copy()
    before[800:, 800:] = 0  # found again, near the prompt
    before[:100, 500:900] = 0.99  # stays: the network is no surer that it goes
    query = Query(encoded, [Click(600, 50), Click(900, 900)], before, Crop.whole(red.shape))
    later, corrected = peak_of(segmenter, query)
    assert corrected.mask[[50, 900], [600, 900]].all()
    assert first < 12 * red.size
    assert later < 22 * red.size


def peak_of(segmenter: VPUFormerSegmenter, query: Query) -> tuple[int, Prediction]:
    """The most bytes that arrays take while a query is answered, and the answer."""
    tracemalloc.start()
    [answer] = segmenter.segment([query])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, answer


def test_an_empty_mask_to_start_from_keeps_nothing() -> None:
    red = np.zeros(SIZE, np.bool_)
    red[55:65, 5:155] = True
    segmenter = segmenter_of(SeesRed())
    encoded = segmenter.encode(shown(red))
    [fresh] = segmenter.segment([Query(encoded, [Click(80, 60)])])
    [started] = segmenter.segment([Query(encoded, [Click(80, 60)], np.zeros(SIZE, np.float32))])
    np.testing.assert_array_equal(started.probability, fresh.probability)


def test_what_an_earlier_look_saw_is_no_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closer second look says nothing about the pixels around it: there the first look counts."""
    red = np.zeros(SIZE, np.bool_)
    red[40:80, 40:60] = True
    before = np.zeros(SIZE, np.float32)
    before[40:80, 40:120] = 0.9  # the network is no surer that the right part goes than it was that it belongs
    network = SeesRed()
    answer = network.decode
    monkeypatch.setattr(network, "decode", lambda *inputs: _weakly(answer(*inputs)))
    segmenter = segmenter_of(network)
    image = shown(red)
    [corrected] = segmenter.segment([Query(segmenter.encode(image), [Click(45, 75)], before, Crop(20, 20, 120, 80))])
    assert network.looks == 2
    assert not ends_with_the_crop(corrected)
    assert corrected.mask[60, 110]


def _weakly(output: Output) -> Output:
    return output._replace(logits=output.logits / 9 * 0.5)


def test_an_answer_without_an_object_binds_nothing() -> None:
    red = np.zeros(SIZE, np.bool_)
    red[50:60, 5:155] = True
    segmenter = segmenter_of(SeesRed())
    encoded = segmenter.encode(shown(red))
    nothing = np.full(SIZE, 0.01, np.float32)
    [first] = segmenter.segment([Query(encoded, [Click(80, 55)])])
    [after] = segmenter.segment([Query(encoded, [Click(80, 20, False), Click(80, 55)], nothing)])
    np.testing.assert_array_equal(after.mask, first.mask)
