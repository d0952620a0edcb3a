"""Doubles are found by label and mask, whatever the boxes around the masks are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.app.store import rle
from vpuformer.app.store.doubles import DOUBLE_IOU, LabelledMask, doubles

SIZE = (30, 40)
BOXES = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(18, 40), st.integers(18, 30))
OBJECTS = st.lists(st.tuples(st.sampled_from(["cup", "dog", None]), BOXES), max_size=4)


def made(objects: list[tuple[str | None, tuple[int, int, int, int]]]) -> tuple[list[LabelledMask], list[np.ndarray]]:
    masks = []
    for _, (left, top, right, bottom) in objects:
        mask = np.zeros(SIZE, bool)
        mask[top:bottom, left:right] = True
        mask[-1, -1] = True  # far from the rest, so that boxes around masks show little
        masks.append(mask)
    return [LabelledMask(label, rle.encode(mask)) for (label, _), mask in zip(objects, masks, strict=True)], masks


@given(OBJECTS, OBJECTS)
def test_doubles_are_those_of_a_comparison_of_all_pairs(new: list, present: list) -> None:
    (new_objects, new_masks), (objects, masks) = made(new), made(present)
    for double, each, mask in zip(doubles(new_objects, objects, SIZE), new_objects, new_masks, strict=True):
        ious = [(mask & other).sum() / (mask | other).sum() for other in masks]
        possible = [iou for iou, other in zip(ious, objects, strict=True) if other.label == each.label]
        if double is None:
            assert max(possible, default=0) < DOUBLE_IOU
        else:
            assert objects[double].label == each.label
            assert ious[double] == max(possible) >= DOUBLE_IOU


def test_empty_masks_have_no_doubles() -> None:
    empty = LabelledMask(None, rle.encode(np.zeros(SIZE, bool)))
    assert doubles([empty], [empty], SIZE) == [None]
