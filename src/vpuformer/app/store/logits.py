"""Compact storage of the network's logits for a crop: a few kilobytes for each step."""

import zlib

import numpy as np

from vpuformer.arrays import FloatMap

_SCALE = 16
"""Steps of 1/16. Logits beyond 8 are clipped: there the probability is within 0.0004 of 0 or 1."""


def encode_logits(logits: FloatMap) -> bytes:
    """Return logits (h, w) as bytes, rounded to 1/16 and clipped to +-7.9375.

    >>> decode_logits(encode_logits(np.array([[-100, 0.26, 3]], np.float32))).tolist()
    [[-7.9375, 0.25, 3.0]]
    """
    steps = np.rint(np.clip(logits * _SCALE, -127, 127)).astype(np.int8)
    height, width = logits.shape
    return zlib.compress(height.to_bytes(4, "little") + width.to_bytes(4, "little") + steps.tobytes(), 1)


def decode_logits(packed: bytes) -> FloatMap:
    """Return the logits that `encode_logits` stored, after its rounding."""
    plain = zlib.decompress(packed)
    size = (int.from_bytes(plain[:4], "little"), int.from_bytes(plain[4:8], "little"))
    return np.frombuffer(plain, np.int8, offset=8).reshape(size).astype(np.float32) / np.float32(_SCALE)
