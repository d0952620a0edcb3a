"""Resampling into part of a larger array gives what resampling alone gives."""

import numpy as np
import pytest

from vpuformer.arrays import Size
from vpuformer.inference.resample import stretch


@pytest.mark.parametrize("size", [(20, 30), (9, 11), (40, 50), (9, 50), (40, 11), (20, 11), (40, 30)])
def test_the_result_lies_where_it_was_wanted(size: Size, rng: np.random.Generator) -> None:
    array = rng.random((20, 30), np.float32)
    canvas = np.full((50, 60), -1, np.float32)
    part = canvas[4 : 4 + size[0], 6 : 6 + size[1]]
    stretch(array, size, out=part)
    np.testing.assert_array_equal(part, stretch(array, size))
    part[:] = -1
    assert (canvas == -1).all()


@pytest.mark.parametrize("out", [np.zeros((20, 31), np.float32), np.zeros((20, 30))])
def test_a_result_that_does_not_fit_is_refused(out: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"out is float.* wanted float32 of size \(20, 30\)"):
        stretch(np.zeros((5, 5), np.float32), (20, 30), out=out)
