"""Prompts as the seeds of a classical method. Imports no torch.

The choices were tried on some twenty training objects in reduced images, which shows large effects, but not
small differences between good settings:

* pixels under clicks and strokes are certain, and stay as they were shown;
* a positive box shown first holds the whole object, so outside of it is certain background; a later one surrounds a
  missed part, and says nothing of outside. The inside is probably object, and the middle of it certainly: without that,
  GrabCut finds nothing at all in a small box, and a random walker does not set out;
* the inside of a negative box is certain background;
* so is the border of the image, where nothing speaks for the object: clicks show no background before the first
  mistake, and both methods need some.

The mask before is not used: to start GrabCut from it made no difference to the number of clicks.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import Points, Size
from vpuformer.errors import PromptError
from vpuformer.geometry import FrameMap
from vpuformer.prompts import Box, Click, Prompt, Scribble, fit_to_image

Labels = npt.NDArray[np.uint8]
"""Shape (H, W), of OpenCV's four: certain background 0, certain object 1, probable background 2, probable object 3."""

CLICK_RADIUS = 5
"""In image pixels: the size at which RITM and its successors draw clicks."""

STROKE_WIDTH = 5
"""In image pixels."""


def seed_labels(prompts: Sequence[Prompt], frame: FrameMap, core: float = 0.0) -> Labels:
    """Labels of each pixel of the target of `frame`; by default probable background.

    Boxes come first, whatever their order, then clicks and strokes, so that the finer statement wins; among equals the
    later one wins.

    >>> from vpuformer.geometry import Crop
    >>> frame = FrameMap(Crop.whole((1, 30)), (1, 30))
    >>> "".join(map(str, seed_labels([Box(-0.5, -0.5, 14.5, 0.5), Click(7, 0)], frame)[0].tolist()))
    '331111111111133000000000000000'

    Args:
        prompts: in image pixels; clipped to the image.
        frame: from the whole image to the target.
        core: how much of the width and height of a positive box is certainly object, 0..1.

    Raises:
        PromptError: there is no prompt, or one lies outside the image.
    """
    if not prompts:
        raise PromptError("nothing to go by: give at least one click, box or scribble")
    prompts = fit_to_image(prompts, frame.crop.size)
    labels = np.full(frame.size, cv2.GC_PR_BGD, dtype=np.uint8)
    for position, prompt in enumerate(prompts):
        if isinstance(prompt, Box):
            if prompt.positive and position == 0:
                labels[:] = cv2.GC_BGD
            labels[_inside(prompt, frame)] = cv2.GC_PR_FGD if prompt.positive else cv2.GC_BGD
            if prompt.positive and core > 0:
                labels[_inside(_middle(prompt, core), frame)] = cv2.GC_FGD
    scale = float(frame.scale.mean())
    for prompt in prompts:
        if not isinstance(prompt, Box):
            width = 2 * CLICK_RADIUS + 1 if isinstance(prompt, Click) else STROKE_WIDTH
            mapped = prompt.mapped(frame.to_target)
            pieces = mapped.pieces if isinstance(mapped, Scribble) else (mapped.points,)
            labels[_drawn(pieces, max(1, round(width * scale)), frame.size)] = (
                cv2.GC_FGD if prompt.positive else cv2.GC_BGD
            )
    return labels


def _drawn(paths: Sequence[Points], width: int, size: Size) -> npt.NDArray[np.bool_]:
    """The pixels under a round brush, `width` pixels wide, that is drawn along the paths."""
    # Not OpenCV's own thick lines: their width differs between its versions, and a path of one point has none.
    line = np.zeros(size, dtype=np.uint8)
    for path in paths:
        pixels = np.clip(np.rint(path), 0, (size[1] - 1, size[0] - 1)).astype(np.int32)
        cv2.polylines(line, [np.concatenate([pixels, pixels[-1:]])], isClosed=False, color=1)
    return cv2.dilate(line, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))) > 0


def _inside(box: Box, frame: FrameMap) -> tuple[slice, slice]:
    """Rows and columns of the target whose pixel centres lie in the box."""
    x0, y0, x1, y1 = box.mapped(frame.to_target).bounds
    return slice(max(0, math.ceil(y0)), math.floor(y1) + 1), slice(max(0, math.ceil(x0)), math.floor(x1) + 1)


def _middle(box: Box, share: float) -> Box:
    """The box around the same centre with this share of the width and height."""
    dx, dy = (1 - share) / 2 * (box.x1 - box.x0), (1 - share) / 2 * (box.y1 - box.y0)
    return Box(box.x0 + dx, box.y0 + dy, box.x1 - dx, box.y1 - dy)


def exclude_border(labels: Labels) -> None:
    """The outermost pixels are certain background where nothing speaks for the object."""
    border = np.ones(labels.shape, dtype=np.bool_)
    border[1:-1, 1:-1] = False
    labels[border & (labels == cv2.GC_PR_BGD)] = cv2.GC_BGD
