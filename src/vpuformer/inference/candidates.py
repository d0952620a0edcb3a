"""Candidates: the objects that a first prompt may mean, such as the shirt or the person.

The network answers with one mask. Shown the image in another way, it often finds another object: the part, in half of
the image around the prompts; the whole or a group, with all pixels as the previous mask that a first look holds
possible. `benchmarks/candidates.py` measures both on the validation split.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from vpuformer.inference.looks import Seen
from vpuformer.inference.prediction import Candidate, Prediction
from vpuformer.inference.zoom import View, ZoomRule, closer_crop, prompts_in_crop
from vpuformer.metrics import iou

POSSIBLE = 0.1
"""A pixel above this probability may belong to the object."""

DISTINCT = 0.95
"""Two masks with at least this intersection over union are the same candidate."""


def further_views(view: View, first: Prediction, rule: ZoomRule | None) -> list[tuple[View, ZoomRule | None]]:
    """The views for the part and for the whole, with the zoom rules for further looks.

    Args:
        view: the whole image, without a mask.
        first: the answer to it.
        rule: the zoom rule; None for the whole image alone, which leaves out the part.
    """
    prompts = view.all_prompts
    possible = Prediction((first.probability > POSSIBLE).astype(np.float32))
    whole = view._replace(mask=Seen(possible))
    if rule is None:
        return [(whole, None)]
    crop = closer_crop(view.encoded.size, prompts, rule)
    part = view._replace(crop=crop, prompts=prompts_in_crop(prompts, crop))
    return [(whole, None)] if crop == view.crop else [(part, rule), (whole, None)]


def distinct(answers: Sequence[Prediction]) -> tuple[Candidate, ...]:
    """The distinct masks of several answers to one query, with scores.

    The mask of the first answer stays first; the others follow by their score. A score estimates the IoU: it is the
    mean probability of the mask's pixels, times the square root of the mean IoU with the masks of the other answers.

    >>> person, shirt = Prediction([[0.9, 0.9, 0.9, 0.1]]), Prediction([[0.1, 0.8, 0.1, 0.1]])
    >>> [(int(each.mask.sum()), round(each.score, 2)) for each in distinct([person, shirt, person])]
    [(3, 0.73), (1, 0.46)]
    """
    masks = [answer.mask for answer in answers]
    for mask in masks:
        mask.setflags(write=False)
    overlaps = np.array([[iou(one, other.view(np.int8)) for other in masks] for one in masks])
    scores = [
        _mean(answer.probability[mask]) * sqrt(_mean(np.delete(row, i)) if len(row) > 1 else 1)
        for i, (answer, mask, row) in enumerate(zip(answers, masks, overlaps, strict=True))
    ]
    kept = [0]
    for i in sorted(range(1, len(masks)), key=lambda i: -scores[i]):
        if masks[i].any() and overlaps[i, kept].max() < DISTINCT:
            kept.append(i)
    return tuple(Candidate(masks[i], scores[i]) for i in kept)


def _mean(values: npt.NDArray[np.floating]) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else 0.0
