"""Prompts as arrays, the way Segment Anything takes them, to prompts as ours, and back.

Points and boxes lie in one frame there as here: pixel centres at integers. A box is given by the pixels in its corners,
both included: SAM 2 is trained on boxes of this kind (`sample_box_points` in its code), SAM's mask generator returns
them, and both shift all corners, as all points, by half a pixel to the pixel's centre. The edges of our boxes lie half
a pixel outside. A box counted from the corner of the image (COCO: x, y, x + width, y + height) reaches one pixel
further to the right and down.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import as_array
from vpuformer.errors import PromptError
from vpuformer.prompts import Box, Click, Prompt

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
