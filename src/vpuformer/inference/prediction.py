"""Answers of a segmenter: a mask, and how sure it is of every pixel."""

from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size, row_strips
from vpuformer.errors import InputError, MaskError
from vpuformer.geometry import Crop
from vpuformer.inference import cleaning
from vpuformer.inference.pixels import pixels_of
from vpuformer.inference.raster import Raster
from vpuformer.inference.sigmoid import sigmoid_
from vpuformer.metrics import MASK_THRESHOLD

_WEAKLY = 0.25
"""Logits contradict a mask weakly if their probability is nearer than this to the threshold."""


class Candidate(NamedTuple):
    """One of the objects that a prompt may mean, such as the shirt or the person."""

    mask: BoolMask
    """Shape (H, W) of the image; read-only."""
    score: float
    """How sure the segmenter is that the outline is right, in 0..1."""


@dataclass(frozen=True, eq=False, slots=True, init=False)
class Prediction:
    """An answer for every pixel of the image.

    >>> Prediction(np.array([[0.2, 0.9]])).mask
    array([[False,  True]])

    Args:
        probability: shape (H, W) of the image, in 0..1. It is copied if it can be written to.
        crop: see below; by default the whole image.
        logits, corrected, candidates: see below.

    Raises:
        MaskError: `probability` has another number of axes, no pixels, or values that are not in 0..1.
    """

    crop: Crop
    """The part of the image that the segmenter looked at. The next query about the answer keeps it while it fits."""
    logits: FloatMap | None
    """Logits for `crop`, at the resolution of the network: small, and with `mask` enough to make `probability` again
    (`from_logits`). None for a method without logits."""
    corrected: int
    """Number of prompts that the network left on the wrong side of the outline, and that were put right afterwards."""
    candidates: tuple[Candidate, ...]
    """Up to three objects that the prompts may mean, this answer first, if the query asked for them."""
    _size: Size = field(repr=False)
    _known: BoolMask | None = field(repr=False)
    """The mask, where it is known before the probability."""
    _made: FloatMap | None = field(repr=False)
    """The probability, once it is made: a large image has many pixels, and most callers want the mask alone."""
    _empty_outside: bool = field(repr=False)
    """Whether the probability is known to be 0 outside `crop`: those pixels of a large image are never read."""

    def __init__(
        self,
        probability: npt.ArrayLike,
        crop: Crop | None = None,
        logits: FloatMap | None = None,
        *,
        corrected: int = 0,
        candidates: tuple[Candidate, ...] = (),
    ) -> None:
        given = np.asarray(probability)
        readonly = given.astype(np.float32, copy=given.flags.writeable)  # nobody changes it later
        if readonly.ndim != 2 or not readonly.size:
            raise MaskError(f"the answer has the shape {readonly.shape}; give a probability for each pixel, (H, W)")
        low, high = readonly.min(), readonly.max()
        if not (low >= 0 and high <= 1):  # written so that NaN fails
            raise MaskError(
                f"the answer holds values from {low:g} to {high:g}, wanted probabilities in 0..1; pass logits through a"
                " sigmoid"
            )
        readonly.setflags(write=False)
        size: Size = (readonly.shape[0], readonly.shape[1])
        self._set(crop=Crop.whole(size) if crop is None else crop, logits=logits)
        self._set(corrected=corrected, candidates=candidates)
        self._set(_size=size, _known=None, _made=readonly, _empty_outside=False)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def probability(self) -> FloatMap:
        """How likely each pixel belongs to the object: shape (H, W), in 0..1; read-only.

        Outside `crop` it is 1 where an earlier mask was kept, else 0. An answer with logits makes it when it is first
        asked for.
        """
        if self._made is None:
            assert self.logits is not None
            made = self._made_on(Raster(Crop.whole(self._size), 1, whole=True))
            made.setflags(write=False)
            self._set(_made=made)
            return made
        return self._made

    @property
    def mask(self) -> BoolMask:
        """The object: probability above `MASK_THRESHOLD`; shape (H, W)."""
        if self._known is not None:
            return self._known.copy()
        if not self._empty_outside:
            return self.probability > MASK_THRESHOLD
        mask, raster = np.zeros(self._size, bool), Raster.pixels_of(self.crop, self._size)
        np.greater(self.on(raster), MASK_THRESHOLD, out=mask[raster.part.slices])
        return mask

    @property
    def size(self) -> Size:
        """Height and width of the image."""
        return self._size

    @property
    def kept_mask(self) -> BoolMask:
        """The same as `mask`, read-only, and not copied if it is known."""
        mask = self.mask if self._known is None else self._known.view()
        mask.setflags(write=False)
        return mask

    def on(self, raster: Raster) -> FloatMap:
        """The probability at the centre of each cell of a raster over the image.

        Of an answer with logits, no other pixels are made. Cells of a small image are its pixels: `probability`.
        """
        if raster.whole or self.logits is None:
            return np.asarray(raster.sampled(self.probability), np.float32)
        return self._made_on(raster)

    def _made_on(self, raster: Raster) -> FloatMap:
        """The probability made of the logits; see `from_logits`."""
        assert self.logits is not None
        mask = None if self._known is None else np.asarray(raster.sampled(self._known), np.bool_)
        probability = np.zeros(raster.size, np.float32)
        cells = raster.stretched(np.asarray(self.logits, np.float32), self.crop, out=probability)
        if cells is None:
            return probability if mask is None else mask.astype(np.float32)
        inside = probability[cells.slices]
        for rows in row_strips(cells.size):
            sigmoid_(inside[rows])
            if mask is not None:
                _agree(inside[rows], mask[cells.slices][rows])
        if mask is not None:
            for outside in cells.complement(raster.size):
                if mask[outside].any():
                    probability[outside] = mask[outside]
        return probability

    def cleaned(
        self, *, holes: int = 0, specks: int = 0, smooth: int = 0, threshold: float = MASK_THRESHOLD
    ) -> "Prediction":
        """The answer with a tidier mask; see `vpuformer.inference.cleaning`.

        Where the mask changes, the probability does as in `from_logits`; without logits it becomes 0 or 1.

        >>> Prediction(np.array([[0.9, 0.9, 0.9], [0.9, 0.1, 0.9], [0.9, 0.9, 0.9]])).cleaned(holes=1).mask.all()
        np.True_

        Args:
            holes: fill holes of at most so many pixels.
            specks: drop parts of at most so many pixels, but not the largest.
            smooth: smooth the outline over so many pixels.
            threshold: the mask is where the probability exceeds this.

        Raises:
            InputError: a number of pixels is negative, or the threshold is not between 0 and 1.
        """
        if min(holes, specks, smooth) < 0 or not 0 < threshold < 1:
            raise InputError(
                f"got holes={holes}, specks={specks}, smooth={smooth}, threshold={threshold}; wanted pixels, 0 or more,"
                " and a threshold between 0 and 1"
            )
        mask = self.probability > threshold
        mask = cleaning.smooth(cleaning.drop_specks(cleaning.fill_holes(mask, holes), specks), smooth)
        if self.logits is not None:
            cleaned = self.from_logits(self.logits, self.crop, self._size, mask, corrected=self.corrected)
        else:
            probability = self.probability.copy()
            np.copyto(probability, mask, where=self.mask != mask)
            cleaned = Prediction(probability, self.crop, corrected=self.corrected)
        return cleaned.with_candidates(self.candidates)

    def with_candidates(self, candidates: tuple[Candidate, ...]) -> "Prediction":
        """The same answer with these candidates."""
        answer = copy(self)
        answer._set(candidates=candidates)
        return answer

    @classmethod
    def from_logits(
        cls, logits: FloatMap, crop: Crop, size: Size, mask: BoolMask | None = None, *, corrected: int = 0
    ) -> "Prediction":
        """Stretch logits to their crop and put it into an image of `size`, elsewhere 0.

        The result depends on the arguments alone, to the bit. Logits are interpolated, and probabilities made of them
        afterwards: that is what the losses see in training, and it puts the boundary where the network does, also
        where one side of it is much surer than the other.

        >>> prediction = Prediction.from_logits(np.full((4, 4), 20, np.float32), Crop(1, 0, 2, 1), size=(2, 4))
        >>> prediction.mask.astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]

        Args:
            logits: any shape.
            crop: the part of the image that they cover.
            size: height and width of the image.
            mask: the mask of the result, shape `size`, known to the pixel; it is not copied. Where the logits say
                otherwise, the probability is next to the threshold if they do so weakly, as along an outline that is
                finer than they are, and 0 or 1 if they do so strongly, or if the pixel lies outside the crop.
            corrected: see `Prediction.corrected`.
        """
        prediction = cls.__new__(cls)
        prediction._set(crop=crop, logits=logits, corrected=corrected, candidates=())
        prediction._set(_size=size, _known=mask, _made=None, _empty_outside=mask is None)
        return prediction


def _agree(probability: FloatMap, mask: BoolMask) -> None:
    """Put each pixel on the side of the threshold that `mask` says, in place; both have the shape (h, w)."""
    wrong = pixels_of((probability > MASK_THRESHOLD) != mask)
    right, weakly = mask[wrong], np.abs(probability[wrong] - MASK_THRESHOLD) < _WEAKLY
    probability[wrong] = np.where(weakly, np.where(right, 0.51, 0.47), right)
