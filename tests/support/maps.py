"""Random maps of probabilities."""

import cv2
import numpy as np

from vpuformer.arrays import FloatMap, Size


def blobs(rng: np.random.Generator, size: Size, grain: float) -> FloatMap:
    """A map of objects of any shape, with zeros in places, and around all in some maps."""
    field = cv2.GaussianBlur(rng.normal(size=size).astype(np.float32), (0, 0), grain)
    if rng.random() < 0.5:
        field[:20] = field[-10:] = field[:, :30] = -9 * field.std()
    return np.clip(0.5 + field / field.std() / 3, 0, 1).astype(np.float32)
