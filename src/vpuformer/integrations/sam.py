"""Segment Anything's interface to any segmenter, and the converter of its prompts.

Imports no torch.

Points and boxes lie in one frame there as here: pixel centres at integers. A box is given by the pixels in its corners,
both included: SAM 2 is trained on boxes of this kind (`sample_box_points` in its code), SAM's mask generator returns
them, and both shift all corners, as all points, by half a pixel to the pixel's centre. The edges of our boxes lie half
a pixel outside. A box counted from the corner of the image (COCO: x, y, x + width, y + height) reaches one pixel
further to the right and down.
"""

import os
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size, as_array
from vpuformer.errors import ImageError, MaskError, PromptError, SessionError
from vpuformer.inference.prediction import Candidate, Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.inference.resample import stretch
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Box, Click, Prompt

LOW_RES = 256
"""Side of the square of SAM's low-resolution logits: the image with its longer side stretched to it, then padding."""

LARGEST_LOGIT = 12.0
"""Logits are clipped to this size, beyond which they are hardly distinct as float32 probabilities. Padding and pixels
outside the crop have its negative."""

_AT_THRESHOLD = np.float32(np.log(MASK_THRESHOLD / (1 - MASK_THRESHOLD)))


class SamPredictor:
    """A segmenter with the interface of `segment_anything.SamPredictor`.

    It differs in three ways: with `multimask_output` there are up to three masks, and not always three; scores are
    estimated from the probabilities (`expected_iou`, `Candidate.score`) and not learned; and a box and points may be
    given together in any number.

    >>> predictor = SamPredictor.from_pretrained(device="cpu")
    >>> predictor.set_image(np.zeros((30, 40, 3), np.uint8))
    >>> points, labels = np.array([[20, 15]]), np.array([1])
    >>> masks, scores, low_res_logits = predictor.predict(points, labels, multimask_output=False)
    >>> masks.shape, scores.shape, low_res_logits.shape
    ((1, 30, 40), (1,), (1, 256, 256))

    Args:
        segmenter: VPUFormer, or any other.
    """

    mask_threshold = 0.0
    """Logits above it are object."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._encoded: Encoded | None = None

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | os.PathLike[str] = "default", device: str | None = None, *, runtime: str | None = None
    ) -> "SamPredictor":
        """VPUFormer with these weights; see `VPUFormerSegmenter.from_pretrained`, also for errors."""
        return cls(VPUFormerSegmenter.from_pretrained(name_or_path, device, runtime=runtime))

    def set_image(self, image: npt.NDArray[np.uint8], image_format: Literal["RGB", "BGR"] = "RGB") -> None:
        """Encode an image, once for all prompts.

        Args:
            image: uint8, shape (H, W, 3).
            image_format: the order of its channels.

        Raises:
            ImageError: the image is not an image, or `image_format` is another word.
        """
        if image_format not in ("RGB", "BGR"):
            raise ImageError(f"image_format is RGB or BGR, got {image_format!r:.40}")
        self._encoded = self._segmenter.encode(image if image_format == "RGB" else image[..., ::-1])

    def reset_image(self) -> None:
        """Forget the image."""
        self._encoded = None

    def predict(
        self,
        point_coords: npt.ArrayLike | None = None,
        point_labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask_input: npt.ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[BoolMask | FloatMap, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Segment one object.

        Args:
            point_coords, point_labels, box: see `prompts_from_arrays`.
            mask_input: the low-resolution logits of the last call, shape (1, 256, 256).
            multimask_output: return the candidates of a first prompt (`Prediction.candidates`), C = 1 to 3 masks, the
                one that the network prefers first; otherwise, and with `mask_input`, one mask.
            return_logits: return logits instead of masks.

        Returns:
            Masks, bool or, as logits, float32, shape (C, H, W); scores in 0..1, shape (C,); logits of low resolution,
            shape (C, 256, 256), one of which, as (1, 256, 256), is a `mask_input`.

        Raises:
            SessionError: there is no image yet.
            PromptError, MaskError: the prompts or the mask do not fit; see `Query`.
        """
        if self._encoded is None:
            raise SessionError("there is no image yet; call set_image(image) first")
        size = self._encoded.size
        mask = None if mask_input is None else from_low_res(mask_input, size)
        prompts = prompts_from_arrays(point_coords, point_labels, box)
        # Nobody says which prompts are new, and a box comes behind the points.
        new, candidates = len(prompts), multimask_output and mask is None
        query = Query(self._encoded, prompts, mask, new=new, candidates=candidates)
        (prediction,) = self._segmenter.segment([query])
        candidates = prediction.candidates or (Candidate(prediction.mask, expected_iou(prediction)),)
        masks = np.stack([candidate.mask for candidate in candidates])
        scores = np.array([candidate.score for candidate in candidates], np.float32)
        logits = _logits(prediction.probability)
        logits = np.where(masks == (logits > 0), logits, np.where(masks, LARGEST_LOGIT, np.float32(-LARGEST_LOGIT)))
        return logits if return_logits else masks, scores, np.stack([to_low_res(each) for each in logits])


def expected_iou(prediction: Prediction) -> float:
    """Estimate of the IoU, 0..1, if every probability is right: E[intersection] / E[union].

    >>> expected_iou(Prediction([[1, 1, 0, 0]])), round(expected_iou(Prediction([[0.8, 0, 0, 0.2]])), 3)
    (1.0, 0.667)
    """
    probability, mask = prediction.probability, prediction.mask
    inside = float(probability[mask].sum(dtype=np.float64))
    union = np.count_nonzero(mask) + float(probability.sum(dtype=np.float64)) - inside
    return float(inside / union) if union else 0.0


def to_low_res(logits: FloatMap) -> FloatMap:
    """Logits of an image, shape (H, W), in SAM's low-resolution square, shape (256, 256)."""
    height, width = _low_res_size((logits.shape[0], logits.shape[1]))
    square = np.full((LOW_RES, LOW_RES), -LARGEST_LOGIT, np.float32)
    square[:height, :width] = stretch(logits, (height, width))
    return square


def from_low_res(logits: npt.ArrayLike, size: Size) -> FloatMap:
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
    height, width = _low_res_size(size)
    clipped = np.clip(square[0, :height, :width], -LARGEST_LOGIT, LARGEST_LOGIT)
    return np.asarray(1 / (1 + np.exp(-(stretch(clipped, size) + _AT_THRESHOLD))), np.float32)


def _low_res_size(size: Size) -> Size:
    """(height, width) of the image in the square; rounded as SAM does."""
    scale = LOW_RES / max(size)
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def _logits(probability: FloatMap) -> FloatMap:
    """Logits that are above 0 where the mask is, as SAM's are."""
    least = np.float32(1e-9)
    logits = np.log(np.maximum(probability, least)) - np.log(np.maximum(1 - probability, least))
    return np.clip(logits - _AT_THRESHOLD, -LARGEST_LOGIT, LARGEST_LOGIT)


Corners = npt.NDArray[np.float64]
"""Shape (4,): x and y of the top left pixel of a box, then of the bottom right one."""


def to_corner_pixels(box: Box) -> Corners:
    """The pixels in the corners of a box; of a side within a pixel the centre, twice.

    >>> to_corner_pixels(Box(2.5, 4.5, 3.5, 8.5)).tolist()
    [3.0, 5.0, 3.0, 8.0]
    """
    middle = box.points.mean(axis=0)
    return np.concatenate([np.minimum(box.points[0] + 0.5, middle), np.maximum(box.points[1] - 0.5, middle)])


def from_corner_pixels(corners: Corners) -> Box:
    """The box around these pixels; inverse of `to_corner_pixels` for sides of a pixel or more.

    >>> from_corner_pixels(np.array([3.0, 5.0, 3.0, 8.0]))
    Box(x0=2.5, y0=4.5, x1=3.5, y1=8.5, positive=True)

    Raises:
        PromptError: a coordinate is not finite, or the second corner lies left of the first one or above it.
    """
    x0, y0, x1, y1 = corners.tolist()
    if x1 < x0 or y1 < y0:
        raise PromptError(
            f"box needs x0 <= x1 and y0 <= y1, got {corners.tolist()};"
            " give the top left pixel first, then the bottom right one"
        )
    return Box(x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5)


def prompts_from_arrays(
    point_coords: npt.ArrayLike | None = None,
    point_labels: npt.ArrayLike | None = None,
    box: npt.ArrayLike | None = None,
) -> tuple[Prompt, ...]:
    """Clicks and boxes from arrays as Segment Anything takes them.

    >>> prompts_from_arrays([[30, 20], [5, 5], [0, 0]], [1, 0, -1])
    (Click(x=30.0, y=20.0, positive=True), Click(x=5.0, y=5.0, positive=False))
    >>> prompts_from_arrays(box=[0, 0, 639, 479])
    (Box(x0=-0.5, y0=-0.5, x1=639.5, y1=479.5, positive=True),)

    Args:
        point_coords: shape (N, 2), x first, pixel centres at integers.
        point_labels: shape (N,): 1 in the object, 0 not in it, -1 no point at all (padding).
        box: shape (4,) or (N, 4): x0, y0, x1, y1, the pixels in its corners, both included.

    Raises:
        PromptError: an array has another shape or does not hold numbers, a label is another number, the corners of a
            box are in another order.
    """
    if (point_coords is None) != (point_labels is None):
        raise PromptError("point_coords and point_labels go together; give a label (1 or 0) for every point")
    prompts: list[Prompt] = []
    if point_coords is not None and point_labels is not None:
        points, labels = _numbers(point_coords, "point_coords"), _numbers(point_labels, "point_labels", kinds="biuf")
        if points.size == 0 and labels.size == 0:
            points, labels = points.reshape(0, 2), labels.reshape(0)
        if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
            raise PromptError(
                f"point_coords has the shape {points.shape} and point_labels {labels.shape}; wanted (N, 2) and (N,)"
            )
        if not np.isin(labels, (1, 0, -1)).all():
            raise PromptError(
                f"a point's label is 1 (in the object), 0 (not in it) or -1 (no point), got {labels.tolist()!s:.80};"
                " give the corners of a box as box=[x0, y0, x1, y1]"
            )
        given = zip(points.tolist(), labels.tolist(), strict=True)
        prompts += [Click(x, y, label == 1) for (x, y), label in given if label >= 0]
    if box is not None:
        boxes = _numbers(box, "box")
        if boxes.shape[-1:] != (4,) or boxes.ndim not in (1, 2):
            raise PromptError(f"box has the shape {boxes.shape}; wanted (4,) or (N, 4): x0, y0, x1, y1")
        prompts += [from_corner_pixels(corners) for corners in boxes.reshape(-1, 4)]
    return tuple(prompts)


def _numbers(values: Any, name: str, *, kinds: str = "iuf") -> npt.NDArray[np.float64]:
    """The values as float64; `kinds` are NumPy's kinds of types that are accepted."""
    try:
        array = as_array(values)
    except ValueError as error:
        raise PromptError(f"{name} is not an array of numbers: {values!r:.80}") from error
    if array.size and array.dtype.kind not in kinds:
        raise PromptError(f"{name} is an array of {array.dtype}: {values!r:.80}")
    return array.astype(np.float64)
