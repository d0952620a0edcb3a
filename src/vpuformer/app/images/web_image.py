"""PNG and JPEG images for the browser.

OpenCV's JPEG (quality 92, full colour resolution) takes a fraction of the time of any PNG or WebP, and of the size of a
PNG. Only pixels that must be exact are sent as PNG.
"""

from typing import Any, NamedTuple

import cv2
import numpy.typing as npt

from vpuformer.arrays import RGB


class WebImage(NamedTuple):
    """The bytes of an image file and their media type."""

    content: bytes
    media_type: str


def to_web_image(pixels: RGB, *, exact: bool, quality: int = 92) -> WebImage:
    """Encode grey (H, W) or RGB (H, W, 3): an `exact` PNG, or a JPEG of `quality` 1 to 100."""
    blue_first = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    if exact:
        return WebImage(_file(".png", blue_first), "image/png")
    full_colours = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    return WebImage(_file(".jpg", blue_first, cv2.IMWRITE_JPEG_QUALITY, quality, *full_colours), "image/jpeg")


def _file(ending: str, pixels: npt.NDArray[Any], *options: int) -> bytes:
    done, content = cv2.imencode(ending, pixels, options)
    if not done:  # never expected: OpenCV includes both formats
        raise RuntimeError(f"OpenCV could not encode pixels of the shape {pixels.shape} as {ending}")
    return content.tobytes()
