"""What can be evaluated: anything that takes a picture, then prompts and its own previous answer.

The truth is no part of this interface. The simulated user alone sees it, so that no method can be helped by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from vpuformer.geometry import Crop
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
