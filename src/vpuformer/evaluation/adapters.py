"""Our own predictors under evaluation."""

from collections.abc import Mapping, Sequence

import torch

from vpuformer.arrays import RGB, FloatMap
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.evaluation.protocol import Asked, Round
from vpuformer.geometry import Crop
from vpuformer.inference.batch_predictor import BatchPredictor, Request
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.views import ViewSettings
from vpuformer.inference.zoom import RULES
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Prompt


def options_of(views: ViewSettings) -> dict[str, str | int | float | bool | None]:
    """The settings as the header of a run holds them: those that are not the usual ones, and whether it zooms.

    >>> options_of(ViewSettings(zoom=RULES["ritm"], flip=True))
    {'zoom': True, 'zoom_rule': 'ritm', 'flip': True}

    Raises:
        ConfigError: the zoom rule has no name.
    """
    options: dict[str, str | int | float | bool | None] = {"zoom": views.zoom is not None}
    if views.zoom not in (None, RULES["ours"]):
        names = [name for name, rule in RULES.items() if rule == views.zoom]
        if not names:
            raise ConfigError(f"{views.zoom} is none of the rules {', '.join(RULES)}")
        options["zoom_rule"] = names[0]
    if views.flip:
        options["flip"] = True
    if views.input_size is not None:
        options["input_size"] = views.input_size
    return options


def views_of(options: Mapping[str, str | int | float | bool | None]) -> ViewSettings:
    """The inverse of `options_of`.

    Raises:
        ConfigError: there is no such rule, or a size is out of range.
    """
    rule, size = str(options.get("zoom_rule", "ours")), options.get("input_size")
    if rule not in RULES:
        raise ConfigError(unknown_name("zoom rule", rule, RULES))
    zoom = RULES[rule] if options.get("zoom", True) else None
    return ViewSettings(zoom, bool(options.get("flip", False)), None if size is None else int(size))


class PredictorSegmenter:
    """A `Predictor` under evaluation: each answer starts from the one before, as in a session.

    Args:
        predictor: with its weights and device.
        name: as tables show it.
    """

    def __init__(self, predictor: Predictor, name: str = "vpuformer") -> None:
        self.name = name
        self._predictor = predictor
        self._crop: Crop | None = None

    def set_image(self, image: RGB) -> None:
        """Encode an image."""
        self._crop = None
        self._predictor.set_image(image)
        _finish(self._predictor.device)

    def predict(self, prompts: Sequence[Prompt], previous: FloatMap | None) -> FloatMap:
        """One pass of the network; see `Segmenter.predict`."""
        crop = None if previous is None else self._crop
        prediction = self._predictor.predict(prompts, mask=previous, crop=crop)
        self._crop = prediction.crop
        return prediction.probability


class BatchPredictorSegmenter:
    """The same as `PredictorSegmenter`, for several objects at a time.

    Args:
        predictor: with its weights, views and device; it is not used itself.
        name: as there.
    """

    def __init__(self, predictor: Predictor, name: str = "vpuformer") -> None:
        self.name = name
        self._model = predictor.model
        self._device = predictor.device
        self._views = predictor.views

    def begin(self, images: Sequence[RGB]) -> Round:
        """Encode the images."""
        begun = _PredictorRound(self._model, images, self._views)
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
    def __init__(self, model: VPUFormer, images: Sequence[RGB], views: ViewSettings) -> None:
        self._predictor = BatchPredictor(model, views=views)
        self._predictor.set_images(images)
        self._crops: list[Crop | None] = [None] * len(images)

    def predict(self, asked: Sequence[Asked]) -> Sequence[FloatMap]:
        answers = self._predictor.predict(
            [
                Request(place, prompts, previous, None if previous is None else self._crops[place])
                for place, prompts, previous in asked
            ]
        )
        for each, answer in zip(asked, answers, strict=True):
            self._crops[each.place] = answer.crop
        return [answer.probability for answer in answers]
