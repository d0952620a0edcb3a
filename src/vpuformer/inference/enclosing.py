"""When a box around the object makes the answer begin afresh.

Who clicks on an object, and sees a mask that takes too much, draws a box around the object. With the previous mask
before it, the network would keep much of what is too much. But a positive box can also mean a part that is missing, and
then the rest of the mask is right. Such a box is as wide and high as that part. So a box goes around the object if
everything that has been shown of the object lies in it, and no patch without mask is nearly as wide and high as the
box. The numbers were chosen on the validation split (`benchmarks/enclosing_box.py`).
"""

from math import ceil, sqrt

import cv2
import numpy as np

from vpuformer.arrays import BoolMask
from vpuformer.inference.parts import touched
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.prompts import Box, encloses

BEYOND = 0.05
"""Share of the mask from which on too much lies beyond a box around the object."""

MARGIN = 0.05
"""How far from the box, in its sides, beyond begins: nobody draws to the pixel."""

SPAN = 0.7
"""Width and height, in sides of the box, from which a patch without mask may be what the box is around."""

_CELLS = 1 << 18
"""Most pixels of the box that are looked at; of more, every n-th along both axes."""


def begins_afresh(query: Query) -> bool:
    """Whether the previous answer reaches far beyond a new box around the object.

    A mask from elsewhere stays: somebody has made it.

    >>> from vpuformer.geometry import Crop
    >>> from vpuformer.inference.protocol import Encoded
    >>> from vpuformer.prompts import Click
    >>> encoded = Encoded(np.zeros((20, 30, 3), np.uint8))
    >>> everything = Prediction.from_logits(np.ones((8, 8), np.float32), Crop.whole((20, 30)), (20, 30))
    >>> prompts = [Click(8, 9), Box(4.5, 4.5, 14.5, 14.5)]
    >>> begins_afresh(Query(encoded, prompts, everything)), begins_afresh(Query(encoded, prompts[1:], everything))
    (True, False)
    """
    box = _last_enclosing_box(query)
    if box is None or query.only_here or not isinstance(query.previous, Prediction):
        return False
    mask = query.previous.kept_mask
    if _may_be_a_missing_part(mask, box):
        return False
    x0, y0, x1, y1 = box.bounds
    across, down = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
    inside = mask[touched((x0 - across, y0 - down, x1 + across, y1 + down), query.encoded.size).slices]
    return bool(np.count_nonzero(inside) < (1 - BEYOND) * np.count_nonzero(mask))


def _last_enclosing_box(query: Query) -> Box | None:
    """The last new positive box that holds all positive prompts before it, of which there must be one."""
    new = query.new_prompts
    shown = [prompt.bounds for prompt in query.prompts[: len(query.prompts) - len(new)] if prompt.positive]
    for prompt in reversed(new):
        if isinstance(prompt, Box) and prompt.positive:
            return prompt if shown and all(encloses(prompt.bounds, bounds) for bounds in shown) else None
    return None


def _may_be_a_missing_part(mask: BoolMask, box: Box) -> bool:
    """Whether a patch of the box that is not in the mask is nearly as wide and high as the box."""
    part = touched(box.bounds, (mask.shape[0], mask.shape[1]))
    step = ceil(sqrt(part.width * part.height / _CELLS))
    missing = np.logical_not(mask[part.slices][::step, ::step])
    _, _, patches, _ = cv2.connectedComponentsWithStats(missing.view(np.uint8), connectivity=8)
    across = np.asarray(patches)[1:, cv2.CC_STAT_WIDTH] >= SPAN * missing.shape[1]
    down = np.asarray(patches)[1:, cv2.CC_STAT_HEIGHT] >= SPAN * missing.shape[0]
    return bool((across & down).any())
