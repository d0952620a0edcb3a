"""Counter-based random numbers: a sample draws the same values in any batch or process.

A generator hands out its numbers in order, which depends on who else draws from it. Here a number is a hash (the mixing
steps of SplitMix64: Steele, Lea and Flood, OOPSLA 2014) of a seed and of its purpose, for all elements at once.
"""

from jaxtyping import Int, Int64
from numpy import ndarray as Array

_MASK = 2**64 - 1


def _signed(number: int) -> int:
    """The 64 bits of a number as int64 has them."""
    return (number & _MASK) - ((number & 2**63) << 1)


_GAMMA, _FIRST, _SECOND = map(_signed, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def derive_seed(seeds: Int64[Array, "*#shape"], number: Int[Array, "*#shape"] | int) -> Int64[Array, "*#shape"]:
    """A seed for every pair of a seed and a number; the two are broadcast against each other.

    >>> import numpy as np
    >>> seeds = derive_seed(np.array([7, 8]), 0)
    >>> bool(seeds[1] == derive_seed(np.array([8]), 0)[0])
    True
    """
    # Products wrap around at 64 bits; `_shifted` ignores the sign.
    z = seeds * _GAMMA + number
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def randint(seeds: Int64[Array, "*#shape"], count: Int[Array, "*#shape"]) -> Int[Array, "*#shape"]:
    """A uniform integer from 0 to `count - 1` for every seed made by `derive_seed`.

    0 where `count` is 0; `count` stays below 2^32.

    >>> import numpy as np
    >>> randint(derive_seed(np.arange(6), 0), np.array([1])).tolist()
    [0, 0, 0, 0, 0, 0]
    """
    return (_shifted(seeds, 33) * count) >> 31


def _shifted(bits: Int64[Array, "*shape"], by: int) -> Int64[Array, "*shape"]:
    return (bits >> by) & ((1 << (64 - by)) - 1)
