"""A segmenter without a network, whose every answer can be foretold."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import Size
from vpuformer.inference.prediction import Candidate, Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Box, Click, Prompt

INSIDE, OUTSIDE = 0.9, 0.1
PARTS = ((1.0, 0.75), (0.5, 0.5), (1.5, 0.25))
"""Radius of each candidate, as a part of the usual one, and its score."""
_EVERY = 4
"""Every fourth column and row of the logits is stored."""


class Disks:
    """Probability 0.9 in and near positive prompts, 0.1 in and near negative ones.

    A click means a disk around it. Later prompts override earlier ones. Elsewhere the previous mask holds, or 0.1.
    The candidates are made of disks of other radii.

    Args:
        radius: of a disk in pixels; a scribble's line is as thick as a third of it.

    Attributes:
        encoded: how many images were encoded.
        asked: the prompts of every question so far.
        before: called before each answer, to hold it up, or to raise.
    """

    name, sha256 = "disks", "0" * 64

    def __init__(self, radius: float = 20) -> None:
        self.radius = radius
        self.encoded = 0
        self.asked: list[tuple[Prompt, ...]] = []
        self.before: Callable[[], object] = lambda: None

    def encode(self, image: npt.NDArray[np.uint8]) -> Encoded:
        self.encoded += 1
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        return [self.answer(query) for query in queries]

    def answer(self, query: Query) -> Prediction:
        self.before()
        self.asked.append(query.prompts)
        probability = self._probability(query, self.radius)
        logits = np.log(np.clip(probability, 1e-4, 0.9999) / (1 - np.clip(probability, 1e-4, 0.9999)))
        candidates = [
            Candidate(self._probability(query, self.radius * part) > MASK_THRESHOLD, score) for part, score in PARTS
        ]
        return Prediction(
            probability,
            logits=logits[::_EVERY, ::_EVERY],
            candidates=tuple(candidates) if query.candidates else (),
        )

    def _probability(self, query: Query, radius: float) -> npt.NDArray[np.float32]:
        size = query.encoded.size
        probability = np.full(size, OUTSIDE, np.float32) if query.mask is None else query.mask.astype(np.float32)
        for prompt in query.prompts:
            probability[self._near(prompt, size, radius)] = INSIDE if prompt.positive else OUTSIDE
        return probability

    def _near(self, prompt: Prompt, size: Size, radius: float) -> npt.NDArray[np.bool_]:
        y, x = np.mgrid[: size[0], : size[1]]
        if isinstance(prompt, Box):
            x0, y0, x1, y1 = prompt.bounds
            return (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)
        radius = radius if isinstance(prompt, Click) else radius / 3
        near = np.zeros(size, bool)
        for px, py in prompt.points:
            near |= (x - px) ** 2 + (y - py) ** 2 <= radius**2
        return near
