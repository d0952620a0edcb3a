"""An image with what the network has computed of it, kept for the next query."""

import threading
from collections import OrderedDict
from typing import Any, Protocol

import cv2
import numpy as np

from vpuformer.arrays import RGB
from vpuformer.geometry import Crop
from vpuformer.inference.protocol import Encoded
from vpuformer.inference.raster import Raster, is_small, level_of
from vpuformer.inference.resample import stretch

MAX_CROPS = 8
"""Crops of an image whose features are kept, in addition to the whole image; a crop takes a few MB."""


class Features(Protocol):
    """Features of one view, as the network's runtime holds them."""

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        ...


CropFeatures = tuple[Features, ...]
"""Features of a crop, and those of its mirror image if the network is shown it too."""


class EncodedImage(Encoded):
    """An image, its features and those of its last crops. Safe to share between threads.

    Args:
        encoder: the segmenter whose features these are. The others, and errors, are those of `Encoded`.
    """

    def __init__(self, image: RGB, encoder: object = None) -> None:
        super().__init__(image)
        self.encoder = encoder
        self._lock = threading.Lock()
        self._reduced: dict[int, RGB] = {1: self.image}
        self._whole: CropFeatures = ()
        self._crops: OrderedDict[Crop, CropFeatures] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:  # a lock cannot be pickled; the other two change
            return {**vars(self), "_lock": None, "_reduced": self._reduced.copy(), "_crops": self._crops.copy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())
        self.image.setflags(write=False)  # a pickle does not keep this

    @property
    def nbytes(self) -> int:
        """Memory in bytes of the image, its reductions and all features; it never changes.

        These are the features of the whole image, and those of `MAX_CROPS` crops.
        """
        reductions = self.image.nbytes // 3 if not is_small(self.size) else 0
        features = (1 + MAX_CROPS) * sum(features.nbytes for features in self._whole)
        return self.image.nbytes + reductions + features

    def pixels(self, crop: Crop, side: int) -> RGB:
        """The pixels of a crop, stretched to (side, side).

        Those of large crops come from a reduced image: averages of averages are the same but for rounding.
        """
        level = level_of(crop, self.size, side)
        with self._lock:
            for factor in (each for each in (2, 4) if each <= level and each not in self._reduced):
                self._reduced[factor] = _halved(self._reduced[factor // 2])
        cells = Raster(Crop.whole(self.size), level, whole=level == 1).cells(crop)
        return stretch(self._reduced[level][cells.slices], (side, side))

    def get(self, crop: Crop) -> CropFeatures | None:
        """Features of a crop, if they are kept."""
        with self._lock:
            if crop == Crop.whole(self.size):
                return self._whole or None
            if crop in self._crops:
                self._crops.move_to_end(crop)
            return self._crops.get(crop)

    def keep(self, crop: Crop, features: CropFeatures) -> None:
        """Keep the features of a crop, in place of those that were not used for longest."""
        with self._lock:
            if crop == Crop.whole(self.size):
                self._whole = features
                return
            self._crops[crop] = features
            if len(self._crops) > MAX_CROPS:
                self._crops.popitem(last=False)


def _halved(image: RGB) -> RGB:
    """The mean of each 2 x 2 pixels; an odd row or column at the end is left out."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
