"""An image with what the network has computed of it, kept for the next query."""

import threading
from collections import OrderedDict
from typing import Protocol

from vpuformer.arrays import RGB
from vpuformer.geometry import Crop
from vpuformer.inference.protocol import Encoded

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
        self._whole: CropFeatures = ()
        self._crops: OrderedDict[Crop, CropFeatures] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Memory in bytes of the image, of its features, and of those of `MAX_CROPS` crops."""
        return self.image.nbytes + (1 + MAX_CROPS) * sum(features.nbytes for features in self._whole)

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
