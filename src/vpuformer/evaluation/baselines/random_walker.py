"""scikit-image's random walker, seeded by prompts. Imports no torch."""

from collections.abc import Sequence

import cv2
import numpy as np

from vpuformer.arrays import RGB, FloatMap
from vpuformer.evaluation.baselines.seeds import Labels, exclude_border, seed_labels
from vpuformer.extras import require
from vpuformer.geometry import Crop, FrameMap
from vpuformer.images.scaling import scaled_down
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query


class RandomWalker:
    """scikit-image's random walker (Grady, PAMI 2006), on a reduced image.

    Its answer is the probability that a walker from a pixel meets an object seed before a background seed. What is only
    probable is open to it.

    Args:
        beta: how strongly differences of colour hold the walker back.
        longest_side: images are reduced to this many pixels, since the linear system has an unknown a pixel.
        core: how much of the width and height of a positive box is its middle.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """

    name = "random-walker"
    sha256 = ""

    def __init__(self, beta: float = 130.0, *, longest_side: int = 400, core: float = 0.75) -> None:
        require("evaluate", f"the baseline {self.name}")
        self._beta = beta
        self._longest_side = longest_side
        self._core = core

    def encode(self, image: RGB) -> "ReducedImage":
        """Reduce the image."""
        return ReducedImage(image, self._longest_side)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """Answer each query. The mask so far is ignored.

        Raises:
            PromptError: a query has no prompt.
            InputError: another segmenter has encoded the image of a query.
        """
        return [Prediction(self._answer(query, query.encoded_as(ReducedImage))) for query in queries]

    def _answer(self, query: Query, image: "ReducedImage") -> FloatMap:
        size = (image.small.shape[0], image.small.shape[1])
        labels = seed_labels(query.prompts, FrameMap(Crop.whole(image.size), size), self._core)
        exclude_border(labels)
        probability = self._walk(image.small, labels)
        height, width = image.size
        return np.asarray(cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    def _walk(self, image: RGB, labels: Labels) -> FloatMap:
        from skimage.segmentation import random_walker  # heavy, and needed by this baseline alone

        positive, negative = labels == cv2.GC_FGD, labels == cv2.GC_BGD
        # In an image of one colour the library's normalisation by the spread of colours divides by zero.
        decided = positive.any() and negative.any() and not (positive | negative).all() and image.std() > 0
        if not decided:
            return positive.astype(np.float32)
        markers = np.where(positive, 1, np.where(negative, 2, 0))
        # The solver stops at a tolerance, so values may leave 0..1 a little: no matter for a warning, they are clipped.
        walked = random_walker(
            image, markers, self._beta, "cg_j", return_full_prob=True, channel_axis=-1, prob_tol=np.inf
        )
        return np.clip(walked[0], 0, 1).astype(np.float32)


class ReducedImage(Encoded):
    """An image, and the reduced one that the walker walks on.

    Args:
        image: see `as_readonly_rgb`.
        longest_side: of the reduced image, in pixels.
    """

    def __init__(self, image: RGB, longest_side: int) -> None:
        super().__init__(image)
        self.small = scaled_down(self.image, longest_side)
