"""Corrections that stay near their prompts.

A person who corrects one place expects the rest to stay as it is. The network sees the previous mask, but nothing
binds it to that mask: much of what it changes far from the new prompt was right. So the answer is merged with the
previous one: near the new prompts what is plausible may change (`plausible`), elsewhere only what the network is surer
of than before, and no more pixels than near them.

A pixel that keeps its previous probability yields a little, so that the network has its way if it insists at the next
prompts. The numbers were chosen on the validation split (`benchmarks/trust.py`).
"""

from collections.abc import Sequence
from math import ceil, sqrt

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size, row_strips
from vpuformer.geometry import Crop
from vpuformer.inference.parts import elsewhere, expanded, within_of
from vpuformer.inference.pixels import Pixels, distance_to_zero, pixels_of
from vpuformer.inference.plausible import implausible_changes, marked_thickness
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt

REACH = 1.5
"""Distance from the new prompts up to which a change is near, in radii of the change that they bring about."""

SURER = 0.08
"""How much surer of a far pixel the network must be than before, as a difference of probabilities."""

SURER_AGAINST = 0.12
"""The same where the change has a sign that no new prompt has: a positive click that takes away."""

SURER_IF_IMPLAUSIBLE = 0.3
"""How much surer still the network must be of an implausible change."""

SURENESS_BEYOND = 0.25
"""How sure the previous answer is of the object beyond its crop: it was kept there, and does not yield."""

YIELDS = 0.3
"""How far a pixel whose change is refused moves towards the network's answer, on its side of the threshold."""

_SIDE = np.float32(0.01)
"""Least distance from the threshold of a probability that has yielded."""

_LEAST_CHANGE = 25
"""Pixels that a change has at least when its radius is measured."""

Values = npt.NDArray[np.float32]
"""The probabilities of some pixels, shape (n,)."""


def refused_changes(
    probability: FloatMap,
    before: FloatMap,
    new: Sequence[Prompt],
    *,
    looked_at: Crop | None = None,
    seen: Crop | None = None,
    within: Crop | None = None,
    only_here: bool = False,
) -> BoolMask | None:
    """Pixels whose change is refused: they keep their previous probability.

    Near is what lies within `REACH` radii of a new prompt *and* in a connected change that touches it and has its sign,
    if the change is plausible. The radius is that of the change: as many pixels lie within it of the prompts as change
    there. So a click that adds a leg may change as much as a leg around it, and a box may change what it encloses.

    Elsewhere the pixels change of which the network is surer than before. If every new prompt marks an error, at most
    as many change as near the prompts: those of which the network is surest. Pixels that nobody has looked at before
    do not count.

    Beyond the crop of the last look counts the look before. A removal that crosses the border between them is then
    refused as a whole or not at all, or the mask would end there in a straight line.

    >>> from vpuformer.prompts import Click
    >>> before, answer = np.zeros((9, 40), np.float32), np.zeros((9, 40), np.float32)
    >>> before[3:6, 30:33], answer[3:6, 3:6], answer[3:6, 30:33] = 0.8, 0.7, 0.4
    >>> refused = refused_changes(answer, before, [Click(4, 4)])
    >>> int(refused[:, :30].sum()), int(refused[:, 30:].sum())
    (0, 9)

    Args:
        probability: the network's answer, shape (H, W), in 0..1.
        before: the previous answer, or a mask as 0 and 1, shape (H, W).
        new: the prompts that `before` does not answer yet, within the image.
        looked_at: the crop of the previous answer. Outside of it, 0 says nothing, and 1 that an earlier mask was kept.
            By default the image.
        seen: the crop of the last look; by default the image.
        within: a part of the image outside which both answers are known to show no object; by default the image.
        only_here: change nothing that is far, however sure the network is.

    Returns:
        Shape (H, W); None if no change is refused.
    """
    size: Size = (probability.shape[0], probability.shape[1])
    part = (within or Crop.whole(size)).slices
    mask, refused = np.zeros(size, bool), np.zeros(size, bool)
    np.greater(probability[part], MASK_THRESHOLD, out=mask[part])
    np.greater(before[part], MASK_THRESHOLD, out=refused[part])
    refused[part] ^= mask[part]
    around = Crop.around(refused)
    if around is None:
        return None
    changed = refused[around.slices]
    count = int(np.count_nonzero(changed))
    reach = ceil(REACH * sqrt(count)) + 2
    window = expanded([around.edges, *(prompt.bounds for prompt in new)], reach, Crop.whole(size))
    marked = marked_thickness(refused, mask, new, around)
    implausible = implausible_changes(refused, mask, new, around, marked)
    least, near_changes = {}, 0
    for positive in (True, False):
        prompts = [prompt for prompt in new if prompt.positive == positive]
        least[positive] = np.float32(np.inf if only_here else SURER if prompts else SURER_AGAINST)
        if prompts:
            sign = np.logical_and if positive else np.greater
            change = sign(refused[window.slices], mask[window.slices])
            part, near = _near(change, prompts, window, size)
            near_changes += int(np.count_nonzero(near))
            if implausible is not None:
                near &= ~implausible[part.slices]
            refused[part.slices] &= ~near
    inside = around if seen is None else seen.intersection(around)
    beyond = None if inside in (None, around) else changed & ~mask[around.slices]
    surer = []  # for each strip: by how much more than needed the network is surer of its far pixels
    for rows in row_strips(around.size):
        pixels = pixels_of(changed[rows])
        places = pixels[0] + rows.start + around.top, pixels[1] + around.left
        answer = probability[places]
        sureness = _sureness(before[places], places, size, looked_at)
        needed = np.where(answer > MASK_THRESHOLD, least[True], least[False])
        if implausible is not None:
            needed += SURER_IF_IMPLAUSIBLE * implausible[places]
        gain = np.abs(answer - 0.5) - sureness - needed
        first = (sureness == 0) & (gain > 0)  # where nobody had looked, no answer changes
        changed[rows][pixels] = ~first
        surer.append(gain[~first])
    bound = _exceeded_by(near_changes if marked < np.inf else count, np.concatenate(surer))
    for rows, values in zip(row_strips(around.size), surer, strict=True):
        changed[rows][pixels_of(changed[rows])] = values <= bound
    if beyond is not None and inside is not None:
        _decide_as_one(beyond, changed, within_of(inside, around))
    return refused if refused.any() else None


def yielding(before: FloatMap, answer: FloatMap, refused: BoolMask) -> FloatMap:
    """The previous probability, `YIELDS` of the way to the answer where a change is refused.

    It stays on its side of the threshold. Pixels that somebody has set, to 0 or 1, do not yield.

    >>> before, answer = np.array([[0.9, 1, 0.3]], np.float32), np.array([[0.1, 0.1, 0.9]], np.float32)
    >>> print(yielding(before, answer, np.array([[True, True, False]])).round(2))
    [[0.66 1.   0.3 ]]

    Args:
        before: the previous answer, shape (H, W).
        answer: the network's, of the same shape.
        refused: of the same shape; see `refused_changes`.
    """
    after = before.copy()
    pixels = pixels_of(refused)
    kept = before[pixels]
    moved = kept + np.float32(YIELDS) * (answer[pixels] - kept)
    threshold = np.float32(MASK_THRESHOLD)
    on_its_side = np.where(kept > threshold, np.maximum(moved, threshold + _SIDE), np.minimum(moved, threshold - _SIDE))
    after[pixels] = np.where((kept > 0) & (kept < 1), on_its_side, kept)
    return after


def _decide_as_one(removed: BoolMask, refused: BoolMask, seen: tuple[slice, slice]) -> None:
    """Refuse a connected removal that crosses the border of `seen` as a whole or not at all, as most of its pixels.

    Args:
        removed: pixels far from the new prompts that the network takes from the object.
        refused: changes that are refused, of the same shape; it is changed.
        seen: the pixels in the crop of the last look.
    """
    inner = np.zeros(removed.shape, bool)
    inner[seen] = True
    count, found = cv2.connectedComponents(removed.view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.intp)
    most = np.bincount(labels[refused], minlength=count) * 2 > np.bincount(labels[removed], minlength=count)
    crosses = np.zeros(count, bool)
    crosses[np.intersect1d(labels[inner], labels[~inner])] = True
    crosses[0] = False
    np.copyto(refused, most[labels], where=crosses[labels])


def _exceeded_by(most: int, values: Values) -> float:
    """The least number, at least 0, that no more than `most` of the values exceed."""
    if np.count_nonzero(values > 0) <= most:
        return 0
    return float(np.partition(values, -most - 1)[-most - 1])


def _sureness(previous: Values, pixels: Pixels, size: Size, looked_at: Crop | None) -> Values:
    """How sure the previous answer is of some pixels, from 0 to 0.5.

    It knows nothing of a pixel where nobody has looked. Of one that was kept beyond its crop it says 1, since it has
    logits in the crop alone.

    Args:
        previous: the answer, shape (n,).
        pixels: their rows and columns in an image of `size`.
        looked_at: see `refused_changes`.
    """
    sureness = np.abs(previous - np.float32(0.5))
    if looked_at is not None and looked_at != Crop.whole(size):
        rows, columns = pixels
        inside = (rows >= looked_at.top) & (rows < looked_at.top + looked_at.height)
        inside &= (columns >= looked_at.left) & (columns < looked_at.left + looked_at.width)
        sureness[~inside & (previous == 0)] = 0
        sureness[~inside & (previous == 1)] = SURENESS_BEYOND
    return sureness


def _near(change: BoolMask, prompts: Sequence[Prompt], window: Crop, size: Size) -> tuple[Crop, BoolMask]:
    """What of a change is near the prompts, in a part of the image that holds all of that.

    Args:
        change: shape of `window`; it is overwritten.
        prompts: at least one, within the window.
        window: the part of the image, of `size`, that holds the change and what lies in reach.
    """
    bounds = [prompt.bounds for prompt in prompts]
    part = expanded(bounds, 1, window)
    within, shown = within_of(part, window), elsewhere(prompts, part, size) == 0
    bare = shown & ~change[within]
    change[within] |= shown
    count, found = cv2.connectedComponents(change.view(np.uint8), connectivity=8)  # floodFill ends at 65,535 pixels
    labels = np.asarray(found, np.int32)
    touched = np.zeros(count, bool)
    touched[labels[within][shown]] = True
    for rows in row_strips(window.size):
        change[rows] = touched[labels[rows]]  # what is left is connected with a prompt
    change[within] &= ~bare
    del labels, found  # four bytes a pixel

    pixels = min(max(int(np.count_nonzero(change)), _LEAST_CHANGE), change.size - 1)
    margin = ceil(REACH * sqrt(pixels / 3)) + 2  # enough for a disk; at an edge of the image the radius is larger
    while True:
        part = expanded(bounds, margin, window)
        distance = distance_to_zero(elsewhere(prompts, part, size))
        radius = np.partition(distance, pixels, axis=None)[pixels] if pixels < distance.size else np.inf
        if REACH * radius < margin or part == window:
            return part, change[within_of(part, window)] & (distance <= REACH * radius)
        margin *= 2
