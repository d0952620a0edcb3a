"""Classical methods behind the same `Segmenter` interface: the floor that a learned method has to leave behind.

Both are library implementations; what stands here is how prompts become their seeds. The choices were tried on some
twenty training objects in reduced pictures, which tells large effects from none but not one good setting from the next:

* pixels under clicks and strokes are certain, and stay as they were shown;
* a positive box shown first holds the whole object, so outside of it is certain background; a later one surrounds a
  missed part, and says nothing of outside. The inside is probably object, and the middle of it certainly: without that,
  GrabCut finds nothing at all in a small box, and a random walker does not set out;
* the inside of a negative box is certain background;
* so is the border of the picture, where nothing speaks for the object: clicks show no background before the first
  mistake, and both methods need some.

The mask before is not used: to start GrabCut from it made no difference to the number of clicks.

No torch is needed.
"""

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.errors import SessionError
from vpuformer.evaluation.protocol import Picture, Probability, Segmenter
from vpuformer.geometry import Crop, FrameMap, Size
from vpuformer.prompts import Box, Click, Points, Prompt

Labels = npt.NDArray[np.uint8]
"""Shape (H, W), of OpenCV's four: certain background 0, certain object 1, probable background 2, probable object 3."""

CLICK_RADIUS = 5
"""In picture pixels: the size at which RITM and its successors draw clicks."""

STROKE_WIDTH = 5
"""In picture pixels."""

FEWEST_SAMPLES = 5
"""GrabCut fits five Gaussians to each side, and needs at least a pixel for each of them."""


class GrabCut:
    """OpenCV's GrabCut (Rother, Kolmogorov, Blake, SIGGRAPH 2004).

    It is made to start from a rectangle around the object. A click shows no such thing, and with a mere speck of object
    the answer is hardly more; so a wide disk around each click starts as probably object, or probably background.

    Args:
        iterations: rounds of fitting colours and cutting, a prompt.
        reach: radius of the wide disk, in shorter sides of the picture; 0 for none.
        core: how much of the width and height of a positive box is its middle.
        border: whether the border of the picture is certain background.
    """

    name = "opencv-grabcut"

    def __init__(self, iterations: int = 5, *, reach: float = 0.2, core: float = 0.25, border: bool = True) -> None:
        self._iterations = iterations
        self._reach = reach
        self._core = core
        self._border = border
        self._image: Picture | None = None

    @classmethod
    def plain(cls) -> "GrabCut":
        """Seeded by the prompts alone: their pixels are certain, a box is probably object, the rest probably not."""
        grabcut = cls(reach=0.0, core=0.0, border=False)
        grabcut.name = f"{cls.name}-plain"
        return grabcut

    def set_image(self, image: Picture) -> None:
        """Start a picture, uint8 (H, W, 3)."""
        self._image = np.ascontiguousarray(image)

    def predict(self, prompts: Sequence[Prompt], previous: Probability | None) -> Probability:  # noqa: ARG002
        """A map of 0 and 1, float32 (H, W)."""
        image = _required(self._image, self.name)
        size = (image.shape[0], image.shape[1])
        labels = seed_labels(prompts, FrameMap(Crop.whole(size), size), self._core)
        if self._reach > 0:
            self._guess_around_clicks(labels, prompts)
        if self._border:
            _exclude_border(labels)
        positive = int(np.count_nonzero(labels % 2))
        if min(positive, labels.size - positive) >= FEWEST_SAMPLES:
            cv2.setRNGSeed(0)  # its k-means starts at random
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(image, labels, (0, 0, 0, 0), *models, self._iterations, cv2.GC_INIT_WITH_MASK)
        return (labels % 2).astype(np.float32)

    def _guess_around_clicks(self, labels: Labels, prompts: Sequence[Prompt]) -> None:
        guessed = labels.copy()
        for prompt in prompts:
            if isinstance(prompt, Click):
                center = round(prompt.x), round(prompt.y)
                value = cv2.GC_PR_FGD if prompt.positive else cv2.GC_PR_BGD
                cv2.circle(guessed, center, round(self._reach * min(labels.shape)), value, cv2.FILLED)
        open_ = labels >= cv2.GC_PR_BGD
        labels[open_] = guessed[open_]


class RandomWalker:
    """scikit-image's random walker (Grady, PAMI 2006), on a reduced picture.

    Its answer is the probability that a walker from a pixel meets an object seed before a background seed. What is only
    probable is open to it.

    Args:
        beta: how strongly differences of colour hold the walker back.
        longest_side: pictures are reduced to this many pixels, since the linear system has an unknown a pixel.
        core: how much of the width and height of a positive box is its middle.
    """

    name = "random-walker"

    def __init__(self, beta: float = 130.0, *, longest_side: int = 400, core: float = 0.75) -> None:
        self._beta = beta
        self._longest_side = longest_side
        self._core = core
        self._small: Picture | None = None
        self._size: Size = (0, 0)

    def set_image(self, image: Picture) -> None:
        """Start a picture, uint8 (H, W, 3)."""
        self._size = (image.shape[0], image.shape[1])
        factor = min(1.0, self._longest_side / max(self._size))
        height, width = (max(1, round(side * factor)) for side in self._size)
        self._small = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def predict(self, prompts: Sequence[Prompt], previous: Probability | None) -> Probability:  # noqa: ARG002
        """Probabilities, float32 (H, W)."""
        small = _required(self._small, self.name)
        size = (small.shape[0], small.shape[1])
        labels = seed_labels(prompts, FrameMap(Crop.whole(self._size), size), self._core)
        _exclude_border(labels)
        probability = self._walk(small, labels)
        height, width = self._size
        return np.asarray(cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    def _walk(self, image: Picture, labels: Labels) -> Probability:
        from skimage.segmentation import random_walker  # heavy, and needed by this peer alone

        positive, negative = labels == cv2.GC_FGD, labels == cv2.GC_BGD
        # In a picture of one colour the library's normalisation by the spread of colours divides by zero.
        decided = positive.any() and negative.any() and not (positive | negative).all() and image.std() > 0
        if not decided:
            return positive.astype(np.float32)
        markers = np.where(positive, 1, np.where(negative, 2, 0))
        # The solver stops at a tolerance, so values may leave 0..1 a little: no matter for a warning, they are clipped.
        walked = random_walker(
            image, markers, self._beta, "cg_j", return_full_prob=True, channel_axis=-1, prob_tol=np.inf
        )
        return np.clip(walked[0], 0, 1).astype(np.float32)


PEERS: dict[str, Callable[[], Segmenter]] = {
    GrabCut.name: GrabCut,
    f"{GrabCut.name}-plain": GrabCut.plain,
    RandomWalker.name: RandomWalker,
}


def seed_labels(prompts: Sequence[Prompt], frame: FrameMap, core: float = 0.0) -> Labels:
    """What the prompts say of each pixel of the target of `frame`; where they say nothing it is probable background.

    Boxes come first, whatever their order, then clicks and strokes, so that the finer statement wins; among equals the
    later one wins.

    >>> frame = FrameMap(Crop.whole((1, 30)), (1, 30))
    >>> "".join(map(str, seed_labels([Box(-0.5, -0.5, 14.5, 0.5), Click(7, 0)], frame)[0].tolist()))
    '331111111111133000000000000000'

    Args:
        prompts: in picture pixels.
        frame: from the picture to the target.
        core: how much of the width and height of a positive box is certainly object, 0..1.
    """
    labels = np.full(frame.size, cv2.GC_PR_BGD, dtype=np.uint8)
    for position, prompt in enumerate(prompts):
        if isinstance(prompt, Box):
            if prompt.positive and position == 0:
                labels[:] = cv2.GC_BGD
            labels[_inside(prompt, frame)] = cv2.GC_PR_FGD if prompt.positive else cv2.GC_BGD
            if prompt.positive and core > 0:
                labels[_inside(_middle(prompt, core), frame)] = cv2.GC_FGD
    scale = float(frame.scale.mean())
    for prompt in prompts:
        if not isinstance(prompt, Box):
            width = 2 * CLICK_RADIUS + 1 if isinstance(prompt, Click) else STROKE_WIDTH
            drawn = _drawn(prompt.mapped(frame.to_target).points, max(1, round(width * scale)), frame.size)
            labels[drawn] = cv2.GC_FGD if prompt.positive else cv2.GC_BGD
    return labels


def _drawn(path: Points, width: int, size: Size) -> npt.NDArray[np.bool_]:
    """The pixels under a round brush, `width` pixels wide, that is drawn along the path."""
    # Not OpenCV's own thick lines: their width differs between its versions, and a path of one point has none.
    pixels = np.clip(np.rint(path), 0, (size[1] - 1, size[0] - 1)).astype(np.int32)
    line = np.zeros(size, dtype=np.uint8)
    cv2.polylines(line, [np.concatenate([pixels, pixels[-1:]])], isClosed=False, color=1)
    return cv2.dilate(line, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))) > 0


def _inside(box: Box, frame: FrameMap) -> tuple[slice, slice]:
    """Rows and columns of the target whose pixel centres lie in the box."""
    x0, y0, x1, y1 = box.mapped(frame.to_target).bounds
    return slice(max(0, math.ceil(y0)), math.floor(y1) + 1), slice(max(0, math.ceil(x0)), math.floor(x1) + 1)


def _middle(box: Box, share: float) -> Box:
    """The box around the same centre with this share of the width and height."""
    dx, dy = (1 - share) / 2 * (box.x1 - box.x0), (1 - share) / 2 * (box.y1 - box.y0)
    return Box(box.x0 + dx, box.y0 + dy, box.x1 - dx, box.y1 - dy)


def _exclude_border(labels: Labels) -> None:
    """The outermost pixels are certain background where nothing speaks for the object."""
    border = np.ones(labels.shape, dtype=np.bool_)
    border[1:-1, 1:-1] = False
    labels[border & (labels == cv2.GC_PR_BGD)] = cv2.GC_BGD


def _required(image: Picture | None, name: str) -> Picture:
    if image is None:
        raise SessionError(f"{name} has no picture yet; call set_image first")
    return image
