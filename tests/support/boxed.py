"""A segmenter whose mask is the rectangle around all positive prompts."""

from collections.abc import Sequence

import numpy as np

from vpuformer.arrays import RGB
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query


class Boxed:
    """Fills the pixels whose centres lie within the bounds of the positive prompts; negative clicks are holes."""

    name, sha256 = "boxed", ""

    def __init__(self) -> None:
        self.encodings = 0
        self.queries: list[Query] = []

    def encode(self, image: RGB) -> Encoded:
        self.encodings += 1
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        self.queries += queries
        return [Prediction(_filled(query)) for query in queries]


def _filled(query: Query) -> np.ndarray:
    rows, columns = np.mgrid[: query.encoded.size[0], : query.encoded.size[1]]
    mask = np.zeros(query.encoded.size, np.float32) if query.mask is None else query.mask.copy()
    bounds = np.array([prompt.bounds for prompt in query.prompts if prompt.positive])
    if len(bounds):
        (left, top), (right, bottom) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        mask[(columns >= left) & (columns <= right) & (rows >= top) & (rows <= bottom)] = 1
    for prompt in query.prompts:
        if not prompt.positive:
            x, y = prompt.points.mean(axis=0).round().astype(int)
            mask[y, x] = 0
    return mask
