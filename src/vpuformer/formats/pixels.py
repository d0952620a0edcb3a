"""PNG files: masks, and maps of numbers with a palette."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import BoolMask


def mask_png(mask: BoolMask) -> bytes:
    """Grey of 8 bits: 255 on the object, 0 elsewhere."""
    return _encoded(Image.fromarray(mask.astype(np.uint8) * np.uint8(255)))


def bit_png(mask: BoolMask) -> bytes:
    """1 bit a pixel."""
    return _encoded(Image.fromarray(mask))


def map_png(values: npt.NDArray[np.unsignedinteger]) -> bytes:
    """A map of numbers of 8 or 16 bits: the former as a palette of PASCAL VOC's colours, the latter as grey."""
    image = Image.fromarray(values)
    if values.dtype == np.uint8:
        image.putpalette(voc_colours().tobytes())  # turns grey into a palette; values stay
    return _encoded(image)


def voc_colours() -> npt.NDArray[np.uint8]:
    """The colours of PASCAL VOC's palette, shape (256, 3): the bits of a number, spread over red, green and blue.

    The lowest three bits give the highest bit of the three colours, the next three the one below, and so on.

    >>> voc_colours()[[0, 1, 2, 15, 255]].tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0], [192, 128, 128], [224, 224, 192]]
    """
    numbers = np.arange(256)[:, None]
    channels = np.arange(3)[None]
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        colours |= (numbers >> (3 * bit + channels) & 1) << (7 - bit)
    return colours.astype(np.uint8)


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
