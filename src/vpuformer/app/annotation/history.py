"""Pure functions on a history of steps: active prompts, base of a step, area of a lasso."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from vpuformer.app.schemas import PROMPTS
from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import PromptError
from vpuformer.prompts import Prompt, prompt_from_dict

Content = Mapping[str, Any]
"""A step as it is stored: the JSON of a step in `vpuformer.app.schemas`; a mask step without its mask."""

STARTS = ("mask", "lasso", "clear")
"""Types of steps that make earlier prompts inactive."""

_SUBPIXEL = 4
"""Fractional bits of the coordinates that OpenCV gets."""


def active_prompts(contents: Sequence[Content]) -> list[int]:
    """Return the indices of the prompts that are active: not removed or before a fresh start.

    >>> active_prompts([{"type": "click"}, {"type": "clear"}, {"type": "click"}, {"type": "box"}])
    [2, 3]
    >>> active_prompts([{"type": "click"}, {"type": "box"}, {"type": "remove", "step": 0}])
    [1]
    """
    active: list[int] = []
    for index, content in enumerate(contents):
        if content["type"] in PROMPTS:
            active.append(index)
        elif content["type"] in STARTS:
            active.clear()
        elif content["type"] == "remove" and content["step"] in active:
            active.remove(content["step"])
    return active


def prompts(contents: Sequence[Content]) -> tuple[Prompt, ...]:
    """Return the active prompts in their order.

    >>> prompts([{"type": "click", "point": [3, 4]}])
    (Click(x=3.0, y=4.0, positive=True),)
    """
    return tuple(prompt_from_dict(contents[index]) for index in active_prompts(contents))


def starting_mask(contents: Sequence[Content]) -> int | None:
    """Return the index of the mask or lasso that the active prompts start from, or None."""
    index = _last_start(contents)
    return None if index is None or contents[index]["type"] == "clear" else index


def base_step(contents: Sequence[Content]) -> int | None:
    """Return the index of the step whose answer the last step builds on, or None.

    >>> base_step([{"type": "click"}, {"type": "brush"}]), base_step([{"type": "click"}, {"type": "clear"}])
    (0, None)
    """
    kind = contents[-1]["type"]
    if kind in STARTS or len(contents) == 1:
        return None
    return starting_mask(contents) if kind == "remove" else len(contents) - 2


def brush_strokes(contents: Sequence[Content]) -> list[Content]:
    """Return the brush strokes since the last fresh start, in their order."""
    return [content for content in contents[_last_start(contents) or 0 :] if content["type"] == "brush"]


def _last_start(contents: Sequence[Content]) -> int | None:
    """Index of the last step that started again; None if there was no such step."""
    return next((index for index in reversed(range(len(contents))) if contents[index]["type"] in STARTS), None)


def check_removable(contents: Sequence[Content], index: int) -> None:
    """Check that a step can be removed.

    Raises:
        PromptError: the step is not an active prompt.
    """
    active = active_prompts(contents)
    if index not in active:
        raise PromptError(f"step {index} is not an active prompt; remove one of {active}")


def lasso_mask(path: Sequence[Sequence[float]], size: Size) -> BoolMask:
    """Return the area that a closed line encloses, shape `size`: height and width.

    >>> lasso_mask([(0, 0), (2, 0), (2, 2), (0, 2)], (4, 4)).sum()
    np.int64(9)

    Raises:
        PromptError: the line encloses no pixel of the image.
    """
    filled = np.zeros(size, np.uint8)
    points = np.rint(np.clip(np.asarray(path, np.float64), -2e5, 2e5) * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(filled, [points], 1, cv2.LINE_8, _SUBPIXEL)
    if not filled.any():
        raise PromptError("the lasso encloses no pixel of the image; draw it around the object")
    return filled > 0
