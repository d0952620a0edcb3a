"""Image, prompts and previous mask in; the probability of every pixel of the image out.

This is the rim around the network: it reads images, chooses what the network looks at, keeps what can be used again,
and knows the device. It remembers the image and nothing of the prompts; `vpuformer.inference.session` does.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from vpuformer.arrays import Size
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError, MaskError, SessionError
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
from vpuformer.integrations.sam_arrays import prompts_from_arrays
from vpuformer.model.checkpoint import load_model
from vpuformer.model.vpuformer import Features, VPUFormer
from vpuformer.prompts import Prompt, fit_to_image

MAX_CROPS = 8
"""So many crops of an image keep their image features, besides the whole image; at 448 a few MB each."""


class Predictor:
    """A network and the image that it is looking at.

    >>> from vpuformer.model.config import VPUFormerConfig
    >>> from vpuformer.prompts import Click
    >>> predictor = Predictor(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)))
    >>> predictor.set_image(np.zeros((300, 400, 3), np.uint8))
    >>> first = predictor.predict([Click(200, 150)])
    >>> second = predictor.predict([Click(200, 150), Click(20, 20, False)], mask=first.probability, crop=first.crop)
    >>> second.mask.shape
    (300, 400)

    Args:
        model: is put into evaluation mode, moved to `device` and, on a CPU, laid out channels last.
        device: such as "cpu" or "cuda"; by default the one on which the model is.
        views: how the model is shown an object: zoom rule, size of its input, mirrored views.

    Raises:
        ConfigError: there is no such device, or the network's weights are not float32.
    """

    def __init__(
        self,
        model: VPUFormer,
        *,
        device: str | torch.device | None = None,
        views: ViewSettings = USUAL,
    ) -> None:
        own = network_device(model)
        self._device = own if device is None else choose_device(device)
        self._model = model.eval().to(self._device)
        if self._device.type == "cpu":
            self._model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._views = views
        self._side = views.input_size or model.config.input_size
        self._image: npt.NDArray[np.uint8] | None = None
        self._whole: Features | None = None
        self._crops: OrderedDict[Crop, Features] = OrderedDict()

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] = "default",
        device: str | torch.device | None = None,
        *,
        views: ViewSettings = USUAL,
    ) -> "Predictor":
        """A predictor with the weights of this name, or in this folder; see `vpuformer.model.checkpoint.load_model`.

        Args:
            name_or_path: a name of `vpuformer.model.checkpoint.list_models()`, or the folder of a checkpoint.
            device: such as "cpu" or "cuda"; by default CUDA where there is any, else the CPU.
            views: how the model is shown an object.

        Raises:
            CheckpointError: the weights are missing or broken.
            ConfigError: there is no such device.
        """
        chosen = choose_device(device)
        return cls(load_model(name_or_path), device=chosen, views=views)

    @property
    def model(self) -> VPUFormer:
        return self._model

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def views(self) -> ViewSettings:
        return self._views

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """The image, RGB, shape (H, W, 3), read-only.

        Raises:
            SessionError: there is none.
        """
        if self._image is None:
            raise SessionError("there is no image yet; call set_image(image) first")
        return self._image

    @property
    def size(self) -> Size:
        """(height, width) of the image."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def feature_bytes(self) -> int:
        """Memory that the image's image features take at most: those of the whole and of `MAX_CROPS` crops."""
        return 0 if self._whole is None else (1 + MAX_CROPS) * self._whole.nbytes

    def set_image(self, image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any]) -> None:
        """Look at another image.

        This runs the image encoder, as far as it depends on the image alone, once for all objects.

        Args:
            image: a path, a Pillow image or an array; see `vpuformer.images.read_image`.

        Raises:
            ImageError: the image is missing, broken or no image. The former one then stays.
        """
        pixels = own_image(image)
        self.reset_image()
        self._image = pixels
        if not self._model.features_depend_on_prompts:
            shown = self._views.shown([View.next(pixels, [], None)])
            with torch.inference_mode():
                self._whole = self._model.encode(self._image_batch(shown), self._mask(shown))

    def reset_image(self) -> None:
        """Forget the image and everything that was kept of it."""
        self._image = self._whole = None
        self._crops.clear()

    def predict(
        self,
        prompts: Sequence[Prompt] = (),
        *,
        mask: npt.ArrayLike | None = None,
        zoom: bool = True,
        point_coords: npt.ArrayLike | None = None,
        point_labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask_input: npt.ArrayLike | None = None,
        crop: Crop | None = None,
    ) -> Prediction:
        """Segment the object that all these prompts together mean.

        Args:
            prompts: every prompt given for the object so far, in pixels of the image, oldest first. Boxes and
                scribbles may cross the edge of the image.
            mask: the mask so far, shape (H, W) of the image: the last `Prediction.probability`, or a mask made
                elsewhere that is to be corrected (see `vpuformer.images.check_mask`). Alone, it is merely refined.
            zoom: once there is a mask, let the network look at the part of the image around it
                (`zoom.next_crop`), a second time at once where its answer calls for another part; else always
                at the whole image.
            point_coords, point_labels, box, mask_input: the same in the words of Segment Anything; see
                `sam_arrays`. `mask_input` is another name of `mask`: at the size of the image, no logits.
            crop: the crop of the previous answer, kept while it fits.

        Raises:
            SessionError: there is no image yet.
            PromptError: a prompt lies outside the image or is none, or there are neither prompts nor a mask.
            MaskError: the mask is not of the image's size, or holds values that are no probabilities.
            InputError: the crop is none.
        """
        if mask is not None and mask_input is not None:
            raise MaskError("mask and mask_input are two names of the same thing; give one of them")
        arrays = fit_to_image(prompts_from_arrays(point_coords, point_labels, box), self.size)
        given = fit_to_image(prompts, self.size) + arrays
        rule = self._views.zoom if zoom else None
        view = View.first(self.image, given, mask_input if mask is None else mask, crop, rule)
        answer = self._segment(view)
        again = view.after(answer, rule)
        return answer if again is None else self._segment(again)

    @torch.inference_mode()
    def _segment(self, view: View) -> Prediction:
        shown = self._views.shown([view])
        prompts, mask = prompt_tensors(shown, self._device), self._mask(shown)
        output = self._model.decode(self._features(shown, mask, prompts), mask, prompts)
        (logits,) = self._views.merged(logits_of(output.logits))
        return Prediction.from_logits(logits, view.crop, self.size)

    def _features(self, shown: Sequence[View], mask: Tensor, prompts: PromptBatch) -> Features:
        """The image features of a crop, kept from an earlier prompt where they cannot have changed."""
        model, crop = self._model, shown[0].crop
        reusable = not model.features_depend_on_prompts and not (model.features_depend_on_mask and mask.any())
        if not reusable:
            return model.encode(self._image_batch(shown), mask, prompts)
        if self._whole is not None and crop == Crop.whole(self.size):
            return self._whole
        if crop not in self._crops:
            self._crops[crop] = model.encode(self._image_batch(shown), mask, prompts)
            if len(self._crops) > MAX_CROPS:
                self._crops.popitem(last=False)
        self._crops.move_to_end(crop)
        return self._crops[crop]

    def _image_batch(self, shown: Sequence[View]) -> Tensor:
        return image_tensor(shown, self._side, self._device)

    def _mask(self, shown: Sequence[View]) -> Tensor:
        return mask_tensor(shown, self._side, self._device)


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device of this name; without one CUDA where there is any, else the CPU.

    >>> choose_device("cpu")
    device(type='cpu')

    Raises:
        ConfigError: there is no such device.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.ones(1, device=chosen).item()  # which the device of tensors without values has not
    except (AssertionError, ImportError, NotImplementedError, RuntimeError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"the device {str(device)!r} cannot be used ({reason}); use 'cpu'") from error
    return chosen


def leave_half_the_cores() -> None:
    """Have PyTorch use every second core of the CPU, unless OMP_NUM_THREADS says how many.

    For programs that share the machine with others, such as a server with a browser beside it: a thread of PyTorch's
    that waits for another one without a core takes many times as long as one alone.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
