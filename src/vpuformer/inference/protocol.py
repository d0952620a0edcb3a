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
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import RGB, FloatMap, Size, as_array
from vpuformer.errors import InputError, MaskError, PromptError
from vpuformer.geometry import Crop
from vpuformer.images import check_mask, read_image
from vpuformer.inference.prediction import Prediction
from vpuformer.prompts import Prompt, fit_to_image


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
        mask: the mask so far: the last `Prediction`, which is quickest for a large image; its `probability`, or other
            floats in 0..1, shape (H, W) of the image; or a mask of any other type, see
            `vpuformer.images.check_mask`. Without prompts it is refined. Pixels of 0 and 1 are as sure as can be: they
            change near the new prompts alone. The answer is sure as the network is: pass `only_here` with each
            further query, so that the mask stays somebody's own.
        crop: the part of the image that was looked at for `mask`, kept while it fits; by default that of `mask`, if
            it is a `Prediction`.
        zoom: whether the segmenter may look at the part of the image around the object, once there is a mask.
        new: the number of prompts, the last ones, that `mask` does not answer yet. Far from them it changes only where
            the segmenter is surer than before. A new box around the object makes it begin without a mask that reaches
            far beyond the box. With 0, all of the mask is refined.
        only_here: change `mask` near the new prompts alone, however sure the segmenter is elsewhere, and however often
            it says so.
        keep_mask: never begin without `mask`: somebody has made it, or painted on it. A mask of 0 and 1 alone is kept
            in any case.
        candidates: whether the prediction also gets `Prediction.candidates`, at the cost of further looks.

    Raises:
        PromptError: a prompt lies outside the image or is not a prompt, or there are neither prompts nor a mask.
        MaskError: the mask is not of the image's size, or holds values that are not probabilities.
        InputError: `crop` is not a `Crop`.
    """

    encoded: Encoded
    prompts: tuple[Prompt, ...]
    previous: FloatMap | Prediction | None
    """The mask so far: shape (H, W) of the image, in 0..1, or an answer."""
    crop: Crop | None
    zoom: bool
    new: int
    only_here: bool
    keep_mask: bool
    candidates: bool

    def __init__(
        self,
        encoded: Encoded,
        prompts: Iterable[Prompt] = (),
        mask: npt.ArrayLike | Prediction | None = None,
        crop: Crop | None = None,
        zoom: bool = True,
        *,
        new: int = 1,
        only_here: bool = False,
        keep_mask: bool = False,
        candidates: bool = False,
    ) -> None:
        fitting = fit_to_image(prompts, encoded.size)
        if not fitting and mask is None:
            raise PromptError("nothing to go by: give at least one click, box or scribble, or a mask to start from")
        if crop is None and isinstance(mask, Prediction):
            crop = mask.crop
        if crop is not None and not isinstance(crop, Crop):
            raise InputError(f"crop must be the crop of the last Prediction, or None, got {crop!r:.80}")
        if new < 0:
            raise InputError(f"new is the number of new prompts, at least 0, got {new}")
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "prompts", fitting)
        object.__setattr__(self, "previous", checked_mask(mask, encoded.size))
        object.__setattr__(self, "crop", crop)
        object.__setattr__(self, "zoom", zoom)
        object.__setattr__(self, "new", min(new, len(fitting)))
        object.__setattr__(self, "only_here", only_here)
        object.__setattr__(self, "keep_mask", keep_mask)
        object.__setattr__(self, "candidates", candidates)

    @property
    def mask(self) -> FloatMap | None:
        """The mask so far, shape (H, W) of the image, in 0..1; made when it is first asked for."""
        return self.previous.probability if isinstance(self.previous, Prediction) else self.previous

    @property
    def new_prompts(self) -> tuple[Prompt, ...]:
        """The prompts that `mask` does not answer yet; all of them without a mask."""
        return self.prompts if self.previous is None else self.prompts[len(self.prompts) - self.new :]

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


def checked_mask(mask: npt.ArrayLike | Prediction | None, size: Size) -> FloatMap | Prediction | None:
    """A mask to start from as probabilities, for an image of `size`.

    An answer with logits stays one. Floats in 0..1 are probabilities, however many values there are. Other arrays mean
    what `images.check_mask` says.

    Raises:
        MaskError: it is not an array, not of the image's size, or holds values that are not probabilities.
    """
    if mask is None:
        return None
    if isinstance(mask, Prediction):
        if mask.logits is None:
            return checked_mask(mask.probability, size)
        if mask.size != size:
            raise MaskError(
                f"the previous answer is {mask.size[1]}x{mask.size[0]} pixels, the image {size[1]}x{size[0]}; give an"
                " answer to the same image"
            )
        return mask
    if isinstance(mask, np.ndarray) and mask.dtype == np.float32 and mask.shape == size and _within_0_and_1(mask):
        return mask
    try:
        array = as_array(mask)
    except ValueError as error:
        raise MaskError(f"the mask is not an array of shape {size}: {error}") from error
    if array.ndim == 3 and array.shape[0] == 1 and array.shape[1:] != size:
        raise MaskError(
            f"the mask has the shape {array.shape}, as the low-resolution logits of Segment Anything do; give the mask"
            f" or its probability at the size of the image, {size}"
        )
    if np.issubdtype(array.dtype, np.floating) and array.shape == size and array.min() >= 0 and array.max() <= 1:
        return array.astype(np.float32) + np.float32(0)  # without minus zeros
    return check_mask(array, size)


def _within_0_and_1(mask: FloatMap) -> bool:
    """Whether all values are in 0..1, without minus zeros, in one pass instead of two."""
    bits = mask.view(np.uint32)  # in the order of the values; those of negative values and of NaN are larger
    return bool(bits.max() <= np.float32(1).view(np.uint32))
