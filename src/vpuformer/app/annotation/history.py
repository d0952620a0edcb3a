"""Pure functions on a history of steps: active prompts, base of a step, area of a lasso."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from vpuformer.app.step_schemas import PROMPTS
from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import PromptError
from vpuformer.prompts import Prompt, prompt_from_dict

Content = Mapping[str, Any]
"""A step as it is stored: the JSON of a step in `vpuformer.app.step_schemas`; a mask step without its mask."""

STARTS = ("mask", "polygon", "lasso", "clear", "merge", "subtract", "split")
"""Types of steps that make earlier prompts inactive."""

_PLACES = ("point", "box", "path")
"""Fields that say where a prompt is, by the order of `PROMPTS`."""

_SUBPIXEL = 4
"""Fractional bits of the coordinates that OpenCV gets."""


def active_prompts(contents: Sequence[Content]) -> list[int]:
    """Return the indices of the prompts that are active: not removed or before a fresh start.

    >>> active_prompts([{"type": "click"}, {"type": "clear"}, {"type": "click"}, {"type": "box"}])
    [2, 3]
    >>> active_prompts([{"type": "click"}, {"type": "box"}, {"type": "remove", "step": 0}])
    [1]
    """
    return list(_placed(contents))


def _placed(contents: Sequence[Content]) -> dict[int, int]:
    """By the indices of the active prompts, the indices of the steps that placed or moved them last."""
    placed: dict[int, int] = {}
    for index, content in enumerate(contents):
        if content["type"] in PROMPTS:
            placed[index] = index
        elif content["type"] in STARTS:
            placed.clear()
        elif content["type"] == "remove":
            placed.pop(content["step"], None)
        elif content["type"] == "move" and content["step"] in placed:
            placed[content["step"]] = index
    return placed


def prompts(contents: Sequence[Content]) -> tuple[Prompt, ...]:
    """Return the active prompts in their order, each where it was moved to.

    >>> prompts([{"type": "click", "point": [3, 4]}, {"type": "move", "step": 0, "point": [5, 4]}])
    (Click(x=5.0, y=4.0, positive=True),)
    """
    return tuple(prompt_from_dict(moved(contents[index], contents[at])) for index, at in _placed(contents).items())


def moved(prompt: Content, move: Content) -> Content:
    """Return a prompt at the place that another step names."""
    return {**prompt, **{name: move[name] for name in _PLACES if name in move}}


def base_step(contents: Sequence[Content]) -> int | None:
    """Return the index of the step whose answer the last step builds on, or None.

    After a removal or a move this is the last answer that the prompt has not influenced, as it was; for a choice of a
    candidate the mask that the first active prompt started from.

    >>> base_step([{"type": "click"}, {"type": "brush"}]), base_step([{"type": "click"}, {"type": "clear"}])
    (0, None)
    >>> base_step([{"type": "click"}, {"type": "box"}, {"type": "remove", "step": 1}])
    0
    """
    earlier = range(len(contents) - 1)
    match contents[-1]["type"]:
        case kind if kind in STARTS:
            return None
        case "remove" | "move":
            known = set(_placed(contents).items())
        case "choose":
            known = set[tuple[int, int]]()
        case "tidy":
            skipped = ("tidy", "arrange")
            return next((index for index in reversed(earlier) if contents[index]["type"] not in skipped), None)
        case _:
            return earlier[-1] if earlier else None
    return next((index for index in reversed(earlier) if _placed(contents[: index + 1]).items() <= known), None)


def brush_strokes(contents: Sequence[Content]) -> list[Content]:
    """Return the brush strokes since the last fresh start, in their order."""
    strokes: list[Content] = []
    for content in contents:
        if content["type"] == "brush":
            strokes.append(content)
        elif content["type"] in STARTS:
            strokes.clear()
    return strokes


def is_given(contents: Sequence[Content]) -> bool:
    """Return whether the mask goes back to one that somebody has made, or has painted on.

    >>> is_given([{"type": "polygon"}, {"type": "click"}]), is_given([{"type": "clear"}, {"type": "click"}])
    (True, False)
    """
    return _start(contents) != "clear" or bool(brush_strokes(contents))


def is_made(contents: Sequence[Content]) -> bool:
    """Return whether somebody has made all of the mask that the prompts correct.

    The network refines a lasso, so that its mask does not count.

    >>> is_made([{"type": "polygon"}, {"type": "click"}]), is_made([{"type": "lasso"}, {"type": "click"}])
    (True, False)
    """
    return _start(contents) not in ("clear", "lasso")


def _start(contents: Sequence[Content]) -> str:
    return next((content["type"] for content in reversed(contents) if content["type"] in STARTS), "clear")


def choice(contents: Sequence[Content]) -> Content | None:
    """Return the choose step that the mask is from, if only strokes, tidying and moves follow."""
    for content in reversed(contents):
        if content["type"] not in ("brush", "tidy", "arrange"):
            return content if content["type"] == "choose" else None
    return None


def outlines(contents: Sequence[Content]) -> Sequence[Sequence[Sequence[float]]] | None:
    """Return the outlines of the polygon step that the mask is from, or None.

    Only moves to front or back may follow it.
    """
    last = next((content for content in reversed(contents) if content["type"] != "arrange"), None)
    return last["outlines"] if last and last["type"] == "polygon" and not last.get("keep_off") else None


def check_step(contents: Sequence[Content], step: Content) -> None:
    """Check that a step may follow these.

    Raises:
        PromptError: it removes or moves something else than an active prompt, moves a prompt as another kind, chooses
            without a prompt, or tidies nothing.
    """
    active = active_prompts(contents)
    match step["type"]:
        case "remove" if step["step"] not in active:
            raise PromptError(f"step {step['step']} is not an active prompt; remove one of {active}")
        case "move" if step["step"] not in active:
            raise PromptError(f"step {step['step']} is not an active prompt; move one of {active}")
        case "move":
            kind = contents[step["step"]]["type"]
            wanted = dict(zip(PROMPTS, _PLACES, strict=True))[kind]
            if [name for name in _PLACES if step.get(name) is not None] != [wanted]:
                raise PromptError(f"a {kind} is moved by its {wanted} alone; give `{wanted}`, and leave out the others")
        case "choose" if not active:
            raise PromptError("there is no active prompt, so no candidates; give a click, a box or a scribble first")
        case "tidy" if base_step([*contents, step]) is None:
            raise PromptError("there is no mask to tidy yet; give a click, a box or a scribble first")
        case _:
            pass


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
