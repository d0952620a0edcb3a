"""A segmenter: it encodes an image once and answers queries about it. Imports no torch.

Everything that needs masks (predictor, session, app, evaluation, validation) holds a `Segmenter` and nothing else.
VPUFormer is one (`vpuformer.inference.segment`), the baselines are others, and one of your own is a small class:

>>> class Disks:
...     "A disk of ten pixels around every click, later clicks on top."
...
...     name, sha256 = "disks", ""
...
...     def encode(self, image):
...         return Encoded(image)
...
...     def segment(self, queries):
...         return [Prediction(self._disks(query)) for query in queries]
...
...     def _disks(self, query):
...         y, x = np.mgrid[: query.encoded.size[0], : query.encoded.size[1]]
...         mask = np.zeros(query.encoded.size, np.float32) if query.mask is None else query.mask.copy()
...         for prompt in query.prompts:
...             mask[np.hypot(*(np.stack([x, y]) - prompt.points.mean(axis=0)[:, None, None])) < 10] = prompt.positive
...         return mask
>>> from vpuformer.prompts import Click
>>> disks: Segmenter = Disks()
>>> encoded = disks.encode(np.zeros((30, 40, 3), np.uint8))
>>> (prediction,) = disks.segment([Query(encoded, [Click(20, 15)])])
>>> int(prediction.mask.sum())
305
"""

import os
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import RGB, BoolMask, FloatMap, Size, as_array, row_strips
from vpuformer.errors import InputError, MaskError, PromptError
from vpuformer.geometry import Crop
from vpuformer.images import check_mask, read_image
from vpuformer.inference import cleaning
from vpuformer.inference.pixels import pixels_of
from vpuformer.inference.resample import stretch
from vpuformer.inference.sigmoid import sigmoid_
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt, fit_to_image

_WEAKLY = 0.25
"""Logits contradict a mask weakly if their probability is nearer than this to the threshold."""


class Segmenter(Protocol):
    """A method of segmentation."""

    @property
    def name(self) -> str:
        """Name for tables and for the app."""
        ...

    @property
    def sha256(self) -> str:
        """Digest of the weights; "" for a method without weights."""
        ...

    def encode(self, image: RGB) -> "Encoded":
        """Compute once what all queries about an image need. When it returns, the work is done."""
        ...

    def segment(self, queries: "Sequence[Query]") -> "list[Prediction]":
        """Answer each query. Images, objects and kinds of prompts may be mixed.

        When it returns, the work is done.

        Returns:
            One prediction a query, in the order of the queries.
        """
        ...


class Encoded:
    """An image that a segmenter has encoded: immutable, and safe to share between threads.

    A segmenter that computes something in `encode` returns a subclass that holds it.

    Args:
        image: see `as_readonly_rgb`.

    Raises:
        ImageError: see `as_readonly_rgb`.
    """

    def __init__(self, image: RGB) -> None:
        self.image = as_readonly_rgb(image)
        """RGB, shape (H, W, 3), read-only."""

    @property
    def size(self) -> Size:
        """(height, width) of the image."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def nbytes(self) -> int:
        """Upper bound of the memory in bytes; it never changes."""
        return self.image.nbytes


E = TypeVar("E", bound=Encoded)


@dataclass(frozen=True, eq=False, slots=True, init=False)
class Query:
    """Everything known about one object: what a segmenter is asked.

    Checked here, so that every segmenter gets prompts and masks that fit its image.

    Args:
        encoded: the image, from the `encode` of the segmenter that is asked.
        prompts: all prompts of the object so far, in image pixels, oldest first. Boxes and scribbles may cross the
            edge of the image; they are clipped.
        mask: the mask so far, shape (H, W) of the image: the last `Prediction.probability`, or other float32 in 0..1;
            or a mask of any other type, see `vpuformer.images.check_mask`. Without prompts it is refined. Pixels of 0
            and 1 are as sure as can be: they change near the new prompts alone.
        crop: the crop of the last `Prediction`, kept while it fits.
        zoom: whether the segmenter may look at the part of the image around the object, once there is a mask.
        new: the number of prompts, the last ones, that `mask` does not answer yet. Far from them it changes only where
            the segmenter is surer than before. With 0, all of it is refined.
        only_here: change `mask` near the new prompts alone, however sure the segmenter is elsewhere.
        candidates: whether the prediction also gets `Prediction.candidates`, at the cost of further looks.

    Raises:
        PromptError: a prompt lies outside the image or is not a prompt, or there are neither prompts nor a mask.
        MaskError: the mask is not of the image's size, or holds values that are not probabilities.
        InputError: `crop` is not a `Crop`.
    """

    encoded: Encoded
    prompts: tuple[Prompt, ...]
    mask: FloatMap | None
    """Shape (H, W) of the image, in 0..1."""
    crop: Crop | None
    zoom: bool
    new: int
    only_here: bool
    candidates: bool

    def __init__(
        self,
        encoded: Encoded,
        prompts: Iterable[Prompt] = (),
        mask: npt.ArrayLike | None = None,
        crop: Crop | None = None,
        zoom: bool = True,
        *,
        new: int = 1,
        only_here: bool = False,
        candidates: bool = False,
    ) -> None:
        fitting = fit_to_image(prompts, encoded.size)
        if not fitting and mask is None:
            raise PromptError("nothing to go by: give at least one click, box or scribble, or a mask to start from")
        if crop is not None and not isinstance(crop, Crop):
            raise InputError(f"crop must be the crop of the last Prediction, or None, got {crop!r:.80}")
        if new < 0:
            raise InputError(f"new is the number of new prompts, at least 0, got {new}")
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "prompts", fitting)
        object.__setattr__(self, "mask", _checked_mask(mask, encoded.size))
        object.__setattr__(self, "crop", crop)
        object.__setattr__(self, "zoom", zoom)
        object.__setattr__(self, "new", min(new, len(fitting)))
        object.__setattr__(self, "only_here", only_here)
        object.__setattr__(self, "candidates", candidates)

    @property
    def new_prompts(self) -> tuple[Prompt, ...]:
        """The prompts that `mask` does not answer yet; all of them without a mask."""
        return self.prompts if self.mask is None else self.prompts[len(self.prompts) - self.new :]

    def encoded_as(self, kind: type[E]) -> E:
        """The encoded image, as the segmenter that is asked encodes them.

        Raises:
            InputError: another segmenter has encoded it.
        """
        if not isinstance(self.encoded, kind):
            raise InputError(
                f"the query holds {type(self.encoded).__name__}, wanted {kind.__name__}; encode the image with the"
                " segmenter that is asked"
            )
        return self.encoded


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
        probability: shape (H, W) of the image, in 0..1.
        crop: see below; by default the whole image.
        logits, corrected, candidates: see below.

    Raises:
        MaskError: `probability` has another number of axes.
    """

    crop: Crop
    """The part of the image that the segmenter looked at. Pass it on with the next query: it is kept while it fits."""
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
        readonly = np.asarray(probability, np.float32).view()
        if readonly.ndim != 2:
            raise MaskError(f"the answer has the shape {readonly.shape}; give a probability for each pixel, (H, W)")
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
        """Shape (H, W) of the image, in 0..1; read-only; outside `crop` 1 where an earlier mask was kept, else 0.

        An answer with logits makes it when it is first asked for.
        """
        if self._made is None:
            assert self.logits is not None
            made = _probability(self.logits, self.crop, self._size, self._known)
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
        mask = np.zeros(self._size, bool)
        np.greater(self.probability[self.crop.slices], MASK_THRESHOLD, out=mask[self.crop.slices])
        return mask

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


def _probability(logits: FloatMap, crop: Crop, size: Size, mask: BoolMask | None) -> FloatMap:
    """See `Prediction.from_logits`."""
    probability = np.zeros(size, np.float32)
    inside = probability[crop.slices]
    stretch(np.asarray(logits, np.float32), crop.size, out=inside)
    for rows in row_strips(crop.size):
        sigmoid_(inside[rows])
        if mask is not None:
            _agree(inside[rows], mask[crop.slices][rows])
    if mask is not None:
        for outside in crop.complement(size):
            if mask[outside].any():
                probability[outside] = mask[outside]
    return probability


def _agree(probability: FloatMap, mask: BoolMask) -> None:
    """Put each pixel on the side of the threshold that `mask` says, in place; both have the shape (h, w)."""
    wrong = pixels_of((probability > MASK_THRESHOLD) != mask)
    right, weakly = mask[wrong], np.abs(probability[wrong] - MASK_THRESHOLD) < _WEAKLY
    probability[wrong] = np.where(weakly, np.where(right, 0.51, 0.47), right)


def as_readonly_rgb(image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any]) -> RGB:
    """The image as RGB, shape (H, W, 3), read-only.

    Later changes of the caller's array do not reach it. An array that nobody can write to is not copied: a hundred
    million pixels are 300 MB.

    Args:
        image: a path, a Pillow image or an array; see `vpuformer.images.read_image`.

    Raises:
        ImageError: the image is missing, broken or not an image.
    """
    pixels = read_image(image)
    if isinstance(image, np.ndarray) and (image.flags.writeable or not image.flags.owndata):
        pixels = pixels.copy()
    pixels.setflags(write=False)
    return pixels


def _checked_mask(mask: npt.ArrayLike | None, size: Size) -> FloatMap | None:
    """The mask as probabilities. Most are the previous answer: taken as they are, quickly, and without a warning."""
    if mask is None:
        return None
    if isinstance(mask, np.ndarray) and mask.dtype == np.float32 and mask.shape == size and _within_0_and_1(mask):
        return mask
    return as_probability(mask, size)


def _within_0_and_1(mask: FloatMap) -> bool:
    """Whether all values are in 0..1, without minus zeros, in one pass instead of two."""
    bits = mask.view(np.uint32)  # in the order of the values; those of negative values and of NaN are larger
    return bool(bits.max() <= np.float32(1).view(np.uint32))


def as_probability(mask: npt.ArrayLike, size: Size) -> FloatMap:
    """A mask of any kind as probabilities in 0..1, shape (H, W); see `images.check_mask`.

    Raises:
        MaskError: it is not an array, not of the image's size, or holds values that are not probabilities.
    """
    try:
        array = as_array(mask)
    except ValueError as error:
        raise MaskError(f"the mask is not an array of shape {size}: {error}") from error
    if array.ndim == 3 and array.shape[0] == 1 and array.shape[1:] != size:
        raise MaskError(
            f"the mask has the shape {array.shape}, as the low-resolution logits of Segment Anything do; give the mask"
            f" or its probability at the size of the image, {size}"
        )
    return check_mask(array, size)
