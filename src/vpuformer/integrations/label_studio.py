"""A backend for Label Studio's smart tools, with results as brush masks or polygons.

Positions in Label Studio are percent of the width and height of the image, with pixel corners at integers.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MissingDependencyError, PromptError
from vpuformer.extras import imported
from vpuformer.formats import parts_of
from vpuformer.formats.label_studio_brush import brush_mask
from vpuformer.inference.protocol import Encoded, Query, Segmenter, as_readonly_rgb
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.integrations.sam.masks import expected_iou
from vpuformer.integrations.strokes import scribble_from_brush
from vpuformer.prompts import Box, Click, Prompt

KEPT_IMAGES = 8
"""Tasks whose features are kept in memory."""

_CONTROLS = {"BrushLabels": "brushlabels", "PolygonLabels": "polygonlabels"}
"""Controls that take results, and the types of these."""

_TOLERANCE = 0.75
"""Corners of polygons are left out if the outline moves by no more pixels."""

Result = Mapping[str, Any]
"""A region as Label Studio sends it."""


def create_app(model: str = "default", device: str | None = None, runtime: str | None = None) -> Any:
    """The web application of the backend, for Flask or a WSGI server.

    Args:
        model, device, runtime: see `VPUFormerSegmenter.from_pretrained`, also for errors.

    Raises:
        MissingDependencyError: label-studio-ml is not installed.
    """
    segmenter = VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime)
    return _package("label_studio_ml.api").init_app(backend(segmenter))


def backend(segmenter: Segmenter) -> type:
    """The class of the backend, a subclass of `LabelStudioMLBase`.

    Label Studio's server makes an object of it for each request; features of images are kept between them.

    Raises:
        MissingDependencyError: label-studio-ml is not installed.
    """
    base, images = _package("label_studio_ml.model").LabelStudioMLBase, _Images(segmenter)

    def setup(self: Any) -> None:
        self.set("model_version", f"vpuformer-{segmenter.name}")

    def predict(self: Any, tasks: Sequence[Mapping[str, Any]], context: Any = None, **_: Any) -> Any:
        """The object that the regions in `context` show in the first task; without any, nothing."""
        response = _package("label_studio_ml.response").ModelResponse
        drawn = (context or {}).get("result")
        if not drawn:
            return response(predictions=[])
        control, image, field = self.get_first_tag_occurence(tuple(_CONTROLS), "Image")
        kind = _CONTROLS[self.label_interface.get_control(control).tag]
        task = tasks[0]
        address = task["data"][field]
        encoded = images.encoded(address, lambda: self.get_local_path(address, task_id=task.get("id")))
        (answer,) = segmenter.segment([Query(encoded, prompts_from_results(drawn, encoded.size))])
        score = expected_iou(answer)
        common = {"from_name": control, "to_name": image, "score": score, "label": _label(drawn)}
        results = results_from_mask(answer.mask, kind, **common)
        return response(predictions=[{"result": results, "score": score}])

    return type("VPUFormerBackend", (base,), {"setup": setup, "predict": predict})


def prompts_from_results(results: Sequence[Result], size: Size) -> list[Prompt]:
    """Prompts from the regions of smart tools, for an image of `size` (H, W).

    A region is positive unless `is_positive` is false.

    Raises:
        PromptError: a region is of another kind, or is rotated.
        MaskError: a brush mask is broken, or of another size.
    """
    height, width = size
    prompts: list[Prompt] = []
    for result in results:
        kind, value, positive = str(result.get("type")), result.get("value") or {}, result.get("is_positive", True)
        match kind.removesuffix("labels"):
            case "keypoint":
                prompts.append(Click(value["x"] * width / 100 - 0.5, value["y"] * height / 100 - 0.5, bool(positive)))
            case "rectangle" if not value.get("rotation"):
                left, top = value["x"] * width / 100 - 0.5, value["y"] * height / 100 - 0.5
                right, bottom = left + value["width"] * width / 100, top + value["height"] * height / 100
                prompts.append(Box(left, top, right, bottom, bool(positive)))
            case "brush":
                painted = brush_mask(value.get("rle"), size, "the region")
                prompts.append(scribble_from_brush(painted, positive=bool(positive)))
            case _:
                raise PromptError(
                    f"a region of type {kind} is not a prompt; draw points, upright rectangles or with the brush"
                )
    return prompts


def results_from_mask(
    mask: BoolMask, kind: str, *, from_name: str, to_name: str, score: float, label: str | None
) -> list[dict[str, Any]]:
    """A mask as regions: one of the brush, or a polygon without holes for each part.

    Args:
        kind: "brushlabels" or "polygonlabels".
        from_name, to_name: names of the control and of the image in the labelling configuration.
    """
    if not mask.any():
        return []
    height, width = mask.shape
    if kind == "brushlabels":
        rle = imported("label_studio_sdk.converter.brush").mask2rle(mask.astype(np.uint8) * 255)
        values = [{"format": "rle", "rle": rle}]
    else:
        outlines = (cv2.approxPolyDP(part.outer, _TOLERANCE, closed=True)[:, 0] for part in parts_of(mask))
        shares = (outline * (100 / width, 100 / height) for outline in outlines if len(outline) > 2)
        values = [{"points": each.tolist(), "closed": True} for each in shares]
    return [
        {
            "id": uuid4().hex[:10],
            "type": kind,
            "from_name": from_name,
            "to_name": to_name,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": score,
            "value": value | ({} if label is None else {kind: [label]}),
        }
        for value in values
    ]


class _Images:
    """The last encoded images, by their address. Safe to share between threads."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter, self._lock = segmenter, threading.Lock()
        self._kept: OrderedDict[str, Encoded] = OrderedDict()

    def encoded(self, address: str, path: Callable[[], str]) -> Encoded:
        """The image at an address, which is fetched to `path()` if it is new."""
        with self._lock:
            if address not in self._kept:
                self._kept[address] = self._segmenter.encode(as_readonly_rgb(path()))
            self._kept.move_to_end(address)
            if len(self._kept) > KEPT_IMAGES:
                self._kept.popitem(last=False)
            return self._kept[address]


def _label(results: Sequence[Result]) -> str | None:
    """The label of the last region that has one."""
    for result in reversed(results):
        if names := (result.get("value") or {}).get(result.get("type")):
            return str(names[0])
    return None


def _package(module: str) -> Any:
    try:
        return imported(module)
    except MissingDependencyError as error:
        raise MissingDependencyError(
            "a backend for Label Studio needs label_studio_ml 2; install it with: pip install"
            " git+https://github.com/HumanSignal/label-studio-ml-backend"
        ) from error
