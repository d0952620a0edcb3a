"""From the network's logits to probabilities of the picture, and the resampling on both ways."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vpuformer.geometry import Crop
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.views import Prediction, own_image, stretch


def test_probabilities_are_made_of_interpolated_logits() -> None:
    logits = np.array([[-3.0, 5.0]], np.float32)
    probability = Prediction.from_logits(logits, Crop.whole((1, 4)), (1, 4)).probability
    np.testing.assert_allclose(probability, 1 / (1 + np.exp([[3, 1, -3, -5]])), rtol=1e-6)
    assert logits.tolist() == [[-3.0, 5.0]]
    assert not probability.flags.writeable


def test_extreme_logits_and_the_threshold() -> None:
    logits = np.array([[-1e4, 1e4, np.log(0.4901 / 0.5099), np.log(0.4899 / 0.5101)]], np.float32)
    prediction = Prediction.from_logits(logits, Crop.whole((1, 4)), (1, 4))
    assert MASK_THRESHOLD == 0.49
    assert prediction.mask.tolist() == [[False, True, True, False]]
    assert logits[0, 1] == 1e4


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    target=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.sampled_from([(), (3,)]),
)
def test_stretching_keeps_a_ramp_within_its_ends(
    height: int, width: int, target: tuple[int, int], channels: tuple[int, ...]
) -> None:
    columns = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width))
    array = np.ascontiguousarray(
        np.broadcast_to(columns.reshape(height, width, *[1] * len(channels)), (height, width, *channels))
    )
    result = stretch(array, target)
    assert result.shape == (*target, *channels)
    # Column j is centred on (j + 0.5) * width / target - 0.5; only beyond the ends there is no ramp to average.
    wanted = (np.arange(target[1]) + 0.5) * width / target[1] - 0.5
    np.testing.assert_allclose(result[0].reshape(target[1], -1)[:, 0], wanted.clip(0, width - 1), atol=0.51)
    if width % target[1] == 0:
        np.testing.assert_allclose(result[0].reshape(target[1], -1)[:, 0], wanted, atol=1e-3)
    assert -1e-5 <= result.min() <= result.max() <= width - 1 + 1e-5


def test_stretching_averages_where_one_axis_grows_and_the_other_shrinks() -> None:
    stripes = np.tile(np.array([[0, 255]], np.uint8), (3, 50))  # 3 high, 100 wide
    assert np.abs(stretch(stripes, (9, 10)).astype(int) - 127.5).max() <= 1
    assert np.abs(cv2.resize(stripes, (10, 9), interpolation=cv2.INTER_LINEAR).astype(int) - 127.5).max() <= 1


def test_stretching_to_the_same_size_is_nothing() -> None:
    array = np.ones((3, 4), np.float32)
    assert stretch(array, (3, 4)) is array


def test_only_an_array_that_can_be_written_to_is_copied() -> None:
    pixels = np.zeros((4, 5, 3), np.uint8)
    assert not np.shares_memory(own_image(pixels), pixels)
    view = pixels[:]
    view.setflags(write=False)
    assert not np.shares_memory(own_image(view), pixels)  # its base can be written to
    pixels.setflags(write=False)
    assert np.shares_memory(own_image(pixels), pixels)
