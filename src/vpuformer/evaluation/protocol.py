"""What can be evaluated: anything that takes a picture, then prompts and its own previous answer.

The truth is no part of this interface. The simulated user alone sees it, so that no method can be helped by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from vpuformer.geometry import Crop
    from vpuformer.model.vpuformer import VPUFormer
    from vpuformer.predictor import Predictor
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
        """Outline the object that the prompts show in the present picture.

        When it returns, the work is done: its time is taken, on whatever device it runs.

        Args:
            prompts: all prompts of this object so far, in picture pixels, in the order in which they were given.
            previous: the last answer for this object; None starts another object of the same picture.
        """
        ...


class Asked(NamedTuple):
    """What is asked of one object in a `Round`; fields as in `Segmenter.predict`."""

    place: int
    """Which of the round's pictures, counted from 0."""
    prompts: Sequence[Prompt]
    previous: Probability | None


class Round(Protocol):
    """Some objects that a method outlines at the same time, each on a picture of its own."""

    def predict(self, asked: Sequence[Asked]) -> Sequence[Probability]:
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

    def begin(self, images: Sequence[Picture]) -> Round:
        """Start a round: a picture for each object, the same one twice in a row for two objects of one picture."""
        ...

    def enter_worker(self) -> None:
        """Called once in each thread before its first round."""
        ...


class PredictorSegmenter:
    """A `vpuformer.predictor.Predictor` under evaluation: each answer starts from the one before, as in a session.

    Args:
        predictor: with its weights and device.
        name: as tables show it.
        zoom: look closer at the object once it is known; see `Predictor.predict`.
    """

    def __init__(self, predictor: Predictor, name: str = "vpuformer", *, zoom: bool = True) -> None:
        self.name = name
        self._predictor = predictor
        self._zoom = zoom
        self._crop: Crop | None = None

    def set_image(self, image: Picture) -> None:
        """Encode a picture."""
        self._crop = None
        self._predictor.set_image(image)
        if self._predictor.device.type == "cuda":
            import torch  # loaded already, by the predictor

            torch.cuda.synchronize(self._predictor.device)  # its time is taken here, not at the first prompt

    def predict(self, prompts: Sequence[Prompt], previous: Probability | None) -> Probability:
        """One pass of the network; see `Segmenter.predict`."""
        crop = None if previous is None else self._crop
        prediction = self._predictor.predict(prompts, mask=previous, crop=crop, zoom=self._zoom)
        self._crop = prediction.crop
        return prediction.probability


class BatchPredictorSegmenter:
    """The same as `PredictorSegmenter`, for several objects at a time.

    Args:
        predictor: with its weights and device; it is not used itself.
        name, zoom: as there.
    """

    def __init__(self, predictor: Predictor, name: str = "vpuformer", *, zoom: bool = True) -> None:
        self.name = name
        self._model = predictor.model
        self._device = predictor.device
        self._zoom = zoom

    def begin(self, images: Sequence[Picture]) -> Round:
        """Encode the pictures."""
        return _PredictorRound(self._model, images, self._zoom)

    def enter_worker(self) -> None:
        """One core a thread: that does more than every pass on all cores, and sums come out the same on any machine."""
        if self._device.type == "cpu":
            import torch  # loaded already, by the predictor

            torch.set_num_threads(1)


class _PredictorRound:
    def __init__(self, model: VPUFormer, images: Sequence[Picture], zoom: bool) -> None:
        from vpuformer.batch_predictor import BatchPredictor

        self._predictor = BatchPredictor(model, zoom=zoom)
        self._predictor.set_images(images)
        self._crops: list[Crop | None] = [None] * len(images)

    def predict(self, asked: Sequence[Asked]) -> Sequence[Probability]:
        from vpuformer.batch_predictor import Request

        answers = self._predictor.predict(
            [
                Request(place, prompts, previous, None if previous is None else self._crops[place])
                for place, prompts, previous in asked
            ]
        )
        for each, answer in zip(asked, answers, strict=True):
            self._crops[each.place] = answer.crop
        return [answer.probability for answer in answers]
