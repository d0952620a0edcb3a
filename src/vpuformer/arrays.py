"""Names of the kinds of arrays, and conversion to NumPy. Imports no torch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
"""An image: RGB, shape (H, W, 3)."""

FloatMap = npt.NDArray[np.float32]
"""A number for each pixel, shape (H, W), mostly the probability of the object, 0 to 1."""

BoolMask = npt.NDArray[np.bool_]
"""A mask, shape (H, W)."""

Truth = npt.NDArray[np.int8]
"""The ground truth of an object, shape (H, W): 1 object, -1 ignored (`vpuformer.metrics.IGNORE`), 0 elsewhere."""

Points = npt.NDArray[np.float64]
"""Points (x, y), shape (N, 2)."""

Size = tuple[int, int]
"""Height and width in pixels."""


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most `most` evenly spaced indices below `count`, the first and the last included.

    >>> evenly_spaced(9, 3), evenly_spaced(2, 3), evenly_spaced(0, 3)
    ([0, 4, 8], [0, 1], [])
    """
    return np.linspace(0, count - 1, min(most, count)).astype(int).tolist() if count else []


def row_strips(size: Size, pixels: int = 1 << 17) -> Iterator[slice]:
    """The rows of a map of `size`, in strips of about as many pixels as a core's cache holds.

    Several passes over a strip read a large map from memory once, and their intermediate results stay small.

    >>> [strip.indices(5)[:2] for strip in row_strips((5, 4), pixels=8)]
    [(0, 2), (2, 4), (4, 5)]
    """
    step = max(1, pixels // size[1])
    for start in range(0, size[0], step):
        yield slice(start, start + step)


def as_array(values: Any) -> npt.NDArray[Any]:
    """The values as a NumPy array; tensors may be on any device, with gradient, or bfloat16.

    >>> as_array([[1, 2]]).shape
    (1, 2)

    Raises:
        ValueError: the values do not form a rectangular array.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            if str(values.dtype) == "torch.bfloat16":
                values = values.float()
        return np.asarray(values)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{type(values).__name__} is not an array ({error})") from error
