"""Safe reading of a field of a MATLAB file of level 5.

Only one layout is read: a variable that is a struct, with a matrix of integers in a field. SciPy's reader
allocates what the sizes in a file say, and a damaged one makes it crash.
"""

import math
import struct
import zlib

import numpy as np
import numpy.typing as npt

from vpuformer.images import MAX_PIXELS

_HEAD = 128
_MATRIX, _COMPRESSED = 14, 15
_STRUCT = 2
_INTEGERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 12: "i8", 13: "u8"}
"""NumPy's type by that of the data element."""

_LARGEST = 2**28
"""Bytes of a variable once it is decompressed."""


def read_integers(content: bytes, variable: str, field: str) -> npt.NDArray[np.integer]:
    """The matrix of integers in a field of a struct, shape (H, W).

    Raises:
        ValueError: the content is not of level 5, or has no such variable, field or matrix.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:_HEAD])
    if order is None:
        raise ValueError("no MATLAB file of level 5")
    elements = _Elements(memoryview(content)[_HEAD:], order)
    while elements.left:
        kind, data = elements.next(padded=False)
        if kind == _COMPRESSED:
            kind, data = _Elements(memoryview(_decompressed(data)), order).next()
        if kind == _MATRIX:
            matrix = _Matrix(data, order)
            if matrix.name == variable:
                return _Matrix(matrix.field(field), order).integers()
    raise ValueError(f"there is no {variable}")


class _Elements:
    """Consecutive data elements."""

    def __init__(self, data: memoryview, order: str) -> None:
        self.left, self._order = data, order

    def next(self, *, padded: bool = True) -> tuple[int, memoryview]:
        """Type and content of the next one."""
        if len(self.left) < 8:
            raise ValueError("it is cut short")
        kind, size = struct.unpack(f"{self._order}II", self.left[:8])
        if kind >> 16:  # a small one: type, size and up to four bytes in a single word of eight
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError("a small element is too large")
            data, step = self.left[4 : 4 + size], 8
        else:
            data, step = self.left[8 : 8 + size], 8 + size
            step += -step % 8 if padded else 0
        if len(data) < size:
            raise ValueError("it is cut short")
        self.left = self.left[step:]
        return kind, data


class _Matrix:
    """An array of any class, by its head."""

    def __init__(self, data: memoryview, order: str) -> None:
        self._elements, self._order = _Elements(data, order), order
        flags = self._numbers("I")
        self._class = flags[0] & 0xFF if flags else 0
        self.sides = self._numbers("i")
        self.name = bytes(self._elements.next()[1]).decode("latin-1")

    def field(self, name: str) -> memoryview:
        """The matrix in a field of a single struct."""
        if self._class != _STRUCT or any(side != 1 for side in self.sides):
            raise ValueError(f"{self.name} is not a single struct")
        (length,) = self._numbers("i") or (0,)
        names = bytes(self._elements.next()[1])
        if length < 1:
            raise ValueError("its fields have no names")
        for start in range(0, len(names), length):
            kind, data = self._elements.next()
            if names[start : start + length].rstrip(b"\0") == name.encode() and kind == _MATRIX:
                return data
        raise ValueError(f"{self.name} has no field {name}")

    def integers(self) -> npt.NDArray[np.integer]:
        """Its numbers, shape (H, W)."""
        if len(self.sides) != 2 or min(self.sides) < 1 or math.prod(self.sides) > MAX_PIXELS:
            raise ValueError(f"the sides of its map are {self.sides}")
        kind, data = self._elements.next()
        if kind not in _INTEGERS:
            raise ValueError("its map holds no integers")
        dtype = np.dtype(f"{self._order}{_INTEGERS[kind]}")
        if len(data) != math.prod(self.sides) * dtype.itemsize:
            raise ValueError("its map is cut short")
        values = np.frombuffer(data, dtype).reshape(self.sides, order="F")
        return np.ascontiguousarray(values.astype(dtype.newbyteorder("=")))

    def _numbers(self, kind: str) -> list[int]:
        data = self._elements.next()[1]
        return list(struct.unpack(f"{self._order}{len(data) // 4}{kind}", data[: len(data) // 4 * 4]))


def _decompressed(data: memoryview) -> bytes:
    try:
        reader = zlib.decompressobj()
        content = reader.decompress(data, _LARGEST)
    except zlib.error as problem:
        raise ValueError(str(problem)) from problem
    if reader.unconsumed_tail:
        raise ValueError(f"a variable is larger than {_LARGEST:,} bytes")
    return content
