"""Masks of Label Studio's brush: bytes of RGBA pixels, packed bit by bit.

The stream begins with the number of bytes (32 bits), the width of a byte less 1 (5 bits), and four widths of lengths
less 1 (4 bits each). A block is one bit, 1 for a repeated byte; two bits that choose a width of lengths; a length less
1; and that byte, or so many bytes. The mask is where alpha is not 0.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError

_CHANNELS = 4
_Bits = npt.NDArray[np.uint8]


def brush_mask(packed: Any, size: Size, where: str) -> BoolMask:
    """The mask in a packed stream, bool of shape `size`.

    >>> packed = f"{4:032b}" + f"{7:05b}" + f"{1:04b}" * 4 + "1" + "00" + "11" + f"{255:08b}"  # 255, four times
    >>> brush_mask([int(f"{packed:<072}"[at : at + 8], 2) for at in range(0, 72, 8)], (1, 1), "here")
    array([[ True]])

    Raises:
        MaskError: the stream is not a list of bytes, is cut short, or is of another size.
    """
    if not isinstance(packed, list) or not all(type(each) is int and 0 <= each < 256 for each in packed):
        raise MaskError(f"{where}: a brush mask is a list of bytes, got {packed!r:.60}")
    bits = np.unpackbits(np.array(packed, np.uint8))
    wanted = size[0] * size[1] * _CHANNELS
    try:
        values = _unpacked(bits, wanted)
    except IndexError:
        raise MaskError(f"{where}: its brush mask is cut short; export it again") from None
    if values is None:
        raise MaskError(
            f"{where}: its brush mask is not one of {size[1]}x{size[0]} pixels; give the annotations of this very image"
        )
    return values.reshape(*size, _CHANNELS)[:, :, _CHANNELS - 1] > 0


def _unpacked(bits: _Bits, wanted: int) -> npt.NDArray[np.unsignedinteger[Any]] | None:
    """The bytes of a stream; None if they are not as many as wanted."""
    at = 0

    def number(width: int) -> int:
        nonlocal at
        if at + width > len(bits):
            raise IndexError
        at += width
        return int("".join(map(str, bits[at - width : at].tolist())), 2)

    if number(32) != wanted:
        return None
    width = number(5) + 1
    widths = [number(4) + 1 for _ in range(4)]
    weights = np.left_shift(1, np.arange(width - 1, -1, -1, dtype=np.int64))
    values = np.empty(wanted, np.uint8 if width <= 8 else np.uint32)
    done = 0
    while done < wanted:
        repeated = number(1)
        length = number(widths[number(2)]) + 1
        if done + length > wanted:
            return None
        if repeated:
            values[done : done + length] = number(width)
        else:
            if at + length * width > len(bits):
                raise IndexError
            values[done : done + length] = bits[at : at + length * width].reshape(length, width) @ weights
            at += length * width
        done += length
    return values
