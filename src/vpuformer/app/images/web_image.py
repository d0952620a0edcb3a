"""Pixels as a browser takes them.

OpenCV writes a JPEG (quality 92, colours at full resolution) in a fraction of the time that its PNG, or Pillow's PNG
and WebP, take, and to a fraction of a PNG's size; only what must be exact goes as PNG.
"""

from typing import Any, NamedTuple

import cv2
import numpy.typing as npt

from vpuformer.arrays import RGB


class WebImage(NamedTuple):
    """The bytes of an image file, and the type to send them as."""

    content: bytes
    media_type: str


def to_web_image(pixels: RGB, *, exact: bool, quality: int = 92) -> WebImage:
    """A small image as a PNG, where it is to be exact, or a JPEG.

    Args:
        pixels: grey (H, W) or RGB (H, W, 3).
        exact: every pixel as it is.
        quality: of a JPEG, 1 to 100.
    """
    blue_first = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    if exact:
        return WebImage(_file(".png", blue_first), "image/png")
    full_colours = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    return WebImage(_file(".jpg", blue_first, cv2.IMWRITE_JPEG_QUALITY, quality, *full_colours), "image/jpeg")


def _file(ending: str, pixels: npt.NDArray[Any], *options: int) -> bytes:
    done, content = cv2.imencode(ending, pixels, options)
    if not done:  # has no reason to: the formats are part of OpenCV, and the pixels fit them
        raise RuntimeError(f"OpenCV could not encode pixels of the shape {pixels.shape} as {ending}")
    return content.tobytes()
