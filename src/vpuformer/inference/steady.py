"""Corrections that stay near their prompts.

A person who corrects one place expects the rest to stay as it is. The network sees the previous mask, but nothing
binds it to that mask: much of what it changes far from the new prompt was right. So the answer is merged with the
previous one: near the new prompts everything may change, far from them only what the network is surer of than before.
The numbers were chosen on the validation split (`benchmarks/trust.py`).
"""

from collections.abc import Sequence
from math import ceil, floor, sqrt

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.geometry import Crop
from vpuformer.inference.pixels import distance_to_zero, pixels_under
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt

REACH = 1.5
"""Distance from the new prompts up to which a change is near, in radii of the change that they bring about."""

SURER = 0.05
"""How much surer of a far pixel the network must be than before, as a difference of probabilities."""

SURER_AGAINST = 0.1
"""The same where the change has a sign that no new prompt has: a positive click that takes away."""

_LEAST_CHANGE = 25
"""Pixels that a change has at least when its radius is measured."""

_TOUCHING = 1.5
"""Distance in pixels up to which a change touches a prompt."""


def steady(
    probability: FloatMap,
    before: FloatMap,
    new: Sequence[Prompt],
    *,
    looked_at: Crop | None = None,
    only_here: bool = False,
) -> FloatMap:
    """The answer, with the previous probability wherever the mask must not change.

    Near is what lies within `REACH` radii of a new prompt *and* in a connected change that touches it and has its sign.
    The radius is that of the change: as many pixels lie within it of the prompts as change there. So a click that adds
    a leg may change as much as a leg around it, and a box may change what it encloses.

    >>> from vpuformer.prompts import Click
    >>> before, answer = np.zeros((9, 40), np.float32), np.zeros((9, 40), np.float32)
    >>> before[3:6, 30:33], answer[3:6, 3:6], answer[3:6, 30:33] = 0.8, 0.7, 0.4
    >>> (steady(answer, before, [Click(4, 4)]) > 0.5)[4, [4, 31]]
    array([ True,  True])

    Args:
        probability: the network's answer, shape (H, W), in 0..1.
        before: the previous answer, or a mask as 0 and 1, shape (H, W).
        new: the prompts that `before` does not answer yet, within the image.
        looked_at: the crop of the previous answer, which says nothing about pixels outside it; by default the image.
        only_here: change nothing that is far, however sure the network is.

    Returns:
        `probability` itself if nothing of it is refused.
    """
    changed = (probability > MASK_THRESHOLD) != (before > MASK_THRESHOLD)
    around = Crop.around(changed)
    if around is None:
        return probability
    window = _window(around, changed, new)
    answer, previous, changed = probability[window.slices], before[window.slices], changed[window.slices]
    mask = answer > MASK_THRESHOLD
    gain = np.abs(answer - 0.5) - _sureness(previous, window, looked_at)
    accepted = np.zeros(window.size, np.bool_)
    for positive in (True, False):
        change = changed & (mask == positive)
        prompts = [prompt for prompt in new if prompt.positive == positive]
        if prompts:
            accepted |= _near(change, _distance(prompts, window, (probability.shape[0], probability.shape[1])))
        if not only_here:
            accepted |= change & (gain > (SURER if prompts else SURER_AGAINST))
    refused = changed & ~accepted
    if not refused.any():
        return probability
    merged = probability.copy()
    np.copyto(merged[window.slices], previous, where=refused)
    return merged


def _sureness(previous: FloatMap, window: Crop, looked_at: Crop | None) -> FloatMap:
    """How sure the previous answer is of each pixel of the window, from 0 to 0.5; 0 where nobody has looked."""
    sureness = np.abs(previous - np.float32(0.5))
    if looked_at is not None:
        outside = np.ones(previous.shape, np.bool_)
        top, left = looked_at.top - window.top, looked_at.left - window.left
        rows = slice(max(top, 0), max(top + looked_at.height, 0))
        outside[rows, max(left, 0) : max(left + looked_at.width, 0)] = False
        sureness[outside & (previous == 0)] = 0
    return sureness


def _near(change: BoolMask, distance: FloatMap) -> BoolMask:
    """What of a change is near, given the distance of each pixel from the prompts."""
    count, components = cv2.connectedComponents(change.view(np.uint8), connectivity=8)
    labels = np.asarray(components, np.int32)
    touching = np.zeros(count, np.bool_)
    touching[labels[distance <= _TOUCHING]] = True
    touching[0] = False  # what does not change
    connected = touching[labels]
    pixels = min(max(int(np.count_nonzero(connected)), _LEAST_CHANGE), distance.size - 1)
    radius = np.partition(distance, pixels, axis=None)[pixels]
    return connected & (distance <= REACH * radius)


def _window(around: Crop, changed: BoolMask, new: Sequence[Prompt]) -> Crop:
    """The part of the image that holds change, prompts, and what lies in reach of them."""
    height, width = changed.shape
    extents = [around.edges, *(prompt.bounds for prompt in new)]
    left, top, right, bottom = zip(*extents, strict=True)
    margin = ceil(REACH * sqrt(np.count_nonzero(changed))) + 2
    x0, y0 = max(floor(min(left)) - margin, 0), max(floor(min(top)) - margin, 0)
    x1, y1 = min(ceil(max(right)) + margin, width), min(ceil(max(bottom)) + margin, height)
    return Crop(x0, y0, x1 - x0, y1 - y0)


def _distance(prompts: Sequence[Prompt], window: Crop, size: Size) -> FloatMap:
    """Distance of each pixel of the window from the prompts; 0 within a box."""
    elsewhere = np.ones(size, np.uint8)
    for prompt in prompts:
        if prompt.kind == "box":
            x0, y0, x1, y1 = prompt.bounds
            rows = slice(max(floor(y0 + 0.5), 0), max(ceil(y1 - 0.5), 0) + 1)
            elsewhere[rows, max(floor(x0 + 0.5), 0) : max(ceil(x1 - 0.5), 0) + 1] = 0
        else:
            elsewhere[pixels_under(prompt, size)] = 0
    return distance_to_zero(elsewhere[window.slices])
