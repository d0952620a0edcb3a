"""Masks as runs: what they are on the wire and in the store. A mask of 100 million pixels is a few kilobytes.

Row after row from the top left, the lengths of runs in turn background and object, the first one background (of length
0 where the mask begins with the object). Each length is a little-endian base-128 number (LEB128): seven bits a byte,
the eighth tells that more follow. Rows and not columns, as COCO has it, because screens are drawn in rows.
"""

import base64
import binascii

import numpy as np

from vpuformer.app.schemas import RleMask
from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError
from vpuformer.images import MAX_PIXELS

_LONGEST = 5
"""Bytes of a length: 35 bits, more than `MAX_PIXELS` needs."""


def encode(mask: BoolMask) -> bytes:
    """The runs of a mask of shape (H, W).

    >>> list(encode(np.array([[False, False, True], [True, False, False]])))
    [2, 2, 2]
    >>> list(encode(np.ones((100, 2), bool)))  # 200 is 72 + 128
    [0, 200, 1]
    """
    flat = np.ascontiguousarray(mask, bool).ravel()
    borders = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(borders, prepend=0, append=flat.size)
    if flat.size and flat[0]:
        lengths = np.concatenate([[0], lengths])
    sizes = np.ones(len(lengths), np.int64)
    for byte in range(1, _LONGEST):
        sizes += lengths >= 1 << 7 * byte
    ends = np.cumsum(sizes)
    packed = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for byte in range(_LONGEST):
        there = sizes > byte
        more = (sizes > byte + 1).view(np.uint8) << 7
        packed[(ends - sizes + byte)[there]] = (lengths >> 7 * byte & 0x7F).astype(np.uint8)[there] | more[there]
    return packed.tobytes()


def decode(packed: bytes, size: Size) -> BoolMask:
    """The mask of these runs, shape `size`: height and width.

    >>> decode(bytes([2, 2, 2]), (2, 3)).astype(int).tolist()
    [[0, 0, 1], [1, 0, 0]]

    Raises:
        MaskError: the runs are cut short, or do not fill the mask exactly.
    """
    codes = np.frombuffer(packed, np.uint8)
    ends = np.flatnonzero(codes < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    digits = ends - starts + 1
    if not len(ends) or ends[-1] != len(codes) - 1 or digits.max() > _LONGEST:
        raise MaskError(
            "the runs of the mask are cut short or no numbers; send them as `vpuformer.app.store.rle` packs them"
        )
    place = np.arange(len(codes)) - np.repeat(starts, digits)
    lengths = np.add.reduceat((codes & 0x7F).astype(np.int64) << 7 * place, starts)
    total = int(lengths.sum())
    if total != size[0] * size[1]:
        raise MaskError(f"the runs of the mask are {total} pixels long, its image has {size[1]}x{size[0]}")
    turns = np.arange(len(lengths)) % 2 == 1
    return np.repeat(turns, lengths).reshape(size)


def to_message(packed: bytes, size: Size) -> RleMask:
    """Packed runs as the page gets them.

    >>> to_message(bytes([2, 2, 2]), (2, 3))
    RleMask(width=3, height=2, runs='AgIC')
    """
    return RleMask(width=size[1], height=size[0], runs=base64.b64encode(packed).decode("ascii"))


def check_size(size: Size, wanted: Size) -> None:
    """See that a mask of `size` (height, width) fits an image of the size `wanted`.

    Raises:
        MaskError: it does not.
    """
    if size != wanted:
        raise MaskError(
            f"the mask is {size[1]}x{size[0]} pixels, its image {wanted[1]}x{wanted[0]};"
            " give a mask of the very same size"
        )


def from_message(message: RleMask, size: Size) -> BoolMask:
    """The mask that a page sends for an image of `size`.

    Raises:
        MaskError: it is of another size than the image, or its runs cannot be read.
    """
    check_size((message.height, message.width), size)
    if message.height * message.width > MAX_PIXELS:
        raise MaskError(f"the mask is {message.width}x{message.height} pixels; at most {MAX_PIXELS} are read")
    try:
        packed = base64.b64decode(message.runs, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MaskError(f"the runs of the mask are no base64 ({error}); send them as the protocol says") from error
    return decode(packed, size)
