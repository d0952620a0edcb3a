"""What can be evaluated: anything that takes a picture, then prompts and its own previous answer.

The truth is no part of this interface. It is known to the simulated user alone, so that no method, ours or another's,
can be helped by it.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpuformer.prompts import Prompt

Picture = npt.NDArray[np.uint8]
"""RGB, shape (H, W, 3)."""

Probability = npt.NDArray[np.float32]
"""Of belonging to the object, 0..1, shape (H, W)."""


class Segmenter(Protocol):
    """A method under evaluation."""

    @property
    def name(self) -> str:
        """As tables show it."""
        ...

    def set_image(self, image: Picture) -> None:
        """Start a picture."""
        ...

    def predict(self, prompts: Sequence[Prompt], previous: Probability | None) -> Probability:
        """The object that the prompts show in the present picture.

        Args:
            prompts: all prompts of this object so far, in the order in which they were given.
            previous: the last answer for this object; None starts another object of the same picture.
        """
        ...
