"""Thumbnails of images."""

import threading
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.app.images.web_image import to_web_image
from vpuformer.arrays import RGB
from vpuformer.images.loading import load
from vpuformer.images.reading import to_rgb

SIDE = 192
"""The longer side in pixels."""

_QUALITY = 85
# A list requests many thumbnails at once, and decoding one may need the memory of a huge image.
_decoding = threading.BoundedSemaphore(2)


def thumbnail(path: Path, side: int = SIDE) -> bytes:
    """Return an upright JPEG thumbnail. Smaller images keep their size.

    Args:
        path: image file; a JPEG is decoded at a fraction of its size.
        side: maximum length of the longer side in pixels.

    Raises:
        ImageError: the file cannot be read.
    """
    with _decoding:
        pixels = _read_small(path, side)
    return to_web_image(shrunk(pixels, side), exact=False, quality=_QUALITY).content


def shrunk(pixels: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    """Return the pixels scaled down to at most `longest` pixels a side; never scaled up.

    >>> shrunk(np.zeros((10, 30), np.uint8), 6).shape
    (2, 6)
    """
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _read_small(path: Path, side: int) -> RGB:
    stored = load(path, least=side)
    if isinstance(stored, Image.Image) and stored.mode in ("L", "RGB"):
        # By a whole number and to at least twice the side: fast, and only a few pixels become an array.
        stored = stored.reduce(max(1, max(stored.size) // (2 * side)))
    return to_rgb(stored, str(path))
