"""The simulated box: around what is missing, or around what is too much."""

from collections.abc import Sequence

import numpy as np

from vpuformer.arrays import BoolMask, Truth
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import Box, Click, Prompt
from vpuformer.simulation.clicks import click_in, clicked_pixels
from vpuformer.simulation.regions import ErrorRegion, largest_error

MAX_JITTER = 10
"""Largest distance of a training box from the tight box, in pixels of an image whose longer side is 448."""

SAME = 0.9
"""IoU with an earlier box of the same sign from which a box counts as the same: the network has not followed it."""


def next_box(
    truth: Truth,
    prediction: BoolMask,
    *,
    rng: np.random.Generator | None = None,
    earlier: Sequence[Prompt] = (),
) -> Box | Click | None:
    """The box that corrects `prediction` where it is most deeply wrong; None if all is right.

    Without `rng`, the *deviation box*: the tight box of the 8-connected component of false negatives or false
    positives in which the next click would fall, positive around false negatives (the paper, IV-B and figure 9, takes
    "the max error regions" without more detail; this reading agrees with the clicks). With an empty prediction it
    is the box of the object.

    With `rng`, after the paper's authors: on the same side, the box of the largest component and of all others above
    a tenth of the side's area together, each edge moved outwards by 0 to 10 pixels (whole pixels of an image whose
    longer side is 448) and clipped to the image.

    No box is given twice: where the network has not followed a box, and the next one would be the same (see `SAME`),
    the answer is the next click.

    Arguments and errors are those of `vpuformer.simulation`.

    >>> truth = np.zeros((6, 8), np.int8)
    >>> truth[1:4, 2:7] = 1
    >>> next_box(truth, truth == 1) is None
    True
    >>> prediction = truth == 1
    >>> prediction[2:, 3:5] = True
    >>> next_box(truth, prediction)
    Box(x0=2.5, y0=3.5, x1=4.5, y1=5.5, positive=False)
    >>> next_box(truth, prediction, earlier=[Box(2.5, 3.5, 4.5, 5.5, positive=False)])
    Click(x=3.0, y=4.0, positive=False)
    """
    region = largest_error(truth, prediction, clicked_pixels(earlier, truth.shape), exact=rng is None)
    if region is None:
        return None
    if rng is None:
        box = Box(*region.component_bounds(*region.deepest), positive=region.positive)
    else:
        box = _training_box(region, truth.shape, rng)
    return click_in(region, rng) if repeats(box, earlier) else box


def repeats(box: Box, earlier: Sequence[Prompt]) -> bool:
    """Whether a box is the same as an earlier one of its sign.

    >>> repeats(Box(0, 0, 20, 10), [Box(0, 0, 20.5, 10)]), repeats(Box(0, 0, 20, 10), [Box(0, 0, 20, 20)])
    (True, False)
    """
    return any(
        isinstance(other, Box) and other.positive == box.positive and _iou(box, other) >= SAME for other in earlier
    )


def _iou(one: Box, other: Box) -> float:
    a, b = one.points, other.points
    shared = (np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])).clip(0).prod()
    return float(shared / ((a[1] - a[0]).prod() + (b[1] - b[0]).prod() - shared))


def _training_box(region: ErrorRegion, size: tuple[int, ...], rng: np.random.Generator) -> Box:
    height, width = size
    left, top, right, bottom = rng.integers(0, MAX_JITTER, size=4, endpoint=True) * (max(height, width) / CANONICAL)
    x0, y0, x1, y1 = region.merged_bounds()
    return Box(
        float(max(x0 - left, -0.5)),
        float(max(y0 - top, -0.5)),
        float(min(x1 + right, width - 0.5)),
        float(min(y1 + bottom, height - 0.5)),
        positive=region.positive,
    )
