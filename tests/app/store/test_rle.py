import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vpuformer.app.step_schemas import RleMask
from vpuformer.app.store import rle
from vpuformer.errors import MaskError

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda size: arrays(bool, size))


@given(MASKS)
def test_a_mask_comes_back_to_the_bit(mask: np.ndarray) -> None:
    assert np.array_equal(rle.decode(rle.encode(mask), mask.shape), mask)
    assert np.array_equal(rle.from_message(rle.to_message(rle.encode(mask), mask.shape), mask.shape), mask)


@pytest.mark.parametrize("length", [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_lengths_of_every_number_of_bytes(length: int) -> None:
    mask = np.zeros((1, length + 1), bool)
    mask[0, -1] = True
    assert np.array_equal(rle.decode(rle.encode(mask), mask.shape), mask)
    assert len(rle.encode(mask)) == 1 + max(1, -(-length.bit_length() // 7))


def test_a_view_of_a_larger_mask_is_packed_as_it_looks() -> None:
    large = np.zeros((6, 6), bool)
    large[1:4, 2:5] = True
    assert rle.encode(large[1:4, 2:5].T) == bytes([0, 9])


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"", "cut short"),
        (bytes([0x80]), "cut short"),
        (bytes([6, 0x81]), "cut short"),
        (bytes([0x80] * 5 + [1]), "invalid"),
        (bytes([5]), "5 pixels long; its image has 3x2"),
        (bytes([7]), "7 pixels long"),
        (bytes([0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), "pixels long"),
    ],
)
def test_runs_that_are_none_are_refused(packed: bytes, reason: str) -> None:
    with pytest.raises(MaskError, match=reason):
        rle.decode(packed, (2, 3))


def test_what_the_page_sends_must_fit_the_image() -> None:
    message = RleMask(width=3, height=2, runs=base64.b64encode(bytes([6])).decode())
    with pytest.raises(MaskError, match="3x2 pixels, its image 4x2"):
        rle.from_message(message, (2, 4))
    with pytest.raises(MaskError, match="not base64"):
        rle.from_message(message.model_copy(update={"runs": "!!"}), (2, 3))


@given(st.integers(1, 9).flatmap(lambda width: st.lists(arrays(bool, (5, width)), min_size=1, max_size=5)))
def test_union_and_difference_are_those_of_the_pixels(masks: list[np.ndarray]) -> None:
    size, encoded = masks[0].shape, [rle.encode(mask) for mask in masks]
    assert rle.union(encoded, size) == rle.encode(np.any(masks, axis=0))
    assert rle.subtract(encoded[0], encoded[-1], size) == rle.encode(masks[0] & ~masks[-1])
    assert rle.area(encoded[0], size) == masks[0].sum()
    assert rle.union([], size) == rle.encode(np.zeros(size, bool))


@given(MASKS)
def test_bounds_are_those_of_the_pixels(mask: np.ndarray) -> None:
    rows, columns = np.nonzero(mask)
    wanted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else (0, 0, 0, 0)
    assert rle.bounds(rle.encode(mask), mask.shape) == wanted


@given(st.integers(1, 9).flatmap(lambda width: st.tuples(arrays(bool, (5, width)), arrays(bool, (5, width)))))
def test_the_iou_is_that_of_the_pixels(masks: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = masks
    wanted = (one & other).sum() / (one | other).sum() if (one | other).any() else 0
    assert rle.iou(rle.encode(one), rle.encode(other), one.shape) == wanted
