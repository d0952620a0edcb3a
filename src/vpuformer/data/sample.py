"""One object of one image, read from disk on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB, Truth
from vpuformer.metrics import IGNORE

SMALLEST_OBJECT = 200
"""Pixels in the image; training samples no smaller object."""

LARGEST_SHARE = 0.9
"""Share of the image; training samples no larger object, except in sets of regions."""


def truth_of(objects: npt.NDArray[Any], ignored: npt.NDArray[Any] | None = None) -> Truth:
    """Ground truths from masks of 0 and 1, shape (..., H, W), with `IGNORE` off the objects.

    >>> truth_of(np.array([[1, 0, 0]]), np.array([[1, 1, 0]])).tolist()
    [[1, -1, 0]]
    """
    truth = objects.astype(np.int8)
    if ignored is not None:
        truth[(truth == 0) & (ignored > 0)] = IGNORE
    return truth


@dataclass(frozen=True)
class Sample:
    """An object to be segmented: what evaluation runs on.

    `name` stays the same from run to run ("grabcut/banana1"), and with `object_id` it is unique in its data set.
    `image_id` is the id of the image, "set/image", which all objects of one image share and no other image has; by
    default it is the name. `notes` are sentences about what in its files takes no part. Nothing is kept in memory: each
    call of `image` and `truth` reads again.

    >>> sample = Sample("toy/square", 1, lambda: np.zeros((2, 3, 3), np.uint8), lambda: np.ones((2, 3), np.int8))
    >>> sample.image().shape, int(sample.truth().sum())
    ((2, 3, 3), 6)
    """

    name: str
    object_id: int
    image: Callable[[], RGB] = field(repr=False, compare=False)
    """RGB, uint8, shape (H, W, 3)."""
    truth: Callable[[], Truth] = field(repr=False, compare=False)
    """int8, shape (H, W): 1 object, 0 background, `metrics.IGNORE` for ignored pixels."""
    image_id: str = ""
    notes: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.image_id:
            object.__setattr__(self, "image_id", self.name)
