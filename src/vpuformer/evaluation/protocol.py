"""What can be evaluated: anything that takes an image, then prompts and its own previous answer.

The truth is no part of this interface. The simulated user alone sees it, so that no method can be helped by it.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from vpuformer.arrays import RGB, FloatMap
from vpuformer.prompts import Prompt


class Segmenter(Protocol):
    """A method under evaluation."""

    @property
    def name(self) -> str:
        """As tables show it."""
        ...

    def set_image(self, image: RGB) -> None:
        """Start an image."""
        ...

    def predict(self, prompts: Sequence[Prompt], previous: FloatMap | None) -> FloatMap:
        """Outline the object that the prompts show in the present image.

        When it returns, the work is done: its time is taken, on whatever device it runs.

        Args:
            prompts: all prompts of this object so far, in image pixels, in the order in which they were given.
            previous: the last answer for this object; None starts another object of the same image.
        """
        ...


class Asked(NamedTuple):
    """What is asked of one object in a `Round`; fields as in `Segmenter.predict`."""

    place: int
    """Which of the round's images, counted from 0."""
    prompts: Sequence[Prompt]
    previous: FloatMap | None


class Round(Protocol):
    """Some objects that a method outlines at the same time, each on an image of its own."""

    def predict(self, asked: Sequence[Asked]) -> Sequence[FloatMap]:
        """Outline some of the objects, at most once each; see `Segmenter.predict`."""
        ...


@runtime_checkable
class BatchSegmenter(Protocol):
    """A method under evaluation that is faster with several objects at a time.

    Rounds run in threads of their own beside each other, and must not disturb each other.
    """

    @property
    def name(self) -> str:
        """As tables show it."""
        ...

    def begin(self, images: Sequence[RGB]) -> Round:
        """Start a round: an image for each object, the same one twice in a row for two objects of one image."""
        ...

    def enter_worker(self) -> None:
        """Called once in each thread before its first round."""
        ...
