"""Prompts that people gave for an object, moved into a view of its image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vpuformer.arrays import BoolMask, Points
from vpuformer.data.augment import Affine, between_centres
from vpuformer.prompts import Box, Click, Prompt, Scribble, clip

_AGREED = 0.5
"""Least share of an object in its box, or of a stroke on its side."""


def prompts_in_view(prompts: Sequence[Prompt], view: Affine, mask: BoolMask) -> tuple[Prompt, ...]:
    """The prompts in the pixels of a view, without those that no longer fit.

    A prompt is left out if it lies outside the view, or if the object does not lie where it says: a mask may have been
    edited since, and a view may cut the object.

    >>> mask = np.zeros((4, 4), bool)
    >>> mask[2:] = True
    >>> doubled = np.array([[2.0, 0, 0], [0, 2, 0]])
    >>> prompts_in_view([Click(0, 1), Click(1, 0), Click(9, 9)], doubled, mask)
    (Click(x=0.5, y=2.5, positive=True),)

    Args:
        prompts: in pixels of the image.
        view: the map from the image to the view.
        mask: the object in the view, bool (S, S).
    """
    side = len(mask)
    edges = (-0.5, -0.5, side - 0.5, side - 0.5)
    moved = (clip(_moved(prompt, between_centres(view)), edges) for prompt in prompts)
    return tuple(prompt for prompt in moved if prompt is not None and _fits(prompt, mask))


def _moved(prompt: Prompt, view: Affine) -> Prompt:
    def transform(points: Points) -> Points:
        return points @ view[:, :2].T + view[:, 2]

    if not isinstance(prompt, Box):
        return prompt.mapped(transform)
    # A turned box is a box again, about its centre: the larger side along each axis.
    (x0, y0), (x1, y1) = prompt.points
    (x, y) = transform(prompt.points).mean(axis=0)
    half_x, half_y = (np.abs(view[:, :2]) * (x1 - x0, y1 - y0)).max(axis=1) / 2
    return replace(prompt, x0=x - half_x, y0=y - half_y, x1=x + half_x, y1=y + half_y)


def _fits(prompt: Prompt, mask: BoolMask) -> bool:
    """Whether the object lies where a prompt says."""
    match prompt:
        case Click() | Scribble():
            columns, rows = np.rint(prompt.points).astype(int).clip(0, len(mask) - 1).T
            return bool((mask[rows, columns] == prompt.positive).mean() >= _AGREED)
        case Box():
            (left, top), (right, bottom) = np.ceil(prompt.points).clip(0).astype(int)
            inside = mask[top:bottom, left:right]
            if prompt.positive:
                return bool(inside.any() and inside.sum() >= _AGREED * mask.sum())
            return not inside.size or bool(inside.mean() <= 1 - _AGREED)
