"""The range of values that an image of more than 8 bits is shown in."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

_TAIL = 0.002
"""Share of the values at either end that does not say where most of them lie."""

_FENCE = 2.0
"""A value is extreme if it lies further outside the range of most values than so many times that range."""

_FEWEST = 1000
"""Fewest values among which one can be extreme."""

_LOOKED_AT = 1_000_000
"""Values that the range of most of them is taken from."""

_NO_VALUE = 1e30
"""Magnitude from which a value marks a pixel without data, as the lowest float32 does in the files of GDAL."""


def display_range(values: npt.NDArray[Any]) -> tuple[float, float] | None:
    """The values shown as black and as white; None if no value is finite.

    From the smallest to the largest value. Left out are values that are not finite, and single extremes such as hot
    pixels: those that would leave most values a fraction of the range. Floats in 0..1 are shown from 0 to 1.

    >>> display_range(np.array([[1000, 3000]], np.uint16))
    (1000.0, 3000.0)
    >>> hot = np.repeat(np.arange(1000, 2000, dtype=np.uint16), 2)
    >>> hot[7] = 65535
    >>> display_range(hot)
    (1000.0, 1999.0)
    """
    floats = values.dtype.kind == "f"
    if floats and values.dtype.itemsize == 2:
        values = values.astype(np.float32)  # half floats end below the bound
    if values.size and floats and not (float(values.min()) > -_NO_VALUE and float(values.max()) < _NO_VALUE):
        values = values[np.abs(values) < _NO_VALUE]  # NaN is not below anything
    if not values.size:
        return None
    low, high = _without_extremes(values)
    return (0.0, 1.0) if floats and low >= 0 and high <= 1 else (low, high)


def _without_extremes(values: npt.NDArray[Any]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if values.size < _FEWEST or low == high:
        return low, high
    sample = values.ravel()[:: math.ceil(values.size / _LOOKED_AT)].astype(np.float64)
    first, last = (float(value) for value in np.quantile(sample, (_TAIL, 1 - _TAIL), method="nearest"))
    reach = _FENCE * (last - first)
    if not reach:  # nearly all values are the same, and the few others are what there is to see
        return low, high
    if low < first - reach:
        low = float(values[values >= first - reach].min())
    if high > last + reach:
        high = float(values[values <= last + reach].max())
    return low, high
