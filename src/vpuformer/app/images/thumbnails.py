"""Small images for a list."""

import threading
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vpuformer.app.images.web_image import to_web_image
from vpuformer.arrays import RGB
from vpuformer.images.loading import load
from vpuformer.images.reading import to_rgb

SIDE = 192
"""The longer side in pixels."""

_QUALITY = 85
# A list asks for many at once, and each may take the memory of a huge image.
_decoding = threading.BoundedSemaphore(2)


def thumbnail(path: Path, side: int = SIDE) -> bytes:
    """An image scaled down as a JPEG, upright; one that is smaller stays as it is.

    Args:
        path: of the file; a JPEG is decoded at a fraction of its size.
        side: the longer side in pixels, at most.

    Raises:
        ImageError: the file cannot be read.
    """
    with _decoding:
        pixels = _read_small(path, side)
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return to_web_image(pixels, exact=False, quality=_QUALITY).content


def _read_small(path: Path, side: int) -> RGB:
    stored = load(path, least=side)
    if isinstance(stored, Image.Image) and stored.mode in ("L", "RGB"):
        # By a whole number and to twice the side at least: fast, and the pixels are turned into an array when few.
        stored = stored.reduce(max(1, max(stored.size) // (2 * side)))
    return to_rgb(stored, str(path))
