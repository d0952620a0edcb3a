"""The network in the place where programs for Segment Anything build theirs."""

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vpuformer.arrays import RGB
from vpuformer.errors import SessionError
from vpuformer.extras import imported
from vpuformer.geometry import Crop
from vpuformer.inference.encoded import EncodedImage
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.inference.segment import VPUFormerSegmenter

FRAME = 1024
"""Longer side, in pixels, of the frame in which SAM takes tensors."""


class Sam:
    """A segmenter that is built and moved to devices as Segment Anything is.

    >>> str(Sam(device="cpu").to("cpu").eval().device)
    'cpu'

    Args:
        weights: a name or folder of weights. Weights of Segment Anything stand for "default", with a warning.
        device: see `VPUFormerSegmenter.from_pretrained`, also for errors and for `runtime`.
    """

    image_format = "RGB"
    mask_threshold = 0.0
    image_encoder = SimpleNamespace(img_size=FRAME)

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        device: Any = None,
        *,
        runtime: str | None = None,
    ) -> None:
        self._weights, self._runtime = own_weights(weights), runtime
        self._segmenter = self._loaded(device)

    def _loaded(self, device: Any) -> VPUFormerSegmenter:
        named = None if device is None else str(device)
        return VPUFormerSegmenter.from_pretrained(self._weights, named, runtime=self._runtime)

    @property
    def name(self) -> str:
        """See `Segmenter`."""
        return self._segmenter.name

    @property
    def sha256(self) -> str:
        """See `Segmenter`."""
        return self._segmenter.sha256

    @property
    def device(self) -> Any:
        """The network's device, see `device_of`."""
        return device_of(self._segmenter)

    def encode(self, image: RGB) -> Encoded:
        """See `Segmenter`."""
        return self._segmenter.encode(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """See `Segmenter`."""
        return self._segmenter.segment(queries)

    def __call__(self, batched_input: Sequence[Mapping[str, Any]], multimask_output: bool) -> list[dict[str, Any]]:
        """Segment objects in several images, from tensors in the frame of `ResizeLongestSide`.

        Args:
            batched_input: for each image "image", shape (3, h, w); "original_size"; and "point_coords" with
                "point_labels", "boxes" or "mask_inputs", see `SamPredictor.predict_torch`, also for errors.
            multimask_output: see `SamPredictor.predict`.

        Returns:
            "masks", "iou_predictions" and "low_res_logits" of each image, as `SamPredictor.predict_torch` returns them.
        """
        from vpuformer.integrations.sam.predictor import SamPredictor

        predictor, answers = SamPredictor(self), []
        for each in batched_input:
            predictor.set_torch_image(each["image"][None], each["original_size"])
            found = predictor.predict_torch(
                each.get("point_coords"),
                each.get("point_labels"),
                each.get("boxes"),
                each.get("mask_inputs"),
                multimask_output,
            )
            answers.append(dict(zip(("masks", "iou_predictions", "low_res_logits"), found, strict=True)))
        return answers

    def to(self, device: Any) -> "Sam":
        """This network on another device."""
        if str(device) != self._segmenter.device:
            self._segmenter = self._loaded(device)
        return self

    def cuda(self) -> "Sam":
        """This network on the first GPU."""
        return self.to("cuda")

    def cpu(self) -> "Sam":
        """This network on the CPU."""
        return self.to("cpu")

    def eval(self) -> "Sam":
        """This network, which is always ready for inference."""
        return self


def build_sam(checkpoint: str | os.PathLike[str] | None = None) -> Sam:
    """A network with these weights; see `Sam`."""
    return Sam(checkpoint)


sam_model_registry: Mapping[str, Callable[..., Sam]] = dict.fromkeys(("default", "vit_h", "vit_l", "vit_b"), build_sam)
"""The names under which programs build Segment Anything; each builds `Sam`."""


def build_sam2(
    config_file: str | None = None, ckpt_path: str | os.PathLike[str] | None = None, device: Any = None, **others: Any
) -> Sam:
    """A network with these weights; see `Sam`. The other arguments are ignored."""
    del config_file, others
    return Sam(ckpt_path, device)


def own_weights(weights: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """Name or folder of our weights; "default" for Segment Anything's, with a warning."""
    if weights is None:
        return "default"
    if Path(weights).suffix in (".pth", ".pt") or str(weights).startswith("facebook/"):
        warnings.warn(
            f"{weights} names weights of Segment Anything, which are not loaded; VPUFormer answers with its weights"
            " 'default'. Give a name or folder of VPUFormer's weights to choose others",
            stacklevel=3,
        )
        return "default"
    return weights


def device_of(segmenter: Any) -> Any:
    """The device of a segmenter: a `torch.device` in a program that uses torch, else its name."""
    device = str(getattr(segmenter, "device", "cpu"))
    return sys.modules["torch"].device(device) if "torch" in sys.modules else device


def image_embedding(encoded: Encoded) -> Any:
    """The deepest features of an image, a float32 tensor of shape (1, C, h, w).

    Raises:
        SessionError: the segmenter keeps none.
        MissingDependencyError: torch is not installed.
    """
    if isinstance(encoded, EncodedImage) and isinstance(encoded.encoder, VPUFormerSegmenter):
        features = encoded.get(Crop.whole(encoded.size))
        if features:
            return imported("torch").as_tensor(encoded.encoder.network.to_arrays(features[0])["semantic"]).float()
    raise SessionError("this segmenter keeps no features of an image, so there is no embedding; use predict without it")
