"""Pixels and logits at another size."""

from typing import Any

import cv2
import numpy.typing as npt

from vpuformer.arrays import Size


def stretch(array: npt.NDArray[Any], size: Size, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """Resample an array (H, W) or (H, W, 3) to `size`.

    It is averaged along an axis that shrinks, and interpolated along one that grows; both follow the map of
    `vpuformer.geometry`. Without `out`, an array of this size is returned as it is.

    >>> import numpy as np
    >>> stretch(np.array([[0, 4, 8, 8]], np.float32), (1, 2)).tolist()
    [[2.0, 8.0]]

    Args:
        array: any numbers that OpenCV resamples.
        size: (height, width) of the result.
        out: the array that takes the result, of its shape and type; it may be part of a larger one.

    Raises:
        ValueError: `out` is of another shape or type.
    """
    if out is not None and (out.shape[:2], out.dtype) != (size, array.dtype):  # OpenCV would leave it as it is
        raise ValueError(f"out is {out.dtype} of shape {out.shape}, wanted {array.dtype} of size {size}")
    height, width = array.shape[:2]
    smaller = (min(height, size[0]), min(width, size[1]))
    if out is None and smaller == size == (height, width):
        return array
    # One axis after the other: OpenCV averages only where no axis grows.
    if smaller != (height, width):
        array = cv2.resize(array, smaller[::-1], out if smaller == size else None, interpolation=cv2.INTER_AREA)
        if smaller == size:
            return array
    return cv2.resize(array, size[::-1], out, interpolation=cv2.INTER_LINEAR)
