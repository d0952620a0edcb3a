"""Held-out images with the ground truth, and the masks before and after."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vpuformer.arrays import RGB, BoolMask, evenly_spaced
from vpuformer.data.sample import Sample
from vpuformer.images import overlay
from vpuformer.images.scaling import scaled_down
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.marks import marks_of
from vpuformer.metrics import iou
from vpuformer.prompts import Prompt
from vpuformer.simulation import next_prompt

ROWS, SIDE = 6, 300
"""Number of objects, and longest side of a small image in pixels."""

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
    cells = [_cell(image, truth == 1, (), "ground truth", _TRUTH)]
    for title, segmenter in (("before", before), ("after", after)):
        (answer,) = segmenter.segment([Query(segmenter.encode(image.copy()), prompts)])
        cells.append(_cell(image, answer.mask, prompts, f"{title}, 1 click: IoU {iou(answer.mask, truth):.2f}"))
    return np.concatenate(cells, axis=1)


def _cell(
    image: RGB, mask: BoolMask, prompts: Sequence[Prompt], title: str, colour: tuple[int, int, int] | None = None
) -> RGB:
    drawn = overlay(image, mask, marks_of(prompts), **({} if colour is None else {"colour": colour}))
    small = scaled_down(drawn, SIDE)
    canvas = Image.new("RGB", (SIDE + _GAP, small.shape[0] + _LINE), (_GROUND,) * 3)
    canvas.paste(Image.fromarray(small), (_GAP // 2, _LINE))
    ImageDraw.Draw(canvas).text((_GAP // 2, 2), title, "black", ImageFont.load_default(13))
    return np.asarray(canvas)
