"""Random numbers that follow from seeds alone: a sample has the same ones in whatever batch and process it is.

A generator hands out its numbers in an order, which depends on who else asks it. Here a number is a hash (the mixing
steps of SplitMix64: Steele, Lea and Flood, OOPSLA 2014) of a seed and of what it is for, for all elements at once.
"""

from jaxtyping import Int, Int64
from torch import Tensor

_MASK = 2**64 - 1


def _signed(number: int) -> int:
    """The 64 bits of a number as int64 has them."""
    return (number & _MASK) - ((number & 2**63) << 1)


_GAMMA, _FIRST, _SECOND = map(_signed, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def derive_seed(seeds: Int64[Tensor, "*#shape"], number: Int[Tensor, "*#shape"] | int) -> Int64[Tensor, "*#shape"]:
    """A seed for every pair of a seed and a number; they are broadcast against each other.

    >>> import torch
    >>> seeds = derive_seed(torch.tensor([7, 8]), 0)
    >>> torch.equal(seeds[1:], derive_seed(torch.tensor([8]), 0))
    True
    """
    # Products wrap around at 64 bits; `_moved` shifts as if there were no sign.
    z = seeds * _GAMMA + number
    z = (z ^ _moved(z, 30)) * _FIRST
    z = (z ^ _moved(z, 27)) * _SECOND
    return z ^ _moved(z, 31)


def randint(seeds: Int64[Tensor, "*#shape"], count: Int[Tensor, "*#shape"]) -> Int[Tensor, "*#shape"]:
    """For every seed that `derive_seed` has made one of the numbers 0 to `count - 1`, each as likely as the others.

    0 where `count` is 0; it stays below 2^32.

    >>> import torch
    >>> randint(derive_seed(torch.arange(6), 0), torch.tensor(1)).tolist()
    [0, 0, 0, 0, 0, 0]
    """
    return (_moved(seeds, 33) * count) >> 31


def _moved(bits: Int64[Tensor, "*shape"], by: int) -> Int64[Tensor, "*shape"]:
    return (bits >> by) & ((1 << (64 - by)) - 1)
