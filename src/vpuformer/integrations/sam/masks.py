"""Masks as Segment Anything returns them, with scores and low-resolution logits."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size, as_array
from vpuformer.errors import MaskError
from vpuformer.inference.prediction import Candidate, Prediction
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.inference.resample import stretch
from vpuformer.metrics import MASK_THRESHOLD

LOW_RES = 256
"""Side of the square of low-resolution logits."""

CANDIDATES = 3
"""Number of masks with `multimask_output`."""

LARGEST_LOGIT = 12.0
"""Logits are clipped to this size, beyond which they are hardly distinct as float32 probabilities. Padding and pixels
outside the crop have its negative."""

_AT_THRESHOLD = np.float32(np.log(MASK_THRESHOLD / (1 - MASK_THRESHOLD)))

Frame = Callable[[Size], Size]
"""Height and width of an image of some size in the square of low-resolution logits. The rest of it is padding."""


def longest_side(size: Size, side: int = LOW_RES) -> Size:
    """The size with its longer side stretched to `side`, as in SAM; rounded as SAM does.

    >>> longest_side((300, 400))
    (192, 256)
    """
    scale = side / max(size)
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def whole_square(_: Size) -> Size:
    """Both sides stretched to the square, as in SAM 2."""
    return LOW_RES, LOW_RES


class Masks(NamedTuple):
    """Answers for B objects, with C masks each."""

    masks: npt.NDArray[np.bool_] | npt.NDArray[np.float32]
    """Masks or, if asked for, logits, shape (B, C, H, W)."""
    scores: npt.NDArray[np.float32]
    """Estimates of the IoU in 0..1, shape (B, C)."""
    low_res: npt.NDArray[np.float32]
    """Logits, shape (B, C, 256, 256)."""


def answered(
    segmenter: Segmenter,
    queries: Sequence[Query],
    frame: Frame,
    *,
    return_logits: bool,
    tidy: Callable[[BoolMask], BoolMask] = lambda mask: mask,
) -> Masks:
    """Answer queries about one image, of at least one object.

    A query that asks for candidates gets exactly three masks: its candidates, then the first of them again. The others
    get one.

    Args:
        return_logits: return logits instead of masks.
        tidy: applied to each mask.
    """
    answers = [_answer(prediction, frame, return_logits, tidy) for prediction in segmenter.segment(queries)]
    many = [each[: CANDIDATES if query.candidates else 1] for query, each in zip(queries, answers, strict=True)]
    return Masks(*(np.stack([[mask[i] for mask in each] for each in many]) for i in range(3)))


def _answer(
    prediction: Prediction, frame: Frame, return_logits: bool, tidy: Callable[[BoolMask], BoolMask]
) -> list[tuple[npt.NDArray[Any], np.float32, FloatMap]]:
    """Three masks or logits, with scores and low-resolution logits."""
    candidates = prediction.candidates or (Candidate(prediction.mask, expected_iou(prediction)),)
    of_answer = _logits(prediction.probability)
    found = []
    for candidate in candidates:
        mask = tidy(candidate.mask)
        sure = np.where(mask, np.float32(LARGEST_LOGIT), np.float32(-LARGEST_LOGIT))
        logits = np.where(mask == (of_answer > 0), of_answer, sure)
        found.append((logits if return_logits else mask, np.float32(candidate.score), to_low_res(logits, frame)))
    return found + found[:1] * (CANDIDATES - len(found))


def expected_iou(prediction: Prediction) -> float:
    """Estimate of the IoU, 0..1, if every probability is right: E[intersection] / E[union].

    >>> expected_iou(Prediction([[1, 1, 0, 0]])), round(expected_iou(Prediction([[0.8, 0, 0, 0.2]])), 3)
    (1.0, 0.667)
    """
    probability, mask = prediction.probability, prediction.mask
    inside = float(probability[mask].sum(dtype=np.float64))
    union = np.count_nonzero(mask) + float(probability.sum(dtype=np.float64)) - inside
    return float(inside / union) if union else 0.0


def to_low_res(logits: FloatMap, frame: Frame = longest_side) -> FloatMap:
    """Logits of an image, shape (H, W), in the low-resolution square, shape (256, 256)."""
    height, width = frame((logits.shape[0], logits.shape[1]))
    square = np.full((LOW_RES, LOW_RES), -LARGEST_LOGIT, np.float32)
    square[:height, :width] = stretch(logits, (height, width))
    return square


def from_low_res(logits: npt.ArrayLike, size: Size, frame: Frame = longest_side) -> FloatMap:
    """Low-resolution logits, (1, 256, 256), as probabilities of an image of `size` (H, W).

    Raises:
        MaskError: the shape is another one, or a value is not a number.
    """
    try:
        square = np.asarray(as_array(logits), np.float32)
    except ValueError as error:
        raise MaskError(f"mask_input is not an array of logits: {error}") from error
    if square.shape != (1, LOW_RES, LOW_RES) or np.isnan(square).any():
        raise MaskError(
            f"mask_input has the shape {square.shape}; wanted the logits of the last call, (1, {LOW_RES}, {LOW_RES}),"
            " all of them numbers"
        )
    height, width = frame(size)
    clipped = np.clip(square[0, :height, :width], -LARGEST_LOGIT, LARGEST_LOGIT)
    return np.asarray(1 / (1 + np.exp(-(stretch(clipped, size) + _AT_THRESHOLD))), np.float32)


def _logits(probability: FloatMap) -> FloatMap:
    """Logits that are above 0 where the mask is, as SAM's are."""
    least = np.float32(1e-9)
    logits = np.log(np.maximum(probability, least)) - np.log(np.maximum(1 - probability, least))
    return np.clip(logits - _AT_THRESHOLD, -LARGEST_LOGIT, LARGEST_LOGIT)
