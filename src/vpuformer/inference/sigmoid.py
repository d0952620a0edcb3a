"""The logistic function of large maps."""

import torch

from vpuformer.arrays import FloatMap


def sigmoid_(logits: FloatMap) -> None:
    """Replace logits by probabilities, in place: several times as fast as with NumPy."""
    torch.from_numpy(logits).sigmoid_()
