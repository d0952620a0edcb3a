"""Thumbnails of images."""

from pathlib import Path

from PIL import Image

from vpuformer.app.images.web_image import to_web_image
from vpuformer.images.reading import to_rgb
from vpuformer.images.scaling import scaled_down
from vpuformer.images.volumes import load_shown

SIDE = 192
"""The longer side in pixels."""

_QUALITY = 85


def thumbnail(path: Path, side: int = SIDE) -> bytes:
    """Return an upright JPEG thumbnail with sides of at most `side` pixels.

    Raises:
        ImageError: the file cannot be read.
    """
    loaded = load_shown(path, least=side)
    stored = loaded.stored
    if isinstance(stored, Image.Image) and stored.mode in ("L", "RGB"):
        # By a whole number and to at least twice the side: fast, and only a few pixels become an array.
        stored = stored.reduce(max(1, max(stored.size) // (2 * side)))
    pixels = to_rgb(loaded._replace(stored=stored), str(path))
    return to_web_image(scaled_down(pixels, side), exact=False, quality=_QUALITY).content
