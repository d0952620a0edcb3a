"""What a list of steps means: which prompts count, and what a brush or a lasso does to a mask. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.app.protocol import PROMPTS
from vpuformer.errors import PromptError
from vpuformer.geometry import Size
from vpuformer.prompts import Prompt, prompt_from_dict

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Content = Mapping[str, Any]
"""A step as it is stored: the JSON of one of the protocol's steps; a mask to start from without its runs."""

STARTS = ("mask", "lasso", "clear")
"""The types of steps after which former prompts no longer count."""

_SUBPIXEL = 4
"""Bits of the fractions in which OpenCV takes coordinates."""


def live(contents: Sequence[Content]) -> list[int]:
    """The places of the prompts that count.

    >>> live([{"type": "click"}, {"type": "clear"}, {"type": "click"}, {"type": "box"}, {"type": "remove", "step": 2}])
    [3]
    """
    found: list[int] = []
    for place, content in enumerate(contents):
        if content["type"] in PROMPTS:
            found.append(place)
        elif content["type"] in STARTS:
            found.clear()
        elif content["type"] == "remove" and content["step"] in found:
            found.remove(content["step"])
    return found


def prompts(contents: Sequence[Content]) -> tuple[Prompt, ...]:
    """The prompts that count, in their order.

    >>> prompts([{"type": "click", "point": [3, 4]}])
    (Click(x=3.0, y=4.0, positive=True),)
    """
    return tuple(prompt_from_dict(contents[place]) for place in live(contents))


def start(contents: Sequence[Content]) -> int | None:
    """The place of the mask from which the prompts that count set out; None if that is an empty one."""
    place = _begun_at(contents)
    return None if place is None or contents[place]["type"] == "clear" else place


def foundation(contents: Sequence[Content]) -> int | None:
    """The place of the step whose answer the last one is made from; None if that needs no other.

    >>> foundation([{"type": "click"}, {"type": "brush"}]), foundation([{"type": "click"}, {"type": "clear"}])
    (0, None)
    """
    kind = contents[-1]["type"]
    if kind in STARTS or len(contents) == 1:
        return None
    return start(contents) if kind == "remove" else len(contents) - 2


def strokes(contents: Sequence[Content]) -> list[Content]:
    """The strokes of the brush since the mask from which the prompts that count set out, in their order."""
    place = _begun_at(contents)
    return [content for content in contents[0 if place is None else place :] if content["type"] == "brush"]


def _begun_at(contents: Sequence[Content]) -> int | None:
    """The place of the last step at which all was begun anew; None if there is none."""
    return next((place for place in reversed(range(len(contents))) if contents[place]["type"] in STARTS), None)


def check_removable(contents: Sequence[Content], place: int) -> None:
    """
    Raises:
        PromptError: the step is none that counts.
    """
    if place not in live(contents):
        raise PromptError(f"step {place} is no prompt that counts at present; take away one of {live(contents)}")


def brushed(mask: Mask, path: Sequence[Sequence[float]], radius: float, *, positive: bool) -> Mask:
    """The mask with a round brush drawn along `path`: pixels within `radius` of it are painted, or erased.

    >>> brushed(np.zeros((3, 5), bool), [(1, 1), (3, 1)], 0.5, positive=True).astype(int).tolist()
    [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    drawn = mask.copy()
    points = _thinned(np.asarray(path, np.float64).reshape(-1, 2), radius / 8)
    for start, end in pairwise(points) if len(points) > 1 else [(points[0], points[0])]:
        _stamp(drawn, start, end, radius, positive)
    return drawn


def painted(mask: Mask, contents: Sequence[Content]) -> Mask:
    """The mask with these strokes drawn on it, one after the other."""
    for content in contents:
        mask = brushed(mask, content["path"], content["radius"], positive=content["positive"])
    return mask


def _thinned(points: Points, least: float) -> Points:
    """The line without points that are nearer than `least` to the one before: a hand draws hundreds a second."""
    kept = [points[0]]
    for point in points[1:]:
        if np.abs(point - kept[-1]).max() >= least:
            kept.append(point)
    return np.array([*kept, points[-1]])


def _stamp(mask: Mask, start: Points, end: Points, radius: float, positive: bool) -> None:
    """Set all pixels within `radius` of the segment from `start` to `end`, each of shape (2,), to `positive`."""
    height, width = mask.shape
    x0, y0 = np.maximum(np.ceil(np.minimum(start, end) - radius), 0).astype(int)
    x1, y1 = np.minimum(np.floor(np.maximum(start, end) + radius), (width - 1, height - 1)).astype(int) + 1
    if x0 >= x1 or y0 >= y1:
        return
    along = end - start
    x, y = np.arange(x0, x1) - start[0], np.arange(y0, y1)[:, None] - start[1]
    share = ((x * along[0] + y * along[1]) / max(float(along @ along), 1e-12)).clip(0, 1)
    near = (x - share * along[0]) ** 2 + (y - share * along[1]) ** 2 <= radius**2
    mask[y0:y1, x0:x1][near] = positive


def enclosed(path: Sequence[Sequence[float]], size: Size) -> Mask:
    """What a closed line encloses, shape `size`.

    >>> enclosed([(0, 0), (2, 0), (2, 2), (0, 2)], (4, 4)).sum()
    np.int64(9)

    Raises:
        PromptError: it encloses nothing of the picture.
    """
    filled = np.zeros(size, np.uint8)
    points = np.rint(np.clip(np.asarray(path, np.float64), -2e5, 2e5) * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(filled, [points], 1, cv2.LINE_8, _SUBPIXEL)
    if not filled.any():
        raise PromptError("the lasso encloses no pixel of the picture; draw it around the object")
    return filled > 0
