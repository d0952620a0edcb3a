"""When a box around the object makes the answer begin afresh.

Who clicks on an object, and sees a mask that takes too much, draws a box around the object. With the previous mask
before it, the network would keep much of what is too much. But a positive box can also mean a part that is missing, and
then the rest of the mask is right. Such a box is as wide and high as that part. So a box goes around the object if
everything that has been shown of the object lies in it, and no patch without mask is nearly as wide and high as the
box. A mask that somebody has made stays.

The numbers were chosen on the validation split (`benchmarks/enclosing_box.py`).
"""

from math import ceil, sqrt

import cv2
import numpy as np

from vpuformer.arrays import BoolMask
from vpuformer.inference.parts import touched
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Box, Extent, encloses

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

    >>> from vpuformer.geometry import Crop
    >>> from vpuformer.inference.protocol import Encoded
    >>> from vpuformer.prompts import Click
    >>> encoded = Encoded(np.zeros((20, 30, 3), np.uint8))
    >>> everything = Prediction.from_logits(np.ones((8, 8), np.float32), Crop.whole((20, 30)), (20, 30))
    >>> prompts = [Click(8, 9), Box(4.5, 4.5, 14.5, 14.5)]
    >>> begins_afresh(Query(encoded, prompts, everything)), begins_afresh(Query(encoded, prompts[1:], everything))
    (True, False)
    """
    box = _enclosing_box(query)
    if box is None or query.only_here or query.keep_mask:
        return False
    if isinstance(query.previous, Prediction):
        mask = query.previous.kept_mask
    elif query.previous is not None and ((query.previous > 0) & (query.previous < 1)).any():
        mask = query.previous > MASK_THRESHOLD
    else:  # zeros and ones alone: somebody's own
        return False
    if _may_be_a_missing_part(mask, box):
        return False
    inside = mask[touched(_widened(box), query.encoded.size).slices]
    return bool(np.count_nonzero(inside) < (1 - BEYOND) * np.count_nonzero(mask))


def _enclosing_box(query: Query) -> Box | None:
    """The last new positive box that holds all other positive prompts, if there are some before the new ones."""
    shown = [prompt for prompt in query.prompts if prompt.positive]
    if not any(prompt.positive for prompt in query.prompts[: len(query.prompts) - len(query.new_prompts)]):
        return None
    for box in reversed(query.new_prompts):
        if isinstance(box, Box) and box.positive and all(encloses(_widened(box), each.bounds) for each in shown):
            return box
    return None


def _widened(box: Box) -> Extent:
    x0, y0, x1, y1 = box.bounds
    across, down = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
    return x0 - across, y0 - down, x1 + across, y1 + down


def _may_be_a_missing_part(mask: BoolMask, box: Box) -> bool:
    """Whether a patch of the box that is not in the mask is nearly as wide and high as the box."""
    part = touched(box.bounds, (mask.shape[0], mask.shape[1]))
    step = ceil(sqrt(part.width * part.height / _CELLS))
    missing = np.logical_not(mask[part.slices][::step, ::step])
    _, _, patches, _ = cv2.connectedComponentsWithStats(missing.view(np.uint8), connectivity=8)
    across = np.asarray(patches)[1:, cv2.CC_STAT_WIDTH] >= SPAN * missing.shape[1]
    down = np.asarray(patches)[1:, cv2.CC_STAT_HEIGHT] >= SPAN * missing.shape[0]
    return bool((across & down).any())
