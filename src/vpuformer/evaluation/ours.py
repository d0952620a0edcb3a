"""Our own predictors under evaluation."""

from collections.abc import Sequence

import torch

from vpuformer.batch_predictor import BatchPredictor, Request
from vpuformer.evaluation.protocol import Asked, Picture, Probability, Round
from vpuformer.geometry import Crop
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.predictor import Predictor
from vpuformer.prompts import Prompt


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
        _finish(self._predictor.device)

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
        begun = _PredictorRound(self._model, images, self._zoom)
        _finish(self._device)
        return begun

    def enter_worker(self) -> None:
        """One core a thread: that does more than every pass on all cores, and sums come out the same on any machine."""
        if self._device.type == "cpu":
            torch.set_num_threads(1)


def _finish(device: torch.device) -> None:
    """Wait for what a GPU was told to do: its time is taken here, not at the first prompt."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _PredictorRound:
    def __init__(self, model: VPUFormer, images: Sequence[Picture], zoom: bool) -> None:
        self._predictor = BatchPredictor(model, zoom=zoom)
        self._predictor.set_images(images)
        self._crops: list[Crop | None] = [None] * len(images)

    def predict(self, asked: Sequence[Asked]) -> Sequence[Probability]:
        answers = self._predictor.predict(
            [
                Request(place, prompts, previous, None if previous is None else self._crops[place])
                for place, prompts, previous in asked
            ]
        )
        for each, answer in zip(asked, answers, strict=True):
            self._crops[each.place] = answer.crop
        return [answer.probability for answer in answers]
