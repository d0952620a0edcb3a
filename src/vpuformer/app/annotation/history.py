"""What a list of steps means: which prompts count, what a step is made from, what a lasso encloses. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from vpuformer.app.schemas import PROMPTS
from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import PromptError
from vpuformer.prompts import Prompt, prompt_from_dict

Content = Mapping[str, Any]
"""A step as it is stored: the JSON of one of the protocol's steps; a mask to start from without its runs."""

STARTS = ("mask", "lasso", "clear")
"""The types of steps after which former prompts no longer count."""

_SUBPIXEL = 4
"""Bits of the fractions in which OpenCV takes coordinates."""


def active_prompts(contents: Sequence[Content]) -> list[int]:
    """The places of the prompts that count.

    >>> active_prompts([{"type": "click"}, {"type": "clear"}, {"type": "click"}, {"type": "box"}])
    [2, 3]
    >>> active_prompts([{"type": "click"}, {"type": "box"}, {"type": "remove", "step": 0}])
    [1]
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
    return tuple(prompt_from_dict(contents[place]) for place in active_prompts(contents))


def start(contents: Sequence[Content]) -> int | None:
    """The place of the mask from which the prompts that count set out; None if that is an empty one."""
    place = _begun_at(contents)
    return None if place is None or contents[place]["type"] == "clear" else place


def base_step(contents: Sequence[Content]) -> int | None:
    """The place of the step whose answer the last one is made from; None if that needs no other.

    >>> base_step([{"type": "click"}, {"type": "brush"}]), base_step([{"type": "click"}, {"type": "clear"}])
    (0, None)
    """
    kind = contents[-1]["type"]
    if kind in STARTS or len(contents) == 1:
        return None
    return start(contents) if kind == "remove" else len(contents) - 2


def brush_strokes(contents: Sequence[Content]) -> list[Content]:
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
    active = active_prompts(contents)
    if place not in active:
        raise PromptError(f"step {place} is not an active prompt; remove one of {active}")


def lasso_mask(path: Sequence[Sequence[float]], size: Size) -> BoolMask:
    """What a closed line encloses, shape `size`.

    >>> lasso_mask([(0, 0), (2, 0), (2, 2), (0, 2)], (4, 4)).sum()
    np.int64(9)

    Raises:
        PromptError: it encloses nothing of the image.
    """
    filled = np.zeros(size, np.uint8)
    points = np.rint(np.clip(np.asarray(path, np.float64), -2e5, 2e5) * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(filled, [points], 1, cv2.LINE_8, _SUBPIXEL)
    if not filled.any():
        raise PromptError("the lasso encloses no pixel of the image; draw it around the object")
    return filled > 0
