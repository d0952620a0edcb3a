"""The logistic function of large maps."""

import numpy as np

from vpuformer.arrays import FloatMap


def sigmoid_(logits: FloatMap) -> None:
    """Replace logits by probabilities, in place.

    By way of the hyperbolic tangent, which NumPy computes as fast as PyTorch its sigmoid.
    """
    half = np.float32(0.5)
    logits *= half
    np.tanh(logits, out=logits)
    logits *= half
    logits += half
