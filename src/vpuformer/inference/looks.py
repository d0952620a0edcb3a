"""Answers as the network sees them next: probabilities only where these are needed.

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
from vpuformer.inference.raster import Raster, is_small
from vpuformer.inference.resample import stretch
from vpuformer.inference.sigmoid import sigmoid_

OBJECT_THRESHOLD = 0.5
"""A pixel above this probability belongs to the object that the crop is drawn around (RITM)."""

_COARSE = 1 << 18
"""Number of pixels of the map in which the object of a large image is found."""


class Seen:
    """A previous answer, on the raster over what it says something about."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction
        self.kept = Crop.around(prediction.kept_mask)
        """The rectangle around the mask; None if that is empty."""

    @cached_property
    def _raster(self) -> Raster:
        answer, part = self.prediction, self.kept or self.prediction.crop
        if answer.logits is None:  # the crop says nothing
            part = (None if is_small(answer.size) else Crop.around(answer.probability > 0)) or part
            return Raster.over(part, answer.size)
        return Raster.over(part.union(answer.crop), answer.size, side=max(answer.logits.shape))

    @cached_property
    def _probability(self) -> FloatMap:
        return self.prediction.on(self._raster)

    @cached_property
    def _object(self) -> Crop | None:
        return Crop.around(self._probability > OBJECT_THRESHOLD)

    def object_around(self) -> Crop | None:
        """The rectangle around the object, to within a cell; None without one."""
        return self._object and self._raster.pixels(self._object)

    def probability_in(self, crop: Crop, side: int) -> FloatMap:
        """The probabilities in a crop, stretched to (side, side); 0 outside the part."""
        return np.asarray(stretch(self._raster.within(self._probability, crop), (side, side)), np.float32)


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
        """The rectangle around the object, in a large image to within some pixels, or None."""
        if is_small(self.size):
            return Crop.around(self.prediction.probability > OBJECT_THRESHOLD)
        shrunk = max(1.0, sqrt(self.crop.width * self.crop.height / _COARSE))
        height, width = (ceil(length / shrunk) for length in self.crop.size)
        coarse = Crop.around(stretch(self.logits, (height, width)) > 0)  # a probability of 0.5
        if coarse is None:
            return None
        inside = _scaled(coarse, (height, width), self.crop.size)
        return Crop(self.crop.left + inside.left, self.crop.top + inside.top, inside.width, inside.height)

    def probability_in(self, crop: Crop, side: int) -> FloatMap:
        """The probabilities in another crop, stretched to (side, side); 0 outside the own."""
        if is_small(self.size):
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
