"""Clicks, boxes and scribbles for Segment Anything: labelled points, at most one box.

Its models know these two alone, so for the rest something has to be decided:

* A click is a point, 1 in the object and 0 not in it.
* Their one box holds the whole object. Here a positive box is that box if it holds every positive prompt that was given
  before it, as a first box does; of several the last one. Any other positive box surrounds a missed part: as the box it
  would shrink the answer to this part, so its centre becomes a point of the object.
* They know no negative box. Its centre becomes a point not in the object: one alone, since the box of what is too much
  may well hold parts of the object near its corners.
* A scribble becomes points along the stroke, all with its label.

Coordinates are those of `vpuformer.integrations.sam.arrays`.

Imports no torch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import Points, Size
from vpuformer.integrations.sam.arrays import Corners, to_corner_pixels
from vpuformer.prompts import Box, Prompt, Scribble, encloses

STROKE_SPACING = 40.0
"""Pixels of the image from one point of a stroke to the next, if not fewer points are enough."""

MOST_STROKE_POINTS = 5
"""Most points of one stroke. SAM was trained with up to nine points an object; one long stroke must not use them up."""


@dataclass(frozen=True, eq=False, slots=True)
class SamPrompts:
    """The prompts of one object as Segment Anything takes them, in pixels of the image."""

    points: Points
    """Shape (n, 2)."""
    labels: npt.NDArray[np.int64]
    """Shape (n,): 1 in the object, 0 not in it."""
    box: Corners | None

    @property
    def ambiguous(self) -> bool:
        """Whether it is a single point: a button, a shirt or a person? SAM has several answers."""
        return len(self.labels) == 1 and self.box is None


def sam_prompts(prompts: Sequence[Prompt]) -> SamPrompts:
    """The prompts of one object, oldest first, in the words of Segment Anything.

    >>> from vpuformer.prompts import Click
    >>> converted = sam_prompts([Box(9.5, 9.5, 49.5, 29.5), Click(30, 12, False), Scribble([(20, 20), (22, 20)])])
    >>> converted.box.tolist()
    [10.0, 10.0, 49.0, 29.0]
    >>> converted.points.tolist(), converted.labels.tolist()
    ([[30.0, 12.0], [21.0, 20.0]], [0, 1])
    """
    whole = whole_object_boxes(prompts)
    points, labels = [np.empty((0, 2))], []
    for position, prompt in enumerate(prompts):
        if position in whole:
            continue
        given = stroke_points(prompt) if isinstance(prompt, Scribble) else prompt.points.mean(axis=0, keepdims=True)
        points.append(given)
        labels += [int(prompt.positive)] * len(given)
    box = prompts[whole[-1]] if whole else None
    return SamPrompts(
        np.concatenate(points),
        np.array(labels, dtype=np.int64),
        to_corner_pixels(box) if isinstance(box, Box) else None,
    )


def whole_object_boxes(prompts: Sequence[Prompt]) -> list[int]:
    """Positions of the positive boxes that hold every positive prompt before them.

    >>> from vpuformer.prompts import Click
    >>> part, whole = Box(20, 20, 30, 30), Box(0, 0, 50, 50)
    >>> whole_object_boxes([whole, part]), whole_object_boxes([Click(40, 5), part]), whole_object_boxes([part, whole])
    ([0], [], [0, 1])
    """
    found = []
    for position, prompt in enumerate(prompts):
        before = [other.bounds for other in prompts[:position] if other.positive]
        if isinstance(prompt, Box) and prompt.positive and all(encloses(prompt.bounds, bounds) for bounds in before):
            found.append(position)
    return found


def stroke_points(stroke: Scribble) -> Points:
    """Points along a stroke, at equal distances of at most `STROKE_SPACING`, if that suffices.

    They are the middles of equally long pieces: a stroke is least certain at its ends.

    >>> stroke_points(Scribble([(0, 0), (60, 0), (60, 60)])).tolist()
    [[20.0, 0.0], [60.0, 0.0], [60.0, 40.0]]

    Returns:
        Shape (k, 2), k from 1 to `MOST_STROKE_POINTS`.
    """
    path = stroke.points
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    steps[np.array(stroke.gaps, dtype=np.int64) - 1] = 0  # no step: the pen was up
    walked = np.append(0.0, steps.cumsum())
    pieces = min(max(1, math.ceil(walked[-1] / STROKE_SPACING)), MOST_STROKE_POINTS)
    at = (np.arange(pieces) + 0.5) / pieces * walked[-1]
    return np.stack([np.interp(at, walked, path[:, axis]) for axis in (0, 1)], axis=1)


def to_frame(coordinates: npt.NDArray[np.float64], image: Size, frame: Size) -> npt.NDArray[np.float32]:
    """Coordinates, shape (..., 2), in an image that was resized to `frame` (H, W).

    They are merely multiplied, as Segment Anything does it. `vpuformer.geometry`, which keeps the centres of pixels
    where they are, would give values up to half a pixel of the frame greater; the model has learned these.

    >>> to_frame(np.array([[10.0, 20.0]]), (48, 128), (24, 64)).tolist()
    [[5.0, 10.0]]
    """
    return (coordinates * (frame[1] / image[1], frame[0] / image[0])).astype(np.float32)
