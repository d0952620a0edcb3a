"""A segmenter without a network, whose every answer can be foretold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap, Size
from vpuformer.geometry import Crop
from vpuformer.prompts import Box, Click, Prompt

INSIDE, OUTSIDE = 0.9, 0.1
_EVERY = 4
"""Every fourth column and row of the logits is stored."""


@dataclass(frozen=True)
class DisksAnswer:
    probability: FloatMap
    crop: Crop
    logits: FloatMap | None

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        return self.probability > 0.49


class Disks:
    """Probability 0.9 in and near positive prompts, 0.1 in and near negative ones.

    A click means a disk around it. Later prompts override earlier ones. Elsewhere the previous mask holds, or 0.1.

    Args:
        radius: of a disk in pixels; a scribble's line is as thick as a third of it.

    Attributes:
        looked: how many images were looked at.
        asked: the prompts of every question so far.
        before: called before each answer, to hold it up, or to raise.
    """

    name, sha256 = "disks", "0" * 64

    def __init__(self, radius: float = 20) -> None:
        self.radius = radius
        self.looked = 0
        self.asked: list[tuple[Prompt, ...]] = []
        self.before: Callable[[], object] = lambda: None

    def load(self) -> None:
        """There is nothing to get ready."""

    def look(self, image: npt.NDArray[np.uint8]) -> "DisksLooked":
        self.looked += 1
        return DisksLooked(self, (image.shape[0], image.shape[1]))


class DisksLooked:
    nbytes = 1000

    def __init__(self, disks: Disks, size: Size) -> None:
        self._disks, self._size = disks, size

    def predict(self, prompts: Sequence[Prompt], mask: FloatMap | None, crop: Crop | None) -> DisksAnswer:
        assert crop is None or crop == Crop.whole(self._size)
        self._disks.before()
        self._disks.asked.append(tuple(prompts))
        probability = np.full(self._size, OUTSIDE, np.float32) if mask is None else mask.astype(np.float32)
        for prompt in prompts:
            probability[self._near(prompt)] = INSIDE if prompt.positive else OUTSIDE
        logits = np.log(np.clip(probability, 1e-4, 0.9999) / (1 - np.clip(probability, 1e-4, 0.9999)))
        return DisksAnswer(probability, Crop.whole(self._size), logits[::_EVERY, ::_EVERY])

    def restore(self, logits: FloatMap, crop: Crop) -> DisksAnswer:
        assert crop == Crop.whole(self._size)
        height, width = self._size
        large = logits.repeat(_EVERY, axis=0).repeat(_EVERY, axis=1)[:height, :width]
        return DisksAnswer((1 / (1 + np.exp(-large))).astype(np.float32), crop, logits)

    def _near(self, prompt: Prompt) -> npt.NDArray[np.bool_]:
        y, x = np.mgrid[: self._size[0], : self._size[1]]
        if isinstance(prompt, Box):
            x0, y0, x1, y1 = prompt.bounds
            return (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)
        radius = self._disks.radius if isinstance(prompt, Click) else self._disks.radius / 3
        near = np.zeros(self._size, bool)
        for px, py in prompt.points:
            near |= (x - px) ** 2 + (y - py) ** 2 <= radius**2
        return near
