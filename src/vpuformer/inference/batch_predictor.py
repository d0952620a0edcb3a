"""Several objects at once through the network: for evaluation, and for folders of images with prompts.

One pass of eight objects takes much less than eight passes of one. `Predictor` answers a person, who waits for one.
"""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpuformer.arrays import FloatMap
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError, ImageError, InputError, SessionError
from vpuformer.geometry import Crop
from vpuformer.inference.views import (
    USUAL,
    Prediction,
    View,
    ViewSettings,
    image_tensor,
    logits_of,
    mask_tensor,
    network_device,
    own_image,
    prompt_tensors,
)
from vpuformer.model.vpuformer import Features, VPUFormer
from vpuformer.prompts import Prompt


@dataclass(frozen=True, slots=True)
class Request:
    """All that has been shown of one object."""

    place: int
    """Which of the images, counted from 0. Each object has a place of its own; the same image may be in several."""
    prompts: Sequence[Prompt]
    """Every prompt for the object so far, in pixels of the image, oldest first."""
    mask: FloatMap | None = None
    """The mask so far, shape (H, W) of the image: the last `Prediction.probability`."""
    crop: Crop | None = None
    """The crop of the last answer, kept while it fits."""


class BatchPredictor:
    """A network and the images that it is looking at, one an object.

    The answers are those of `Predictor` but for rounding: sums over a batch of another size are taken in another order.

    >>> from vpuformer.model.config import VPUFormerConfig
    >>> from vpuformer.prompts import Box, Click
    >>> predictor = BatchPredictor(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)).eval())
    >>> predictor.set_images([np.zeros((30, 40, 3), np.uint8), np.zeros((50, 20, 3), np.uint8)])
    >>> answers = predictor.predict([Request(0, [Click(20, 15)]), Request(1, [Box(2, 2, 15, 40)])])
    >>> [answer.mask.shape for answer in answers]
    [(30, 40), (50, 20)]

    Args:
        model: in evaluation mode, on the device on which it is to run. It is not changed, so that several of these in
            threads of their own can share it.
        views: how the network is shown an object: zoom rule, size of its input, mirrored views.

    Raises:
        ConfigError: the network is in training mode, or its weights are not float32.
    """

    def __init__(self, model: VPUFormer, *, views: ViewSettings = USUAL) -> None:
        if model.training:
            raise ConfigError("the network is in training mode and would answer at random; call model.eval() first")
        self._model = model
        self._device = network_device(model)
        self._views = views
        self._side = views.input_size or model.config.input_size
        self._images: list[npt.NDArray[np.uint8]] = []
        self._kept: dict[tuple[int, bool], tuple[Crop, Features]] = {}
        self._joined: tuple[list[Features], Features] | None = None

    def set_images(self, images: Sequence[Any]) -> None:
        """Look at other images: one for each object, repeated where objects share one.

        An image that follows itself is encoded once.

        Args:
            images: as `Predictor.set_image` takes them, at least one.

        Raises:
            ImageError: an image is missing, broken or no image, or there is none. The former ones then stay.
        """
        alone = isinstance(images, np.ndarray) and images.ndim < 4
        if alone or isinstance(images, str) or not isinstance(images, Sequence | np.ndarray) or len(images) == 0:
            raise ImageError("set_images takes a list of at least one image, one for each object; put [ ] around one")
        pixels = [own_image(image) for image in images]
        self._images, self._kept, self._joined = pixels, {}, None
        if self._model.features_depend_on_prompts:
            return
        first = [i for i, image in enumerate(pixels) if i == 0 or not np.array_equal(image, pixels[i - 1])]
        shown = self._views.shown([View.next(pixels[i], [], None) for i in first])
        with torch.inference_mode():
            features = self._model.encode(self._image_batch(shown)).samples()
        for i in range(len(pixels)):
            row = sum(start <= i for start in first) - 1
            for view, encoded in list(zip(shown, features, strict=True))[row :: len(first)]:
                self._kept[i, view.mirrored] = view.crop, encoded

    def predict(self, requests: Iterable[Request]) -> list[Prediction]:
        """Segment one object a request, in one pass; in a second one those that turn out to lie in another crop.

        Args:
            requests: at most one a place.

        Raises:
            InputError: these are no requests.
            SessionError: a request names a place without an image, or two name the same one.
            PromptError, MaskError, InputError: as `Predictor.predict`.
        """
        if not isinstance(requests, Iterable):
            raise InputError(f"requests are a list of Request(place, prompts, mask, crop), got {requests!r:.80}")
        asked = list(requests)
        places = [self._place(request) for request in asked]
        if len(set(places)) < len(places):
            raise SessionError("two requests name the same image; give each object a place of its own")
        views = [self._view(place, request) for place, request in zip(places, asked, strict=True)]
        if not views:
            return []
        answers = self._segment(places, views)
        found = [view.after(answer, self._views.zoom) for view, answer in zip(views, answers, strict=True)]
        again = {i: view for i, view in enumerate(found) if view is not None}
        if again:
            second = self._segment([places[i] for i in again], list(again.values()))
            for i, answer in zip(again, second, strict=True):
                answers[i] = answer
        return answers

    @torch.inference_mode()
    def _segment(self, places: Sequence[int], views: Sequence[View]) -> list[Prediction]:
        shown = self._views.shown(views)
        masks = mask_tensor(shown, self._side, self._device)
        prompts = prompt_tensors(shown, self._device)
        keys = [(place, view.mirrored) for place, view in zip([*places, *places], shown, strict=False)]
        output = self._model.decode(self._features(keys, shown, masks, prompts), masks, prompts)
        logits = self._views.merged(logits_of(output.logits))
        return [
            Prediction.from_logits(answer, view.crop, view.image.shape[:2])
            for answer, view in zip(logits, views, strict=True)
        ]

    def _place(self, request: Request) -> int:
        if not isinstance(request, Request):
            raise InputError(f"a request is a Request(place, prompts, mask, crop), got {request!r:.80}")
        try:
            place = operator.index(request.place)
        except TypeError:
            place = -1
        if not 0 <= place < len(self._images):
            raise SessionError(f"there is no image {request.place!r:.40}; set_images gave {len(self._images)}")
        return place

    def _view(self, place: int, request: Request) -> View:
        return View.first(self._images[place], request.prompts, request.mask, request.crop, self._views.zoom)

    def _features(
        self, keys: Sequence[tuple[int, bool]], views: Sequence[View], masks: Tensor, prompts: PromptBatch
    ) -> Features:
        """Of every view; those that cannot have changed since an object's last view are taken from there."""
        model = self._model
        if model.features_depend_on_prompts:
            return model.encode(self._image_batch(views), masks, prompts)
        fixed = [not (model.features_depend_on_mask and mask.any()) for mask in masks]
        kept = [self._kept[key] for key in keys]
        new = [
            i for i, ((crop, _), view) in enumerate(zip(kept, views, strict=True)) if not fixed[i] or crop != view.crop
        ]
        rows = [features for _, features in kept]
        if new:
            encoded = model.encode(self._image_batch([views[i] for i in new]), masks[new]).samples()
            for i, features in zip(new, encoded, strict=True):
                rows[i] = features
                if fixed[i]:
                    self._kept[keys[i]] = views[i].crop, features
        # Most prompts move no crop, and copying the features of all objects takes longer than it seems.
        if self._joined is None or [*map(id, rows)] != [*map(id, self._joined[0])]:
            self._joined = rows, Features.joined(rows)
        return self._joined[1]

    def _image_batch(self, views: Sequence[View]) -> Tensor:
        return image_tensor(views, self._side, self._device)
