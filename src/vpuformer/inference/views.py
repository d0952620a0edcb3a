"""Between the image and the square that the network sees: which part, and how pixels get there and back.

One view is one pass of one object. Predictor and batch predictor share what stands here, so that an object gets the
same answer from both.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from vpuformer.arrays import FloatMap, Size, as_array
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import CheckpointError, ConfigError, InputError, MaskError, PromptError
from vpuformer.fields import check_fields
from vpuformer.geometry import Crop, FrameMap, check_input_size
from vpuformer.images import check_mask, read_image
from vpuformer.inference.zoom import RULES, ZoomRule, next_crop, prompts_in_crop
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt, fit_to_image


class View(NamedTuple):
    """What the network is shown of one object."""

    image: npt.NDArray[np.uint8]
    """The whole image, RGB, shape (H, W, 3)."""
    crop: Crop
    """The part of it that is shown."""
    prompts: tuple[Prompt, ...]
    """Those in the crop, in pixels of the image."""
    mask: FloatMap | None
    """The mask so far, shape (H, W) of the image, in 0..1."""
    given: Sequence[Prompt]
    """All prompts, also those outside the crop."""
    mirrored: bool = False
    """Whether the network sees left and right exchanged."""

    @classmethod
    def first(
        cls,
        image: npt.NDArray[np.uint8],
        prompts: Iterable[Prompt],
        mask: npt.ArrayLike | None,
        previous: Crop | None = None,
        zoom: ZoomRule | None = RULES["ours"],
    ) -> "View":
        """The view of what somebody hands over: checked, and then as `next` has it.

        Raises:
            PromptError: a prompt lies outside the image or is none, or there are neither prompts nor a mask.
            MaskError: the mask is not of the image's size, or holds values that are no probabilities.
            InputError: `previous` is not a `Crop`.
        """
        size = (image.shape[0], image.shape[1])
        given, checked = fit_to_image(prompts, size), None if mask is None else given_mask(mask, size)
        if not given and checked is None:
            raise PromptError("nothing to go by: give at least one click, box or scribble, or a mask to start from")
        if previous is not None and not isinstance(previous, Crop):
            raise InputError(f"crop is that of the last Prediction, or None, got {previous!r:.80}")
        return cls.next(image, given, checked, previous, zoom)

    @classmethod
    def next(
        cls,
        image: npt.NDArray[np.uint8],
        prompts: Sequence[Prompt],
        mask: FloatMap | None,
        previous: Crop | None = None,
        zoom: ZoomRule | None = RULES["ours"],
    ) -> "View":
        """The view after these prompts and this mask; see `zoom.next_crop`, also for `previous`. Without a
        rule, the whole image.

        >>> View.next(np.zeros((30, 40, 3), np.uint8), [], None).crop
        Crop(left=0, top=0, width=40, height=30)
        """
        size = (image.shape[0], image.shape[1])
        crop = Crop.whole(size) if zoom is None else next_crop(size, mask, prompts, previous, zoom)
        return cls(image, crop, prompts_in_crop(prompts, crop), mask, prompts)

    def after(self, answer: "Prediction", zoom: ZoomRule | None = RULES["ours"]) -> "View | None":
        """The view in which the network goes on from its answer, if that shows the object to lie in another crop.

        A first answer comes from the whole image; a look at the object itself, before anybody corrects what could
        not be seen, makes it better. The next prompt needs the features of this crop anyway. None for a rule without a
        second look.
        """
        if zoom is None or not zoom.second_look:
            return None
        again = View.next(self.image, self.given, answer.probability, self.crop, zoom)
        return None if again.crop == self.crop else again


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How a network is shown an object, whatever object it is.

    Raises:
        ConfigError: a field is of another type, or `input_size` out of range.
    """

    zoom: ZoomRule | None = RULES["ours"]
    """None: always the whole image."""
    flip: bool = False
    """Whether each view is shown mirrored as well, and the logits of both are averaged, as in RITM's evaluation."""
    input_size: int | None = None
    """Side of the square that the network sees, in pixels; None for the one that it was trained for."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.input_size is not None:
            check_input_size(self.input_size)

    def shown(self, views: Sequence[View]) -> list[View]:
        """The views of one pass: these, and behind them the mirrored ones if wanted."""
        return [*views, *([view._replace(mirrored=True) for view in views] if self.flip else ())]

    def merged(self, logits: Sequence[FloatMap]) -> list[FloatMap]:
        """The inverse of `shown`, of the answers (h, w): one for each view."""
        if not self.flip:
            return list(logits)
        half = len(logits) // 2
        return [(one + other[:, ::-1]) / np.float32(2) for one, other in zip(logits[:half], logits[half:], strict=True)]


USUAL = ViewSettings()
"""How a person is answered."""


def own_image(image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The image, RGB, shape (H, W, 3), read-only: what the caller later does to an array changes nothing here.

    An array that nobody can write to is not copied: a hundred million pixels are 300 MB.

    Raises:
        ImageError: the image is missing, broken or no image.
    """
    pixels = read_image(image)
    if isinstance(image, np.ndarray) and (image.flags.writeable or not image.flags.owndata):
        pixels = pixels.copy()
    pixels.setflags(write=False)
    return pixels


def network_device(model: torch.nn.Module) -> torch.device:
    """The device of a network that is to answer.

    Raises:
        ConfigError: its weights are not float32, as what it is given is.
    """
    weights = next(model.parameters())
    if weights.dtype != torch.float32:
        raise ConfigError(f"the network's weights are {weights.dtype}, it answers in float32; call model.float() first")
    return weights.device


def given_mask(mask: npt.ArrayLike, size: Size) -> FloatMap:
    """A mask that somebody hands over; see `vpuformer.images.check_mask`.

    Raises:
        MaskError: it is no array, not of the image's size, or holds values that are no probabilities.
    """
    try:
        array = as_array(mask)
    except ValueError as error:
        raise MaskError(f"the mask is no array of shape {size}: {error}") from error
    if array.ndim == 3 and array.shape[0] == 1 and array.shape[1:] != size:
        raise MaskError(
            f"the mask has the shape {array.shape}, as the low-resolution logits of Segment Anything do; give the mask"
            f" or its probability at the size of the image, {size}"
        )
    return check_mask(array, size)


def image_tensor(views: Sequence[View], side: int, device: torch.device) -> Tensor:
    """The crops as the network takes them: shape [b, 3, side, side], values in 0..1, laid out channels last."""
    pixels = np.stack([_turned(stretch(view.image[view.crop.slices], (side, side)), view) for view in views])
    # Pixels lie together in memory, channel by channel: seen as [b, 3, s, s] that is channels last already.
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device).float().div_(255)


def mask_tensor(views: Sequence[View], side: int, device: torch.device) -> Tensor:
    """The masks so far as the network takes them: shape [b, 1, side, side]; zeros where there is none."""
    masks = np.zeros((len(views), 1, side, side), np.float32)
    for i, view in enumerate(views):
        if view.mask is not None:
            masks[i, 0] = _turned(stretch(view.mask[view.crop.slices], (side, side)), view)
    return torch.from_numpy(masks).to(device)


def prompt_tensors(views: Sequence[View], device: torch.device) -> PromptBatch:
    """The prompts in the canonical frame of each view's crop."""
    frames = [FrameMap.to_canonical(view.crop, mirrored=view.mirrored) for view in views]
    return PromptBatch.collate([view.prompts for view in views], frames, device=device)


def _turned(pixels: npt.NDArray[Any], view: View) -> npt.NDArray[Any]:
    return pixels[:, ::-1] if view.mirrored else pixels


def logits_of(output: Tensor) -> list[FloatMap]:
    """The network's logits [b, 1, h, w] as one map (h, w) a view.

    Raises:
        CheckpointError: they are no numbers.
    """
    logits = output[:, 0].float().cpu().numpy()
    if not np.isfinite(logits).all():
        raise CheckpointError(
            "the network answers with values that are no numbers; its weights are broken, load others"
        )
    return list(logits)


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """An answer of the network, for every pixel of the image."""

    probability: FloatMap
    """Shape (H, W) of the image, in 0..1; read-only; 0 outside `crop`."""
    crop: Crop
    """What the network looked at. Pass it on with the next prompt, so that it keeps looking there while it can."""
    logits: FloatMap | None = None
    """What the network said about `crop`, before it was stretched to it: small, and all that is needed to make
    `probability` again (`from_logits`)."""

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The object: probability above `MASK_THRESHOLD`; shape (H, W)."""
        return self.probability > MASK_THRESHOLD

    @classmethod
    def from_logits(cls, logits: FloatMap, crop: Crop, size: Size) -> "Prediction":
        """Stretch the network's logits to the crop, and put it into an image of `size` that is empty elsewhere.

        Logits are interpolated, and probabilities made of them afterwards: that is what the losses see in training,
        and it puts the boundary where the network does, also where one side of it is much surer than the other. The
        other way round would hardly be faster: the sigmoid of 48 million pixels takes 0.06 s.

        >>> prediction = Prediction.from_logits(np.full((4, 4), 20, np.float32), Crop(1, 0, 2, 1), size=(2, 4))
        >>> prediction.mask.astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
        """
        inside = stretch(logits, crop.size)
        if inside is logits:
            inside = logits.copy()
        torch.from_numpy(inside).sigmoid_()  # in place, and several times as fast as with NumPy
        if crop == Crop.whole(size):
            probability = inside
        else:
            probability = np.zeros(size, np.float32)
            probability[crop.slices] = inside
        probability.setflags(write=False)
        return cls(probability, crop, logits)


def stretch(array: npt.NDArray[Any], size: Size) -> npt.NDArray[Any]:
    """An array (H, W) or (H, W, 3) resampled to `size`: averaged along an axis that shrinks, linear along one that
    grows. Both follow the map of `vpuformer.geometry`. The array itself, if it has this size already.

    >>> stretch(np.array([[0, 4, 8, 8]], np.float32), (1, 2)).tolist()
    [[2.0, 8.0]]
    """
    height, width = array.shape[:2]
    smaller = (min(height, size[0]), min(width, size[1]))
    # One axis after the other: OpenCV averages only where no axis grows.
    if smaller != (height, width):
        array = cv2.resize(array, smaller[::-1], interpolation=cv2.INTER_AREA)
    if smaller != size:
        array = cv2.resize(array, size[::-1], interpolation=cv2.INTER_LINEAR)
    return array
