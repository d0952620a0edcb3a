"""Answers of the network, which become probabilities only where these are needed.

Most looks at a large image are followed by another one at the object. That needs the rectangle around the object and
the probabilities in the new crop, at the resolution of the network. Millions of pixels need not be computed for it.
"""

from functools import cached_property
from math import ceil, floor, sqrt

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap, Size
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.resample import stretch
from vpuformer.inference.sigmoid import sigmoid_

OBJECT_THRESHOLD = 0.5
"""A pixel above this probability belongs to the object that the crop is drawn around (RITM)."""

LARGE = 1 << 22
"""Number of pixels of a crop above which further looks are chosen from the logits. Below it, all pixels are made."""

_COARSE = 1 << 20
"""Number of pixels of the map in which the object is then found."""


class Look:
    """The answer of one pass of the network.

    Args:
        logits: for `crop`, at the resolution of the network.
        crop: the part of the image that the network saw.
        size: height and width of the image.
    """

    def __init__(self, logits: FloatMap, crop: Crop, size: Size) -> None:
        self.logits, self.crop, self.size = logits, crop, size

    @cached_property
    def prediction(self) -> Prediction:
        """The answer for every pixel of the image."""
        return Prediction.from_logits(self.logits, self.crop, self.size)

    def object_around(self) -> Crop | None:
        """The rectangle around the object, in a large crop to within some pixels, or None."""
        shrunk = sqrt(self._pixels / _COARSE) if self._pixels > LARGE else 1.0
        if shrunk == 1:
            inside = Crop.around(self.prediction.probability[self.crop.slices] > OBJECT_THRESHOLD)
        else:
            height, width = (ceil(length / shrunk) for length in self.crop.size)
            coarse = Crop.around(stretch(self.logits, (height, width)) > 0)  # a probability of 0.5
            inside = coarse and _scaled(coarse, (height, width), self.crop.size)
        if inside is None:
            return None
        return Crop(self.crop.left + inside.left, self.crop.top + inside.top, inside.width, inside.height)

    def probability_in(self, crop: Crop, side: int) -> FloatMap:
        """The probabilities in another crop, stretched to (side, side); 0 outside the own."""
        if self._pixels <= LARGE:
            return np.asarray(stretch(self.prediction.probability[crop.slices], (side, side)), np.float32)
        height, width = self.logits.shape
        columns = _positions(crop.left, crop.width, side, self.crop.left, self.crop.width)
        rows = _positions(crop.top, crop.height, side, self.crop.top, self.crop.height)
        x, y = np.meshgrid(columns * width - 0.5, rows * height - 0.5)
        places = x.astype(np.float32), y.astype(np.float32)
        values = np.asarray(
            cv2.remap(self.logits, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
        sigmoid_(values)
        values[(rows < 0) | (rows > 1)] = 0
        values[:, (columns < 0) | (columns > 1)] = 0
        return values

    @property
    def _pixels(self) -> int:
        return self.crop.width * self.crop.height


def _positions(first: int, length: int, side: int, own_first: int, own_length: int) -> npt.NDArray[np.float64]:
    """Centres of `side` cells of a crop along an axis, as shares of the own crop from its edge."""
    return ((np.arange(side) + 0.5) / side * length + first - own_first) / own_length


def _scaled(crop: Crop, size: Size, wanted: Size) -> Crop:
    """A crop of a map of `size`, in a map of the `wanted` size."""
    down, across = wanted[0] / size[0], wanted[1] / size[1]
    left, top = floor(crop.left * across), floor(crop.top * down)
    right = min(ceil((crop.left + crop.width) * across), wanted[1])
    bottom = min(ceil((crop.top + crop.height) * down), wanted[0])
    return Crop(left, top, right - left, bottom - top)
