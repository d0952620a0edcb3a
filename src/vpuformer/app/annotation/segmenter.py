"""Who answers: a network shared by all images and people, behind an interface that needs no torch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB, FloatMap
from vpuformer.geometry import Crop
from vpuformer.prompts import Prompt

if TYPE_CHECKING:
    from vpuformer.model.vpuformer import VPUFormer


class Answer(Protocol):
    """`vpuformer.inference.views.Prediction`, or anything else that has these."""

    @property
    def probability(self) -> FloatMap:
        """Shape (H, W) of the image, in 0..1."""
        ...

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The object, shape (H, W)."""
        ...

    @property
    def crop(self) -> Crop:
        """What was looked at."""
        ...

    @property
    def logits(self) -> FloatMap | None:
        """What was said about the crop, at any size: all that `restore` needs. None if there is no such thing."""
        ...


class Looked(Protocol):
    """An image that has been looked at. Used by one thread at a time."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds at most, always the same."""
        ...

    def predict(self, prompts: Sequence[Prompt], mask: FloatMap | None, crop: Crop | None) -> Answer:
        """The object that all these prompts mean, after the mask so far; `crop` is that of the former answer.

        Raises:
            InputError: a prompt or the mask does not fit the image.
        """
        ...

    def restore(self, logits: FloatMap, crop: Crop) -> Answer:
        """An answer again, from what is kept of it."""
        ...


class Segmenter(Protocol):
    """A network. Used by one thread at a time.

    The smallest one, for tests and as a pattern::

        class Disks:
            name, sha256 = "disks", "0" * 64
            def load(self): pass
            def look(self, image): return DisksOn(image.shape[:2])  # has `predict` and `restore`
    """

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str:
        """Of the weights."""
        ...

    def load(self) -> object:
        """Get ready; called once, in advance."""
        ...

    def look(self, image: RGB) -> Looked:
        """Compute once whatever the prompts on this image will need."""
        ...


class NetworkSegmenter:
    """VPUFormer. Its files are looked at now, and read with the first image, so that the page is there at once.

    Args:
        name_or_path: a model that is known by name, or a folder with weights.
        device: such as "cpu" or "cuda"; by default CUDA where there is any.

    Raises:
        CheckpointError: there is no such model, or its files are broken.
        ConfigError: there is no such device.
    """

    def __init__(self, name_or_path: str = "default", device: str | None = None) -> None:
        from vpuformer.model.manifest import read_manifest

        self.name = name_or_path
        self.sha256 = read_manifest(name_or_path).sha256
        self._device = device
        self._model: VPUFormer | None = None
        if device is not None:
            self.load()  # whether there is such a device only torch can tell

    def load(self) -> "VPUFormer":
        """The network."""
        if self._model is None:
            from vpuformer.inference.predictor import choose_device, leave_half_the_cores
            from vpuformer.model.checkpoint import load_model

            leave_half_the_cores()
            self._model = load_model(self.name).to(choose_device(self._device))
        return self._model

    def look(self, image: RGB) -> "NetworkLooked":
        return NetworkLooked(self.load(), image)


class NetworkLooked:
    """An image with the image features of the whole and of the crops that were last looked at."""

    def __init__(self, model: "VPUFormer", image: RGB) -> None:
        from vpuformer.inference.predictor import Predictor

        self._predictor = Predictor(model)
        self._predictor.set_image(image)
        # Features of crops come with the prompts: of a small image they are soon many times its pixels.
        self.nbytes = image.nbytes + self._predictor.feature_bytes

    def predict(self, prompts: Sequence[Prompt], mask: FloatMap | None, crop: Crop | None) -> Answer:
        return self._predictor.predict(prompts, mask=mask, crop=crop)

    def restore(self, logits: FloatMap, crop: Crop) -> Answer:
        from vpuformer.inference.views import Prediction

        return Prediction.from_logits(logits, crop, self._predictor.size)
