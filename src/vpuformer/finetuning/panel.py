"""Held-out images with the ground truth, and the masks before and after."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vpuformer.arrays import RGB, BoolMask, Points, evenly_spaced
from vpuformer.data.sample import Sample
from vpuformer.geometry import Crop
from vpuformer.images import overlay
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.marks import marks_of
from vpuformer.metrics import iou
from vpuformer.prompts import Prompt
from vpuformer.simulation import next_prompt

ROWS, SIDE = 6, 300
"""Number of objects, and longest side of a small image in pixels."""

_MARGIN = 2
"""Space around an object, in its longer sides."""

_GAP, _LINE = 8, 20
_TRUTH = (240, 228, 66)
_GROUND = 245


def panel(samples: Sequence[Sample], before: Segmenter, after: Segmenter) -> RGB:
    """A row for each of some objects: the ground truth, and both masks after one click.

    Returns:
        uint8, shape (H, W, 3).
    """
    rows = [_row(samples[index], before, after) for index in evenly_spaced(len(samples), ROWS)]
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=_GROUND).astype(np.uint8)
        for row in rows
    ]
    return np.concatenate(padded)


def _row(sample: Sample, before: Segmenter, after: Segmenter) -> RGB:
    image, truth = sample.image(), sample.truth()
    click = next_prompt("click", truth, np.zeros(truth.shape, bool))
    prompts = () if click is None else (click,)
    window = _Window(truth == 1)
    cells = [_cell(overlay(window.image(image), window.mask(truth == 1), colour=_TRUTH), "ground truth")]
    for title, segmenter in (("before", before), ("after", after)):
        (answer,) = segmenter.segment([Query(segmenter.encode(image.copy()), prompts)])
        shown = overlay(window.image(image), window.mask(answer.mask), marks_of(window.prompts(prompts)))
        cells.append(_cell(shown, f"{title}, 1 click: IoU {iou(answer.mask, truth):.2f}"))
    return np.concatenate(cells, axis=1)


class _Window:
    """A part of an image around an object, several times its size, drawn at `SIDE` pixels."""

    def __init__(self, mask: BoolMask) -> None:
        crop = Crop.around(mask) or Crop.whole((mask.shape[0], mask.shape[1]))
        margin = _MARGIN * max(crop.width, crop.height)
        self._left, self._top = max(0, crop.left - margin), max(0, crop.top - margin)
        width = min(crop.left + crop.width + margin, mask.shape[1]) - self._left
        height = min(crop.top + crop.height + margin, mask.shape[0]) - self._top
        self._part = slice(self._top, self._top + height), slice(self._left, self._left + width)
        self._scale = SIDE / max(width, height)
        self._size = max(1, round(width * self._scale)), max(1, round(height * self._scale))

    def image(self, image: RGB) -> RGB:
        way = cv2.INTER_AREA if self._scale < 1 else cv2.INTER_CUBIC
        return cv2.resize(image[self._part], self._size, interpolation=way).astype(np.uint8, copy=False)

    def mask(self, mask: BoolMask) -> BoolMask:
        part = np.ascontiguousarray(mask[self._part], np.uint8)
        return cv2.resize(part, self._size, interpolation=cv2.INTER_NEAREST) > 0

    def prompts(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return [prompt.mapped(self._place) for prompt in prompts]

    def _place(self, points: Points) -> Points:
        return (points - (self._left, self._top) + 0.5) * self._scale - 0.5


def _cell(small: RGB, title: str) -> RGB:
    canvas = Image.new("RGB", (SIDE + _GAP, small.shape[0] + _LINE), (_GROUND,) * 3)
    canvas.paste(Image.fromarray(small), (_GAP // 2, _LINE))
    ImageDraw.Draw(canvas).text((_GAP // 2, 2), title, "black", ImageFont.load_default(13))
    return np.asarray(canvas)
