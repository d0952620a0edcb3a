"""Probability maps for the page."""

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.errors import NotFoundError
from vpuformer.images.scaling import scaled_down


def probability_png(probability: npt.NDArray[np.float32] | None, longest: int) -> bytes:
    """Return an 8-bit grey PNG of at most `longest` pixels a side; 255 is a probability of 1.

    >>> probability_png(np.zeros((2, 3), np.float32), 100)[:4]
    b'\\x89PNG'

    Raises:
        NotFoundError: the probability is None.
    """
    if probability is None:
        raise NotFoundError("the object has no answer yet; give a prompt first")
    grey = scaled_down(np.rint(probability * 255).astype(np.uint8), longest)
    return cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
