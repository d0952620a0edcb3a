"""A probability map as the page gets it."""

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.errors import NotFoundError


def probability_png(probability: npt.NDArray[np.float32] | None, longest: int) -> bytes:
    """An 8-bit grey PNG, 255 for certain, whose longer side is at most `longest` pixels.

    >>> probability_png(np.zeros((2, 3), np.float32), 100)[:4]
    b'\\x89PNG'

    Raises:
        NotFoundError: there is no map.
    """
    if probability is None:
        raise NotFoundError("the object has no answer yet, and so no probabilities; give a prompt first")
    grey = np.rint(probability * 255).astype(np.uint8)
    height, width = grey.shape
    scale = longest / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
