"""Encoding as PNG: masks, and label maps with a palette."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import BoolMask
from vpuformer.images.palette import voc_colours
from vpuformer.images.writing import grey_png


def mask_png(mask: BoolMask) -> bytes:
    """Grey of 8 bits: 255 on the object, 0 elsewhere."""
    return grey_png(mask.astype(np.uint8) * np.uint8(255))


def bit_png(mask: BoolMask) -> bytes:
    """1 bit a pixel."""
    return _encoded(Image.fromarray(mask))


def map_png(values: npt.NDArray[np.unsignedinteger]) -> bytes:
    """A label map: of 8 bits with PASCAL VOC's palette, of 16 bits as grey."""
    image = Image.fromarray(values)
    if values.dtype == np.uint8:
        image.putpalette(voc_colours().tobytes())  # turns grey into a palette; values stay
    return _encoded(image)


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
