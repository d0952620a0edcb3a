"""Changes that a prompt makes plausible, and those that it does not.

Who corrects a mask marks its worst error, and in the middle. So what a prompt marks is about as thick as its distance
from the outline, and the other errors are not thicker. A change in a thicker patch is implausible, wherever it is. The
numbers were chosen on the validation split (`benchmarks/trust.py`).
"""

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.geometry import Crop
from vpuformer.inference.parts import elsewhere, expanded, within_of
from vpuformer.inference.pixels import distance_to_zero
from vpuformer.prompts import Prompt

THICKER = 1.25
"""Radius of the disks of changes that are implausible, in distances of the new prompt from the outline."""

OFF_CENTRE = 2.0
"""The same for a patch that the new prompt is in: people do not always mark the middle."""


def marked_thickness(changed: BoolMask, mask: BoolMask, new: Sequence[Prompt], around: Crop) -> float:
    """Largest radius of an error that the new prompts mark, in pixels.

    It is infinite without new prompts, and if one of them marks no error: it is on its side of the outline already, or
    it is a positive box that the object fills at least by half, which is drawn around the object and not an error.

    Args:
        changed: pixels in which the previous mask was another.
        mask: the network's answer.
        new: the new prompts.
        around: the rectangle around all changes; a radius of half its shorter side or more is not measured exactly.
    """
    size, most, thickest = (mask.shape[0], mask.shape[1]), ceil(min(around.size) / 2), 0.0
    for prompt in new:
        part = expanded([prompt.bounds], most + 1, Crop.whole(size))
        wrong = mask[part.slices] ^ changed[part.slices] ^ prompt.positive
        under = elsewhere([prompt], part, size) == 0
        radius = float(distance_to_zero(wrong.view(np.uint8))[under].max(initial=0))
        if prompt.kind == "box":
            x0, y0, x1, y1 = prompt.bounds
            radius = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
            if prompt.positive and np.count_nonzero(wrong & under) * 2 <= np.count_nonzero(under):
                return np.inf
        if radius <= 0:
            return np.inf
        thickest = max(thickest, min(radius, most))
    return thickest if new else np.inf


def implausible_changes(
    changed: BoolMask, mask: BoolMask, new: Sequence[Prompt], around: Crop, marked: float
) -> BoolMask | None:
    """Changes in patches that are thicker than what the new prompts mark, if there are any.

    Args:
        changed: pixels that are not as before.
        mask: the network's answer.
        new: the new prompts.
        around: the rectangle around all changes.
        marked: see `marked_thickness`.
    """
    size: Size = (mask.shape[0], mask.shape[1])
    radius = THICKER * marked + 1
    if radius >= min(around.size) / 2:
        return None
    implausible: BoolMask | None = None
    for sign in (np.logical_and, np.greater):
        change = sign(changed[around.slices], mask[around.slices])
        local = Crop.around(change)
        if local is None or min(local.size) / 2 <= radius:
            continue
        depth = distance_to_zero(np.pad(change[local.slices], 1).view(np.uint8))[1:-1, 1:-1]
        patches = _disks(depth, radius)
        if not patches.any():
            continue
        part = Crop(around.left + local.left, around.top + local.top, local.width, local.height)
        window = expanded([part.edges, *(prompt.bounds for prompt in new)], 1, Crop.whole(size))
        shown = elsewhere(new, window, size)[within_of(part, window)] == 0
        _, labels = cv2.connectedComponents(patches.view(np.uint8), connectivity=8)
        under = np.isin(labels, np.asarray(labels)[shown & patches])
        if implausible is None:
            implausible = np.zeros(size, bool)
        implausible[part.slices] |= np.where(under, _disks(depth, OFF_CENTRE * marked + 1), patches)
    return implausible


def _disks(depth: FloatMap, radius: float) -> BoolMask:
    """The pixels of all disks of a radius that fit into a change, by each pixel's distance from its outside."""
    core = depth > np.float32(radius)
    if not core.any():
        return core
    return (depth > 0) & (distance_to_zero((~core).view(np.uint8)) <= np.float32(radius))
