"""OpenCV's GrabCut, seeded by prompts: a bar for learned methods. Imports no torch."""

from collections.abc import Sequence

import cv2
import numpy as np

from vpuformer.arrays import RGB
from vpuformer.evaluation.baselines.seeds import Labels, exclude_border, seed_labels
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.prompts import Click, Prompt

FEWEST_SAMPLES = 5
"""GrabCut fits five Gaussians to each side, and needs at least a pixel for each of them."""


class GrabCut:
    """OpenCV's GrabCut (Rother, Kolmogorov, Blake, SIGGRAPH 2004).

    It is made to start from a rectangle around the object. A click shows no such thing, and with a mere speck of object
    the answer is hardly more; so a wide disk around each click starts as probably object, or probably background.

    Args:
        iterations: rounds of fitting colours and cutting, a prompt.
        reach: radius of the wide disk, in shorter sides of the image; 0 for none.
        core: how much of the width and height of a positive box is its middle.
        border: whether the border of the image is certain background.
    """

    name = "opencv-grabcut"
    sha256 = ""

    def __init__(self, iterations: int = 5, *, reach: float = 0.2, core: float = 0.25, border: bool = True) -> None:
        self._iterations = iterations
        self._reach = reach
        self._core = core
        self._border = border

    @classmethod
    def plain(cls) -> "GrabCut":
        """Seeded by the prompts alone: their pixels are certain, a box is probable object."""
        grabcut = cls(reach=0.0, core=0.0, border=False)
        grabcut.name = f"{cls.name}-plain"
        return grabcut

    def encode(self, image: RGB) -> Encoded:
        """There is nothing to compute in advance."""
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """Answer each query with a map of 0 and 1. The mask so far is ignored.

        Raises:
            PromptError: a query has no prompt.
        """
        return [Prediction(self._cut(query.encoded.image, query.prompts)) for query in queries]

    def _cut(self, image: RGB, prompts: Sequence[Prompt]) -> Labels:
        size = (image.shape[0], image.shape[1])
        labels = seed_labels(prompts, FrameMap(Crop.whole(size), size), self._core)
        if self._reach > 0:
            self._guess_around_clicks(labels, prompts)
        if self._border:
            exclude_border(labels)
        positive = int(np.count_nonzero(labels % 2))
        if min(positive, labels.size - positive) >= FEWEST_SAMPLES:
            cv2.setRNGSeed(0)  # its k-means starts at random
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(image, labels, (0, 0, 0, 0), *models, self._iterations, cv2.GC_INIT_WITH_MASK)
        return labels % 2

    def _guess_around_clicks(self, labels: Labels, prompts: Sequence[Prompt]) -> None:
        guessed = labels.copy()
        for prompt in prompts:
            if isinstance(prompt, Click):
                center = round(prompt.x), round(prompt.y)
                value = cv2.GC_PR_FGD if prompt.positive else cv2.GC_PR_BGD
                cv2.circle(guessed, center, round(self._reach * min(labels.shape)), value, cv2.FILLED)
        open_ = labels >= cv2.GC_PR_BGD
        labels[open_] = guessed[open_]
