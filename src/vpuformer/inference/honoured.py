"""Prompts on the right side of the outline.

An object holds every pixel that a person has shown to belong to it. The network nearly always follows a prompt, but
nothing binds it. Where it does not follow, the probability is raised (or lowered) around the pixels in question, most
at them and smoothly less around them, so that the outline moves to where the network finds it likeliest.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.inference.pixels import Pixels, distance_from, logits_of, pixels_under
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt

RADIUS = 0.03
"""Standard deviation of the correction, in the geometric mean of the sides of the network's crop."""

MIN_RADIUS = 2.0
"""Least standard deviation of the correction, in pixels."""

_MARGIN = 0.5
"""Logit of a pixel on the right side, after the correction."""


class Shown(NamedTuple):
    """What a prompt shows."""

    pixels: Pixels
    positive: bool


def shown_pixels(
    prompts: Sequence[Prompt], size: Size, before: FloatMap | BoolMask | None = None, new: int = 0
) -> list[Shown]:
    """What each prompt shows, without what a later prompt of the other sign shows again.

    A mask agrees with the prompts that it answers, until somebody paints over one, or another object takes its place.
    Such a prompt is overruled there: it would draw back what was erased, and more around it.

    >>> from vpuformer.prompts import Click
    >>> shown = shown_pixels([Click(1, 0), Click(2, 0)], (1, 4), before=np.zeros((1, 4), bool), new=1)
    >>> [each.pixels[1].tolist() for each in shown]
    [[], [2]]

    Args:
        prompts: all of them, in image pixels and within the image, oldest first.
        size: height and width of the image.
        before: the previous mask or its probability, if there is one, shape `size`.
        new: the number of prompts, the last ones, that it does not answer yet.
    """
    shown: list[Shown] = []
    signs: dict[bool, list[npt.NDArray[np.intp]]] = {True: [], False: []}
    for number, prompt in enumerate(reversed(prompts)):
        rows, columns = pixels_under(prompt, size)
        if before is not None and number >= new:
            kept = (before[rows, columns] > MASK_THRESHOLD) == prompt.positive
            rows, columns = rows[kept], columns[kept]
        places = rows * size[1] + columns
        later = signs[not prompt.positive]
        if later:
            kept = ~np.isin(places, np.concatenate(later))
            rows, columns, places = rows[kept], columns[kept], places[kept]
        signs[prompt.positive].append(places)
        shown.append(Shown((rows, columns), prompt.positive))
    return shown[::-1]


def is_honoured(answer: FloatMap | BoolMask, shown: Sequence[Shown]) -> bool:
    """Whether `honoured` would leave an answer as it is: its probability, or its mask."""
    return all(((answer[pixels] > MASK_THRESHOLD) == positive).all() for pixels, positive in shown)


def put_right(mask: BoolMask, shown: Sequence[Shown]) -> None:
    """Set the pixels of a mask that clicks and scribbles show to their sign, in place."""
    for pixels, positive in shown:
        mask[pixels] = positive


class Honoured(NamedTuple):
    """An answer that agrees with its prompts."""

    probability: FloatMap
    """Shape (H, W), in 0..1."""
    corrected: int
    """Number of prompts that it disagreed with."""


def honoured(probability: FloatMap, shown: Sequence[Shown], extent: float) -> Honoured:
    """The answer, corrected around clicks and scribbles on the wrong side of its outline.

    Every pixel that a positive click or scribble shows then belongs to the object, and none that a negative one shows.
    Boxes demand no single pixel.

    >>> from vpuformer.prompts import Click
    >>> answer = honoured(np.full((9, 9), 0.3, np.float32), shown_pixels([Click(4, 4)], (9, 9)), extent=9)
    >>> answer.corrected, bool(answer.probability[4, 4] > 0.49), bool(answer.probability[0, 0] > 0.49)
    (1, True, False)

    Args:
        probability: shape (H, W), in 0..1.
        shown: what each prompt shows.
        extent: geometric mean of the sides of what the network looked at, in pixels.

    Returns:
        `probability` itself if all prompts are honoured.
    """
    wrong = [np.flatnonzero((probability[pixels] > MASK_THRESHOLD) != positive) for pixels, positive in shown]
    corrected = sum(len(each) > 0 for each in wrong)
    if not corrected:
        return Honoured(probability, 0)
    result = probability.copy()
    radius = max(MIN_RADIUS, RADIUS * extent)
    for (pixels, positive), each in zip(shown, wrong, strict=True):
        if len(each):
            others = [other for other, sign in shown if sign != positive]
            _moved(result, (pixels[0][each], pixels[1][each]), others, radius, positive=positive)
    for pixels, positive in shown:  # where prompts are so close together that one correction undid another
        left = (result[pixels] > MASK_THRESHOLD) != positive
        result[pixels[0][left], pixels[1][left]] = positive
    return Honoured(result, corrected)


def _moved(probability: FloatMap, pixels: Pixels, others: Sequence[Pixels], radius: float, *, positive: bool) -> None:
    """Move the logits around these pixels, in place, so that they lie on the right side.

    The correction is narrower where a prompt of the other sign is near.
    """
    rows, columns = pixels
    reach = int(np.ceil(3 * radius))
    top, left = max(int(rows.min()) - reach, 0), max(int(columns.min()) - reach, 0)
    window = probability[top : int(rows.max()) + reach + 1, left : int(columns.max()) + reach + 1]
    distance = distance_from((rows - top, columns - left), (window.shape[0], window.shape[1]))
    for other_rows, other_columns in others:
        inside = (
            (other_rows >= top)
            & (other_rows < top + window.shape[0])
            & (other_columns >= left)
            & (other_columns < left + window.shape[1])
        )
        if inside.any():
            nearest = float(distance[other_rows[inside] - top, other_columns[inside] - left].min())
            radius = min(radius, max(nearest / 2, 0.5))
    sign = 1 if positive else -1
    logits = logits_of(window) * sign
    offset = _MARGIN - float(logits[rows - top, columns - left].min())
    logits += offset * np.exp(-0.5 * np.square(distance / np.float32(radius)))
    window[:] = 1 / (1 + np.exp(-sign * logits))
