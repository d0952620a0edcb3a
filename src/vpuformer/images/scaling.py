"""Images made smaller."""

import cv2
import numpy as np
import numpy.typing as npt


def scaled_down(pixels: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    """Pixels (H, W) or (H, W, 3), averaged down until the longer side is at most `longest`.

    >>> scaled_down(np.zeros((480, 960, 3), np.uint8), 240).shape
    (120, 240, 3)
    """
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
