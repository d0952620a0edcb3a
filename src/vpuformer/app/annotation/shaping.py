"""Masks of objects that are merged, subtracted, split or reordered, without the network."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.app.annotation.answering import as_answer
from vpuformer.app.step_schemas import ArrangeStep, MergeStep, SplitStep, Step, SubtractStep
from vpuformer.app.store import rle
from vpuformer.app.store.rows import StepAnswer
from vpuformer.app.store.shaping import CurrentMask
from vpuformer.app.store.store import Store
from vpuformer.arrays import BoolMask, Points, Size
from vpuformer.errors import PromptError, counted
from vpuformer.geometry import Crop

Numbers = npt.NDArray[np.int32]

SHAPING = (MergeStep, SubtractStep, SplitStep, ArrangeStep)
"""Steps whose answers are made here, and stored with the step."""

MAX_PARTS = 100
"""Maximum number of objects that a split makes."""


class Shaped(NamedTuple):
    """A step as it is stored, its answer, and the masks of the objects that it adds."""

    content: dict[str, Any]
    answer: StepAnswer
    parts: Sequence[StepAnswer] = ()


def shaped(store: Store, step: Step, identity: int, image: int, size: Size, former: StepAnswer | None) -> Shaped:
    """Answer a step of the object `identity` whose mask is `former`.

    Raises:
        PromptError: an object has no mask, the masks do not overlap, nothing would be left, or there is nothing to
            split.
    """
    content = step.model_dump(mode="json", exclude_none=not isinstance(step, ArrangeStep))
    if isinstance(step, MergeStep | SubtractStep):
        others = _masks(store, set(step.objects) - {identity}, image)
        content |= {"objects": list(others), "masks": [each.step for each in others.values()]}
        masks = [each.mask for each in others.values()]
        if isinstance(step, MergeStep):
            return Shaped(content, _answer(rle.union([*masks, *([former.mask] if former else [])], size), size))
        return Shaped(content, _difference(former, masks, size))
    if former is None or not former.area:
        raise PromptError("the object has no mask yet; give a click, a box or a scribble first")
    if isinstance(step, SplitStep):
        first, *parts = [as_answer(part) for part in split(rle.decode(former.mask, size), step.path)]
        return Shaped(content, first, parts)
    return Shaped(content, replace(former, seconds=None))


def _masks(store: Store, identities: Collection[int], image: int) -> dict[int, CurrentMask]:
    masks = store.current_masks(identities, image)
    if not masks or len(masks) < len(identities):
        raise PromptError("an object to merge or subtract has no mask on this image; choose another one")
    return masks


def _answer(mask: bytes, size: Size) -> StepAnswer:
    return StepAnswer(mask, rle.area(mask, size))


def _difference(former: StepAnswer | None, masks: Sequence[bytes], size: Size) -> StepAnswer:
    area = 0 if former is None else former.area
    answer = None if former is None else _answer(rle.subtract(former.mask, rle.union(masks, size), size), size)
    if answer is None or answer.area == area:
        raise PromptError("the objects do not overlap, so nothing is subtracted; choose another object")
    if not answer.area:
        raise PromptError("the other object covers this one, so nothing would be left; delete this one instead")
    return answer


def split(mask: BoolMask, line: Sequence[Sequence[float]] | None = None) -> Iterator[BoolMask]:
    """Yield the parts of a mask, shape (H, W): the largest first, then in raster order.

    With a line, parts that it does not separate stay together, in the first mask. Pixels under the line go to the part
    next to them.

    >>> mask = np.array([[1, 0, 1, 1, 1]], bool)
    >>> [part.astype(int).tolist() for part in split(mask)]
    [[[0, 0, 1, 1, 1]], [[1, 0, 0, 0, 0]]]
    >>> [part.astype(int).tolist() for part in split(np.ones((1, 5), bool), [(1, -1), (1, 2)])]
    [[[0, 0, 1, 1, 1]], [[1, 1, 0, 0, 0]]]

    Raises:
        PromptError: the mask is a single part, has too many parts, or the line does not cut it.
    """
    box = Crop.around(mask)
    window = np.zeros((0, 0), bool) if box is None else mask[box.slices]
    if line is None or box is None:
        numbers = _numbered(window)
        touched = np.arange(1, numbers.max(initial=0) + 1)
    else:
        numbers, touched = _cut(window, np.subtract(line, (box.left, box.top)))
    if len(touched) < 2:
        raise PromptError(
            "the mask is a single part; to cut it, draw a line across it"
            if line is None
            else "the line does not cut the mask in two; draw it from one side of the object to the other"
        )
    if len(touched) > MAX_PARTS:
        raise PromptError(
            f"the mask has {counted(len(touched), 'part')}, and at most {MAX_PARTS} become objects; drop specks first"
        )
    assert box is not None
    areas = np.bincount(numbers.ravel(), minlength=int(touched[-1]) + 1)
    largest = touched[np.argmax(areas[touched])]
    separate = [number for number in touched if number != largest]
    for number in (None, *separate):
        part = np.zeros(mask.shape, bool)
        part[box.slices] = numbers == number if number is not None else window & ~np.isin(numbers, separate)
        yield part


def _numbered(window: BoolMask) -> Numbers:
    return np.asarray(cv2.connectedComponents(window.astype(np.uint8), connectivity=8)[1], np.int32)


def _cut(window: BoolMask, line: Points) -> tuple[Numbers, Numbers]:
    """The number of the part of each pixel after a cut along a line, and the numbers of the parts beside the line."""
    drawn = np.zeros(window.shape, np.uint8)
    # A line of this kind has no diagonal gaps.
    cv2.polylines(drawn, [np.rint(np.clip(line, -2e5, 2e5)).astype(np.int32)], False, 1, 1, cv2.LINE_4)
    on_line = (drawn > 0) & window
    numbers = _numbered(window & ~on_line)
    beside = cv2.dilate(on_line.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    touched = np.unique(numbers[beside & (numbers > 0)])
    if len(touched) > 1:
        _, nearest = cv2.distanceTransformWithLabels(
            (numbers == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        owners = np.zeros(int(nearest.max()) + 1, np.int32)
        owners[nearest[numbers > 0]] = numbers[numbers > 0]
        numbers[on_line] = owners[nearest[on_line]]
    return numbers, touched
