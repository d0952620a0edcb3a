"""The simulated box: around what is missing, or around what is too much."""

import numpy as np

from vpuformer.geometry import CANONICAL
from vpuformer.metrics import BoolMask, Truth
from vpuformer.prompts import Box
from vpuformer.simulation.regions import worst_region

MAX_JITTER = 10
"""How far a side of a training box may lie outside the tight box, in pixels of a picture whose longer side is 448."""


def next_box(
    truth: Truth,
    prediction: BoolMask,
    *,
    rng: np.random.Generator | None = None,
    clicked: BoolMask | None = None,
) -> Box | None:
    """The box that corrects `prediction` where it is most deeply wrong; None when nothing is wrong.

    Without `rng`, the *deviation box*: the tight box of the 8-connected component of false negatives or false
    positives in which the next click would fall, positive around false negatives (the paper, IV-B and figure 9, takes
    "the max error regions" without more detail; this reading agrees with the clicks). With an empty prediction it
    is the box of the object.

    With `rng`, after the paper's authors: on the same side, the box of the largest component and of all others above
    a tenth of the side's area together, each edge moved outwards by 0 to 10 pixels (whole pixels of a picture whose
    longer side is 448) and clipped to the picture.

    Args:
        truth: int8 (H, W), 1 object, 0 background, -1 ignored.
        prediction: bool (H, W).
        rng: the generator of the training form.
        clicked: bool (H, W), pixels that do not count when the side and the component are chosen.

    >>> truth = np.zeros((6, 8), np.int8)
    >>> truth[1:4, 2:7] = 1
    >>> next_box(truth, truth == 1) is None
    True
    >>> prediction = truth == 1
    >>> prediction[2:, 3:5] = True
    >>> next_box(truth, prediction)
    Box(x0=2.5, y0=3.5, x1=4.5, y1=5.5, positive=False)

    Raises:
        MaskError: the arrays do not fit each other.
    """
    region = worst_region(truth, prediction, clicked, exact=rng is None)
    if region is None:
        return None
    if rng is None:
        return Box(*region.component_bounds(*region.deepest), positive=region.positive)
    height, width = truth.shape
    left, top, right, bottom = rng.integers(0, MAX_JITTER, size=4, endpoint=True) * (max(height, width) / CANONICAL)
    x0, y0, x1, y1 = region.merged_bounds()
    return Box(
        float(max(x0 - left, -0.5)),
        float(max(y0 - top, -0.5)),
        float(min(x1 + right, width - 0.5)),
        float(min(y1 + bottom, height - 0.5)),
        positive=region.positive,
    )
