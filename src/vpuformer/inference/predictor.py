"""An image, then prompts on it: the interface for programs that have one image at a time."""

import os
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from PIL import Image

from vpuformer.errors import SessionError
from vpuformer.geometry import Crop
from vpuformer.inference.feature_store import FeatureStore
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter, as_readonly_rgb
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.zoom import USUAL, ViewSettings
from vpuformer.prompts import Prompt


class Predictor:
    """A segmenter and its present image. `vpuformer.Session` remembers prompts.

    >>> import numpy as np
    >>> from vpuformer.prompts import Click
    >>> predictor = Predictor.from_pretrained(device="cpu")
    >>> predictor.set_image(np.zeros((300, 400, 3), np.uint8))
    >>> first = predictor.predict([Click(200, 150)])
    >>> second = predictor.predict([Click(200, 150), Click(20, 20, False)], mask=first)
    >>> second.mask.shape
    (300, 400)
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self._encoded: Encoded | None = None

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] = "default",
        device: str | None = None,
        *,
        runtime: str | None = None,
        threads: int | None = None,
        views: ViewSettings = USUAL,
        features: FeatureStore | None = None,
    ) -> "Predictor":
        """A predictor with these weights; see `VPUFormerSegmenter.from_pretrained`."""
        segmenter = VPUFormerSegmenter.from_pretrained(
            name_or_path, device, runtime=runtime, threads=threads, views=views, features=features
        )
        return cls(segmenter)

    @property
    def encoded(self) -> Encoded:
        """The present image.

        Raises:
            SessionError: there is none yet.
        """
        if self._encoded is None:
            raise SessionError("there is no image yet; call set_image(image) first")
        return self._encoded

    def set_image(self, image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any]) -> None:
        """Encode an image, once for all objects in it.

        Args:
            image: a path, a Pillow image or an array; see `vpuformer.images.read_image`.

        Raises:
            ImageError: the image is missing, broken or not an image. The former one stays.
        """
        self._encoded = self.segmenter.encode(as_readonly_rgb(image))

    def reset_image(self) -> None:
        """Forget the image and everything computed from it."""
        self._encoded = None

    def predict(
        self,
        prompts: Sequence[Prompt] = (),
        *,
        mask: npt.ArrayLike | Prediction | None = None,
        crop: Crop | None = None,
        zoom: bool = True,
        new: int = 1,
        only_here: bool = False,
        keep_mask: bool = False,
        candidates: bool = False,
    ) -> Prediction:
        """Segment the object that all these prompts together mean.

        Args and errors are those of `vpuformer.inference.protocol.Query`.

        Raises:
            SessionError: there is no image yet.
        """
        encoded = self.encoded
        query = Query(
            encoded,
            prompts,
            mask,
            crop,
            zoom,
            new=new,
            only_here=only_here,
            keep_mask=keep_mask,
            candidates=candidates,
        )
        (prediction,) = self.segmenter.segment([query])
        return prediction
