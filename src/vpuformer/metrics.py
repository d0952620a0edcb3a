"""Measures of masks and of the work they take: IoU, boundary IoU, NoC, NoI and NoF.

Everything here is a plain function of masks or of *curves*. A curve is the IoU after each interaction with one
object, `ious[0]` after the first; it may end early, and then stands still at its last value. All IoUs are fractions
in 0..1, all targets too (0.9, not 90).

A prediction is a bool array (H, W). A ground truth is an int8 array (H, W): 1 object, 0 background, `IGNORE` for pixels
that are not counted. The conventions are those of RITM (Sofiiuk et al., 2022), which the paper and the works that it
compares with follow, so that the numbers can be compared.
"""

import math
from collections.abc import Hashable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, Truth
from vpuformer.errors import MaskError

IGNORE = -1
"""The ignore label: value of ignored pixels in a ground truth."""

MASK_THRESHOLD = 0.49
"""Probability above which a pixel belongs to the object (RITM, SimpleClick and the authors)."""

MAX_CLICKS = 20
"""Interactions after which an object is given up (paper IV-B)."""

NOC_TARGETS = (0.80, 0.85, 0.90, 0.95)
FAILURE_TARGETS = (0.85, 0.90)


def iou(prediction: BoolMask, truth: Truth) -> float:
    """Intersection over union of two masks without the ignored pixels; 1.0 if both are empty.

    >>> iou(np.array([[True, True, True]]), np.array([[1, 0, IGNORE]], dtype=np.int8))
    0.5

    Args:
        prediction: bool, shape (H, W).
        truth: int8 (or bool), shape (H, W), of 1, 0 and `IGNORE`.

    Raises:
        MaskError: the shapes differ, the prediction is not bool, or the truth holds other values.
    """
    return Reference(truth).iou(prediction)


def boundary_iou(prediction: BoolMask, truth: Truth, dilation: float = 0.02) -> float:
    """IoU of the two inner boundary bands (Cheng et al., Boundary IoU, CVPR 2021, Eq. 2).

    The band of a mask is the mask without its erosion by a square; its width is `dilation` times the diagonal of the
    image, in whole pixels and at least one. The world outside the image is background, so an object that touches
    the edge of the image has a boundary there. In ignored pixels the prediction counts as
    correct, so that a truth framed by ignored pixels can be met; these pixels themselves are not counted.

    >>> truth = np.zeros((20, 20), dtype=np.int8)
    >>> truth[5:15, 5:15] = 1
    >>> boundary_iou(truth == 1, truth)
    1.0

    Args:
        prediction: bool, shape (H, W).
        truth: int8 (or bool), shape (H, W), of 1, 0 and `IGNORE`.
        dilation: width of the band as a fraction of the diagonal of the image, above 0.

    Raises:
        MaskError: as in `iou`.
        ValueError: `dilation` is not above 0.
    """
    return Reference(truth, dilation).boundary_iou(prediction)


class Reference:
    """A ground truth for many predictions. What depends on it alone is computed once.

    >>> truth = np.zeros((20, 20), dtype=np.int8)
    >>> truth[5:15, 5:15] = 1
    >>> Reference(truth).iou(truth == 1), Reference(truth).boundary_iou(truth == 0)
    (1.0, 0.0)

    Args:
        truth, dilation: as in `iou` and `boundary_iou`.

    Raises:
        MaskError: the truth holds other values.
        ValueError: `dilation` is not above 0.
    """

    def __init__(self, truth: Truth, dilation: float = 0.02) -> None:
        if not dilation > 0:
            raise ValueError(
                f"the width of the boundary is a fraction of the diagonal above 0, got dilation={dilation}"
            )
        check_truth(truth)
        self._truth = truth
        self._object = truth == 1
        ignored = truth == IGNORE
        self._ignored = ignored if ignored.any() else None
        self._pixels = max(1, round(dilation * math.hypot(*truth.shape)))
        self._band: BoolMask | None = None

    def iou(self, prediction: BoolMask) -> float:
        """See `vpuformer.metrics.iou`.

        Raises:
            MaskError: the prediction is not bool, or of another shape than the truth.
        """
        check_prediction(prediction, self._truth)
        return _ratio(prediction, self._object, self._ignored)

    def boundary_iou(self, prediction: BoolMask) -> float:
        """See `vpuformer.metrics.boundary_iou`.

        Raises:
            MaskError: as `iou`.
        """
        check_prediction(prediction, self._truth)
        return _ratio(_inner_band(prediction, self._pixels), self._truth_band(prediction), self._ignored)

    def changed_pixels(self, before: BoolMask, after: BoolMask) -> tuple[int, int]:
        """Numbers of broken and of mended pixels from one prediction to the next.

        A broken pixel was right before and is wrong after; a mended one the reverse. Ignored pixels do not count.

        >>> before, after = np.array([[True, True, False, False]]), np.array([[True, False, True, True]])
        >>> Reference(np.array([[1, 1, 1, -1]], dtype=np.int8)).changed_pixels(before, after)
        (1, 1)

        Raises:
            MaskError: as `iou`.
        """
        for prediction in (before, after):
            check_prediction(prediction, self._truth)
        changed = before != after
        if self._ignored is not None:
            changed &= ~self._ignored
        mended = int(np.count_nonzero(changed & (after == self._object)))
        return int(np.count_nonzero(changed)) - mended, mended

    def _truth_band(self, prediction: BoolMask) -> BoolMask:
        if self._band is not None:
            return self._band
        if self._ignored is not None:
            # Ignored pixels take the value of the prediction, so the truth differs for each.
            return _inner_band(np.where(self._ignored, prediction, self._object), self._pixels)
        self._band = _inner_band(self._object, self._pixels)
        return self._band


def noc(ious: Sequence[float], target: float, max_clicks: int = MAX_CLICKS) -> int:
    """Number of clicks until the IoU is at least `target`; `max_clicks` if it never is.

    Where more than clicks are allowed the paper calls the same number NoI, number of interactions (Table VII).

    >>> noc([0.70, 0.86, 0.84, 0.91], target=0.85)
    2
    >>> noc([0.70, 0.86, 0.84, 0.91], target=0.95)
    20
    """
    for clicks, value in enumerate(ious[:max_clicks], start=1):
        if value >= target:
            return clicks
    return max_clicks


def reached(ious: Sequence[float], target: float, max_clicks: int = MAX_CLICKS) -> bool:
    """Whether one of the first `max_clicks` interactions brings the IoU to `target`.

    Unlike `noc(...) < max_clicks`, which is how RITM counts failures, an object solved by the very last interaction
    is solved.
    """
    return any(value >= target for value in ious[:max_clicks])


def iou_at(ious: Sequence[float], k: int) -> float:
    """The IoU after `k` interactions, k from 1; a short curve keeps its last value.

    >>> iou_at([0.70, 0.86], 5)
    0.86

    Raises:
        ValueError: the curve is empty, or `k` is below 1.
    """
    if len(ious) == 0:
        raise ValueError("an empty curve has no IoU; give the IoU after at least one interaction")
    if k < 1:
        raise ValueError(f"interactions are counted from 1, got k={k}")
    return float(ious[min(k, len(ious)) - 1])


def curve_area(ious: Sequence[float], max_clicks: int = MAX_CLICKS) -> float:
    """Area under the curve of one object, 0..1: mean IoU after 1 to `max_clicks` interactions.

    That is the area under the curve drawn as steps of width one, divided by `max_clicks`: 1 for an object that is
    outlined perfectly by its first interaction. The state before the first one is not counted. The mean over objects
    is the area under the mIoU-NoC curve (paper Fig. 6) with the same normalisation; the paper itself gives no area.

    >>> curve_area([0.5, 0.75], max_clicks=4)
    0.6875

    Raises:
        ValueError: the curve is empty, or `max_clicks` is below 1.
    """
    if max_clicks < 1:
        raise ValueError(f"interactions are counted from 1, got max_clicks={max_clicks}")
    return float(np.mean([iou_at(ious, k) for k in range(1, max_clicks + 1)]))


def summarise(curves: Sequence[Sequence[float]], max_clicks: int = MAX_CLICKS) -> dict[str, float]:
    """The numbers of a paper's table, over all objects of a data set, one curve an object.

    * ``NoC@80`` .. ``NoC@95``: mean number of interactions to reach that IoU in percent;
    * ``NoF@85``, ``NoF@90``: how many objects never reach it;
    * ``>=20@85``, ``>=20@90``: how many objects have a NoC of 20, RITM's count of failures, which includes the objects
      solved by interaction 20;
    * ``IoU@1``, ``IoU@2`` .. ``IoU@20``: mean IoU after so many interactions, in 0..1: the mIoU-NoC curve;
    * ``AuC@20``: the area under that curve, in 0..1; see `curve_area`.

    With another `max_clicks` it takes the place of 20.

    >>> numbers = summarise([[0.70, 0.91], [0.96]])
    >>> numbers["NoC@90"], numbers["NoF@90"], numbers["IoU@1"]
    (1.5, 0.0, 0.83)

    Raises:
        ValueError: there is no curve, or one is empty.
    """
    if len(curves) == 0:
        raise ValueError("no curve to summarise; give the IoUs of at least one object")
    numbers: dict[str, float] = {}
    for target in NOC_TARGETS:
        numbers[f"NoC@{target * 100:.0f}"] = float(np.mean([noc(ious, target, max_clicks) for ious in curves]))
    for target in FAILURE_TARGETS:
        failures = sum(not reached(ious, target, max_clicks) for ious in curves)
        numbers[f"NoF@{target * 100:.0f}"] = float(failures)
    for target in FAILURE_TARGETS:
        at_limit = sum(noc(ious, target, max_clicks) == max_clicks for ious in curves)
        numbers[f">={max_clicks}@{target * 100:.0f}"] = float(at_limit)
    for k in range(1, max_clicks + 1):
        numbers[f"IoU@{k}"] = float(np.mean([iou_at(ious, k) for ious in curves]))
    numbers[f"AuC@{max_clicks}"] = float(np.mean([curve_area(ious, max_clicks) for ious in curves]))
    return numbers


def bootstrap_interval(
    values: Sequence[float] | npt.NDArray[np.floating | np.integer],
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 2000,
    *,
    images: Sequence[Hashable] | None = None,
) -> tuple[float, float]:
    """An interval that holds the mean with confidence `level`; see `bootstrap_intervals`.

    >>> bootstrap_interval([3.0, 3.0, 3.0], np.random.default_rng(0))
    (3.0, 3.0)

    Args:
        values: one number an object, for example its NoC or its IoU.

    Returns:
        The lower and the upper end, in the unit of `values`.
    """
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    low, high = bootstrap_intervals(column, rng, level, draws, images=images)[0].tolist()
    return low, high


def bootstrap_intervals(
    values: npt.NDArray[np.floating | np.integer],
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 2000,
    *,
    images: Sequence[Hashable] | None = None,
) -> npt.NDArray[np.float64]:
    """Percentile bootstrap interval of the mean of each column, with confidence `level`.

    All images are resampled with replacement, `draws` times, each with all its objects (cluster bootstrap; Davison and
    Hinkley, 1997, 3.8), since objects of one image are hard or easy together. The interval leaves out
    `(1 - level) / 2` of the resampled means at either end. All columns use the same samples. It covers other images of
    the same kind, not other training runs.

    >>> values = np.array([[1.0], [3.0], [3.0], [1.0]])
    >>> bootstrap_intervals(values, np.random.default_rng(0), images=["a", "a", "b", "b"]).tolist()
    [[2.0, 2.0]]

    Args:
        values: shape (objects, columns).
        rng: source of the samples.
        level: above 0, below 1.
        draws: number of resamplings, at least 1.
        images: the image of each object; by default each has its own.

    Returns:
        Shape (columns, 2): the lower and the upper ends, in the units of the columns.

    Raises:
        ValueError: there is no value, one is not finite, `level` or `draws` is out of range, or there are not as many
            `images` as objects.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0:
        raise ValueError("a bootstrap needs at least one value, got none")
    if not np.isfinite(numbers).all():
        raise ValueError("one of the values to bootstrap is not a finite number; leave such objects out")
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"a bootstrap needs 0 < level < 1 and draws >= 1, got level={level}, draws={draws}")
    names = range(len(numbers)) if images is None else images
    if len(names) != len(numbers):
        raise ValueError(f"a bootstrap needs the image of each of the {len(numbers)} objects, got {len(names)}")
    # In order of appearance, so that samples do not depend on how names sort.
    number_of = {name: i for i, name in enumerate(dict.fromkeys(names))}
    image = np.array([number_of[name] for name in names])
    count = len(number_of)
    objects = np.bincount(image, minlength=count).astype(np.float64)
    sums = np.zeros((count, numbers.shape[1]))
    np.add.at(sums, image, numbers)
    # In blocks: 2000 draws of the 2857 images of SBD at once would take 90 MB.
    block = max(1, 1_000_000 // count)
    means = np.concatenate(
        [_resampled_means(sums, objects, min(block, draws - i), rng) for i in range(0, draws, block)]
    )
    return np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0).T


def _resampled_means(
    sums: npt.NDArray[np.float64], objects: npt.NDArray[np.float64], draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Means over all objects of resampled images, shape (draws, columns)."""
    count = len(objects)
    drawn = rng.integers(count, size=(draws, count)) + count * np.arange(draws)[:, None]
    times = np.bincount(drawn.ravel(), minlength=draws * count).reshape(draws, count)
    return (times @ sums) / (times @ objects)[:, None]


def check_prediction(prediction: BoolMask, truth: Truth) -> None:
    """Check that an array is a prediction of the size of the truth.

    Raises:
        MaskError: the shapes differ, or the array is not bool.
    """
    if prediction.ndim != 2 or prediction.shape != truth.shape:
        raise MaskError(
            f"a prediction of shape {prediction.shape} cannot be compared with a truth of shape {truth.shape};"
            " both are (height, width) of the same image"
        )
    if prediction.dtype != np.bool_:
        raise MaskError(
            f"a prediction is an array of bool, got {prediction.dtype};"
            f" take the pixels with a probability above {MASK_THRESHOLD}"
        )


def check_truth(truth: Truth) -> None:
    """Check that an array is a ground truth.

    Raises:
        MaskError: it holds other values.
    """
    if truth.dtype == np.bool_ or truth.size == 0:
        return
    low, high = truth.min(), truth.max()
    if not np.issubdtype(truth.dtype, np.integer) or low < IGNORE or high > 1:
        raise MaskError(
            f"a truth is int8 with 1 for the object, 0 for the background and {IGNORE} for ignored pixels,"
            f" got {truth.dtype} from {low} to {high}"
        )


def _ratio(one: BoolMask, other: BoolMask, ignored: BoolMask | None) -> float:
    if ignored is not None:
        one, other = one & ~ignored, other & ~ignored
    shared = int(np.count_nonzero(one & other))
    union = int(np.count_nonzero(one)) + int(np.count_nonzero(other)) - shared
    return shared / union if union else 1.0


def _inner_band(mask: BoolMask, pixels: int) -> BoolMask:
    """The pixels of `mask` that an erosion by a square of side 2 * `pixels` + 1 takes away."""
    band = mask.copy()
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width:
        inside = band[y : y + height, x : x + width]
        square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
        # Outside of its bounds there is nothing of the mask, as there is outside of the image.
        eroded = cv2.erode(inside.view(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        inside &= eroded == 0
    return band
