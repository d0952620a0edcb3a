"""Run-length encoding of masks, in messages and in the store.

A mask of 100 million pixels takes a few kilobytes.
The pixels are read row by row from the top left. Background and object runs alternate; the first run is background and
has length 0 if the mask begins with the object. Each length is a little-endian base-128 number (LEB128): seven bits a
byte, and the eighth bit is set if more bytes follow. COCO encodes columns; rows suit drawing on a screen.
"""

import base64
import binascii
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vpuformer.app.step_schemas import RleMask
from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError
from vpuformer.images import MAX_PIXELS

Edges = npt.NDArray[np.int64]

_LONGEST = 5
"""Maximum number of bytes of a length: 35 bits, more than `MAX_PIXELS` needs."""


def encode(mask: BoolMask) -> bytes:
    """Return the run lengths of a mask of shape (H, W).

    >>> list(encode(np.array([[False, False, True], [True, False, False]])))
    [2, 2, 2]
    >>> list(encode(np.ones((100, 2), bool)))  # 200 is 72 + 128
    [0, 200, 1]
    """
    mask = np.ascontiguousarray(mask, bool)
    rows = np.flatnonzero(mask.any(axis=1))
    first, end = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    flat = mask[first:end].ravel()  # most of a large image is background
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    begins, ends = flat[:1], flat[-1:] & (end < len(mask))
    edges = np.concatenate([np.zeros(begins.sum(), np.int64), edges, np.full(ends.sum(), flat.size)])
    return _encode_edges(edges + first * mask.shape[1], mask.size)


def _encode_edges(edges: Edges, total: int) -> bytes:
    """The run lengths of a mask of `total` pixels that begins or ends before each of these pixels."""
    lengths = np.diff(edges, prepend=0, append=total)
    sizes = np.ones(len(lengths), np.int64)
    for byte in range(1, _LONGEST):
        sizes += lengths >= 1 << 7 * byte
    ends = np.cumsum(sizes)
    encoded = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for byte in range(_LONGEST):
        used = sizes > byte
        more = (sizes > byte + 1).view(np.uint8) << 7
        encoded[(ends - sizes + byte)[used]] = (lengths >> 7 * byte & 0x7F).astype(np.uint8)[used] | more[used]
    return encoded.tobytes()


def decode(encoded: bytes, size: Size) -> BoolMask:
    """Return the mask of these run lengths, shape `size`: height and width.

    >>> decode(bytes([2, 2, 2]), (2, 3)).astype(int).tolist()
    [[0, 0, 1], [1, 0, 0]]

    Raises:
        MaskError: the run lengths are cut short or do not fill the mask exactly.
    """
    lengths = _lengths(encoded, size)
    is_object = np.arange(len(lengths)) % 2 == 1
    return np.repeat(is_object, lengths).reshape(size)


def union(masks: Sequence[bytes], size: Size) -> bytes:
    """Return the pixels of all masks of `size`. The time depends on runs, not on pixels.

    >>> list(union([bytes([2, 2, 2]), bytes([0, 1, 5])], (2, 3)))
    [0, 1, 1, 2, 2]
    """
    return _combined([(mask, 1) for mask in masks], size)


def subtract(mask: bytes, other: bytes, size: Size) -> bytes:
    """Return the pixels of a mask of `size` that are not in the other one.

    >>> list(subtract(bytes([0, 4, 2]), bytes([1, 2, 3]), (2, 3)))
    [0, 1, 2, 1, 2]
    """
    return _combined([(mask, 1), (other, -1)], size)


def area(encoded: bytes, size: Size) -> int:
    """Return the number of pixels of a mask of `size`."""
    return int(_lengths(encoded, size)[1::2].sum())


def bounds(encoded: bytes, size: Size) -> tuple[int, int, int, int]:
    """Return the first column and row of a mask, and the column and row after its last.

    An empty mask gives zeros.

    >>> bounds(bytes([2, 2, 2]), (2, 3))
    (0, 0, 3, 2)
    """
    edges = np.cumsum(_lengths(encoded, size))
    ends = edges[1::2] - 1
    if not len(ends):
        return 0, 0, 0, 0
    rows, columns = np.divmod(np.stack([edges[0::2][: len(ends)], ends]), size[1])
    wraps = bool((rows[0] != rows[1]).any())  # a run over the end of a row has its last and the next one's first column
    left, right = (0, size[1]) if wraps else (int(columns[0].min()), int(columns[1].max()) + 1)
    return left, int(rows[0, 0]), right, int(rows[1, -1]) + 1


def iou(mask: bytes, other: bytes, size: Size) -> float:
    """Return the intersection over union of two masks of `size`; 0 if both are empty.

    >>> iou(bytes([2, 2, 2]), bytes([1, 3, 2]), (2, 3))
    0.6666666666666666
    """
    total = area(union([mask, other], size), size)
    return (area(mask, size) + area(other, size) - total) / total if total else 0.0


def _combined(masks: Sequence[tuple[bytes, int]], size: Size) -> bytes:
    """The pixels where the sum of the weights of all masks is positive."""
    total = size[0] * size[1]
    edges, changes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for encoded, weight in masks:
        edges.append(np.cumsum(_lengths(encoded, size)))
        changes.append(np.where(np.arange(len(edges[-1])) % 2 == 0, weight, -weight))
    order = np.argsort(np.concatenate(edges), kind="stable")
    places, sums = np.concatenate(edges)[order], np.cumsum(np.concatenate(changes)[order])
    last = np.append(places[1:] != places[:-1], True)[: len(places)] & (places < total)  # of those at one pixel
    inside = sums[last] > 0
    return _encode_edges(places[last][inside != np.append(False, inside[:-1])[: len(inside)]], total)


def _lengths(encoded: bytes, size: Size) -> Edges:
    """The run lengths of a mask of `size`; errors as in `decode`."""
    codes = np.frombuffer(encoded, np.uint8)
    ends = np.flatnonzero(codes < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    digits = ends - starts + 1
    if not len(ends) or ends[-1] != len(codes) - 1 or digits.max() > _LONGEST:
        raise MaskError(
            "the run lengths of the mask are cut short or invalid; encode them as `vpuformer.app.store.rle` does"
        )
    position = np.arange(len(codes)) - np.repeat(starts, digits)
    lengths = np.add.reduceat((codes & 0x7F).astype(np.int64) << 7 * position, starts)
    total = int(lengths.sum())
    if total != size[0] * size[1]:
        raise MaskError(f"the runs of the mask are {total} pixels long; its image has {size[1]}x{size[0]}")
    return lengths


def to_message(encoded: bytes, size: Size) -> RleMask:
    """Return an encoded mask as the message that the page gets.

    >>> to_message(bytes([2, 2, 2]), (2, 3))
    RleMask(width=3, height=2, runs='AgIC')
    """
    return RleMask(width=size[1], height=size[0], runs=base64.b64encode(encoded).decode("ascii"))


def from_message(message: RleMask, size: Size) -> BoolMask:
    """Return the mask that a page sends for an image of `size`, height and width.

    Raises:
        MaskError: its size differs from the image's, or its run lengths cannot be read.
    """
    if (message.height, message.width) != size:
        raise MaskError(
            f"the mask is {message.width}x{message.height} pixels, its image {size[1]}x{size[0]};"
            " give a mask of the same size"
        )
    if message.height * message.width > MAX_PIXELS:
        raise MaskError(f"the mask is {message.width}x{message.height} pixels; at most {MAX_PIXELS} are read")
    try:
        encoded = base64.b64decode(message.runs, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MaskError(f"the run lengths of the mask are not base64 ({error}); see /docs") from error
    return decode(encoded, size)
