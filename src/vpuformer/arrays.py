"""The kinds of arrays by name, and arrays as people hand them over: lists, NumPy's, tensors. Imports no torch."""

from typing import Any

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
"""An image: RGB, shape (H, W, 3)."""

FloatMap = npt.NDArray[np.float32]
"""A number for each pixel, shape (H, W): most often the probability, 0 to 1, that it belongs to the object."""

BoolMask = npt.NDArray[np.bool_]
"""A mask, shape (H, W)."""

Truth = npt.NDArray[np.int8]
"""The ground truth of an object, shape (H, W): 1 object, -1 ignored (`vpuformer.metrics.IGNORE`), 0 elsewhere."""

Points = npt.NDArray[np.float64]
"""Points (x, y), shape (N, 2)."""

Size = tuple[int, int]
"""Height and width in pixels."""


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most `most` indices below `count`, at equal distances, with the first and the last one.

    >>> evenly_spaced(9, 3), evenly_spaced(2, 3), evenly_spaced(0, 3)
    ([0, 4, 8], [0, 1], [])
    """
    return np.linspace(0, count - 1, min(most, count)).astype(int).tolist() if count else []


def as_array(values: Any) -> npt.NDArray[Any]:
    """The values as a NumPy array: tensors also from a device, with a gradient, or in bfloat16 (as float32).

    >>> as_array([[1, 2]]).shape
    (1, 2)

    Raises:
        ValueError: they are no rectangular array.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            if str(values.dtype) == "torch.bfloat16":
                values = values.float()
        return np.asarray(values)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{type(values).__name__} is no array ({error})") from error
