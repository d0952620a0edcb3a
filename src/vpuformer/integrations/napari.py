"""A plugin for napari: clicks, boxes and scribbles are layers, and so are the objects.

Positions in layers are (row, column) with pixel centres at integers, in front of which stand the indices of the slice.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask
from vpuformer.errors import InputError
from vpuformer.extras import imported, require
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter, as_readonly_rgb
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIGNS = ("object", "background")
"""Values of the feature `sign` of a prompt."""

_COLOURS = ["#00a000", "#e00000"]
_DRAWN = ("added", "removed", "changed")
"""What happened to prompts, in the words of napari's events; others announce it."""

Slice = tuple[int, ...]
"""Indices of a slice in a stack of images; () for a single image."""


class Outliner:
    """Prompts on an image layer, and the objects that they outline.

    The object is the label that is selected in the layer of objects. Prompts change it as soon as they are drawn, and
    leave the pixels of other objects alone. If it has pixels already, they are refined.

    Args:
        viewer: a `napari.Viewer`.
        image: its layer with the image, or with a stack of images.
    """

    def __init__(self, viewer: Any, image: Any, segmenter: Segmenter) -> None:
        self._viewer, self._image, self._segmenter = viewer, image, segmenter
        placed = {"scale": image.scale, "translate": image.translate}
        coloured = {
            "ndim": image.ndim,
            "features": {"sign": np.empty(0, object)},
            "feature_defaults": {"sign": SIGNS[0]},
        }
        self.objects = viewer.add_labels(
            np.zeros(self._pixels.shape[: image.ndim], np.int32), name=f"objects of {image.name}", **placed
        )
        self.shapes = viewer.add_shapes(
            name="boxes and scribbles",
            edge_color="sign",
            edge_color_cycle=_COLOURS,
            face_color="transparent",
            **coloured,
            **placed,
        )
        self.clicks = viewer.add_points(
            name="clicks",
            face_color="sign",
            face_color_cycle=_COLOURS,
            size=max(3, max(self._pixels.shape) // 80),
            **coloured,
            **placed,
        )
        self._encoded: tuple[Slice, Encoded] | None = None
        self._begin()
        for layer in (self.clicks, self.shapes):
            layer.events.data.connect(self._on_prompts)
        self.objects.events.selected_label.connect(self._on_label)
        viewer.dims.events.current_step.connect(self._begin)
        self.clicks.mode = "add"

    @property
    def sign(self) -> str:
        """Whether the next prompts show the "object" or the "background"."""
        return str(self.clicks.feature_defaults["sign"].iloc[0])

    @sign.setter
    def sign(self, sign: str) -> None:
        for layer in (self.clicks, self.shapes):
            layer.selected_data = set()
            layer.feature_defaults = {"sign": sign}

    def accept(self) -> None:
        """Keep the object, remove its prompts, and go on with a new label."""
        self.objects.selected_label = int(self.objects.data.max()) + 1
        self._on_label()  # also if it was this label, since nothing was painted

    def update(self) -> None:
        """Segment the object with the present prompts.

        Raises:
            PromptError: a prompt lies outside the image.
        """
        prompts = self._prompts()
        if set(prompts) == set(self._answered):
            return
        kept = [each for each in self._answered if each in prompts]
        new = [each for each in prompts if each not in kept]
        last = self._last if kept == self._answered else None
        if last is None:
            kept, new = [], prompts
        mask = self._start if last is None else last
        if new:
            start = self._start is not None
            query = Query(self._encode(), [*kept, *new], mask, new=len(new), only_here=start)
            (self._last,) = self._segmenter.segment([query])
        else:
            self._last = None
        self._answered = [*kept, *new]
        self._paint(self._start if self._last is None else self._last.mask)

    @property
    def _pixels(self) -> Any:
        return self._image.data[0] if self._image.multiscale else self._image.data

    @property
    def _slice(self) -> Slice:
        at = self._image.world_to_data(self._viewer.dims.point[-self._image.ndim :])
        return tuple(round(float(each)) for each in at[:-2])

    def _begin(self, _: Any = None) -> None:
        """Begin with the pixels that the object has, without an answer."""
        mask = np.asarray(self.objects.data[self._slice]) == self.objects.selected_label
        self._start: BoolMask | None = mask if mask.any() else None
        self._answered: list[Prompt] = []
        self._last: Prediction | None = None

    def _on_label(self, _: Any = None) -> None:
        """Remove the prompts of the former object, and go on with another one."""
        with self.clicks.events.data.blocker(), self.shapes.events.data.blocker():
            for layer in (self.clicks, self.shapes):
                layer.selected_data = set(range(len(layer.data)))
                layer.remove_selected()
        self.sign = SIGNS[0]
        self._begin()

    def _on_prompts(self, event: Any) -> None:
        if str(event.action) in _DRAWN:
            try:
                self.update()
            except InputError as error:
                imported("napari.utils.notifications").show_warning(str(error))

    def _prompts(self) -> list[Prompt]:
        """The prompts on the present slice."""
        at, prompts = self._slice, []
        for position, sign in zip(self.clicks.data, self.clicks.features["sign"], strict=False):
            if _is_on(position[None], at):
                prompts.append(Click(position[-1], position[-2], sign == SIGNS[0]))
        drawn = zip(self.shapes.data, self.shapes.shape_type, self.shapes.features["sign"], strict=False)
        for corners, kind, sign in drawn:
            if _is_on(corners, at) and (prompt := _prompt(kind, corners[:, :-3:-1], sign == SIGNS[0])):
                prompts.append(prompt)
        return prompts

    def _encode(self) -> Encoded:
        at = self._slice
        if self._encoded is None or self._encoded[0] != at:
            self._encoded = at, self._segmenter.encode(as_readonly_rgb(self._shown(at)))
        return self._encoded[1]

    def _shown(self, at: Slice) -> npt.NDArray[Any]:
        """The pixels of a slice as napari shows them, with its contrast limits."""
        values = np.asarray(self._pixels[at])
        if self._image.rgb:
            return values[..., :3]
        low, high = (float(each) for each in self._image.contrast_limits)
        return np.asarray((np.clip(values, low, high) - low) / ((high - low) or 1) * 255, np.uint8)

    def _paint(self, mask: BoolMask | None) -> None:
        """Show a mask as the selected label, where there are no other objects."""
        label = self.objects.selected_label
        values = np.asarray(self.objects.data[self._slice])
        values[values == label] = 0
        if mask is not None:
            values[mask & (values == 0)] = label
        self.objects.data[self._slice] = values
        self.objects.refresh()


def _is_on(positions: npt.NDArray[Any], at: Slice) -> bool:
    """Whether positions, shape (n, ndim), lie on a slice."""
    return bool((np.round(positions[:, :-2]) == at).all())


def _prompt(kind: str, corners: npt.NDArray[Any], positive: bool) -> Prompt | None:
    """The prompt of a shape: lines and paths are scribbles, all others boxes; None for a box without extent."""
    if kind in ("line", "path"):
        return Scribble(tuple((float(x), float(y)) for x, y in corners), positive)
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Box(x0, y0, x1, y1, positive) if x0 < x1 and y0 < y1 else None


def outline_widget(napari_viewer: Any) -> Any:
    """The dock widget: an image, a model, what the next prompts show, the next object.

    Returns:
        A `magicgui.widgets.Container`. Its button starts an `Outliner`.

    Raises:
        MissingDependencyError: napari is not installed.
    """
    require("napari", "a widget of napari")
    widgets = imported("magicgui.widgets")
    image = widgets.create_widget(annotation=imported("napari.layers").Image, label="image")
    model = widgets.LineEdit(value="default", label="model")
    start = widgets.PushButton(text="Start")
    sign = widgets.RadioButtons(choices=SIGNS, value=SIGNS[0], label="prompts show", enabled=False)
    accept = widgets.PushButton(text="Next object", enabled=False)
    outliners: list[Outliner] = []

    def started() -> None:
        if image.value is None:
            imported("napari.utils.notifications").show_warning("there is no image layer; open an image first")
            return
        segmenter = VPUFormerSegmenter.from_pretrained(model.value)
        outliners[:] = [Outliner(napari_viewer, image.value, segmenter)]
        sign.enabled = accept.enabled = True

    def signed(chosen: str) -> None:
        for outliner in outliners:
            outliner.sign = chosen

    def accepted() -> None:
        for outliner in outliners:
            outliner.accept()
        sign.value = SIGNS[0]

    def reverse() -> None:
        sign.value = SIGNS[sign.value == SIGNS[0]]

    start.changed.connect(started)
    sign.changed.connect(signed)
    accept.changed.connect(accepted)
    napari_viewer.bind_key("Shift-S", lambda _: reverse(), overwrite=True)
    napari_viewer.bind_key("Shift-N", lambda _: accepted(), overwrite=True)
    return widgets.Container(widgets=[image, model, start, sign, accept])
