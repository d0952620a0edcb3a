"""Prompts as maps: disks, strokes and filled boxes, for `dense_prompts`."""

import cv2
import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Int
from numpy import ndarray as Array

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import CANONICAL

CHANNELS = 4
"""Positive strokes, negative strokes, inside of positive boxes, inside of negative boxes."""

RADIUS = 5.0
"""Radius of disks and strokes in canonical pixels, that of the disks of RITM."""


def rasterize_prompts(prompts: PromptBatch, size: tuple[int, int]) -> Float[Array, "b 4 h w"]:
    """Rasterize prompts onto a grid of `size` (h, w) that covers the image; values in 0..1.

    Clicks are disks and scribbles strokes, of `RADIUS` (at least a cell). Boxes are filled, in channels of their own:
    an outline does not show on which side the object is. A cell that a box covers in part has that share.
    """
    strokes = ~prompts.is_kind("box")
    boxes = prompts.is_kind("box")
    maps = [_strokes(prompts, strokes & (prompts.positive == sign), size) for sign in (True, False)]
    maps += [_boxes(prompts, boxes & (prompts.positive == sign), size) for sign in (True, False)]
    return np.stack(maps, axis=1)


def cells(prompts: PromptBatch, size: tuple[int, int]) -> Int[Array, "b n m"]:
    """Index, row by row, of the cell that holds each stroke point; `h * w` for padding."""
    h, w = size
    scale = np.array([w / CANONICAL, h / CANONICAL], np.float32)
    nearest = np.rint(scale * (prompts.points + np.float32(0.5)) - np.float32(0.5)).astype(np.int64)
    column, row = np.moveaxis(nearest, -1, 0)
    # One spare cell takes the padding, so that nothing has to be selected by value.
    return np.where(prompts.point_valid, row.clip(0, h - 1) * w + column.clip(0, w - 1), h * w)


def box_coverage(bounds: Float[Array, "*n 4"], size: tuple[int, int]) -> Float[Array, "*n h w"]:
    """The share of each cell that the rectangles cover."""
    h, w = size
    x0, y0, x1, y1 = np.moveaxis(bounds, -1, 0)
    return _covered(y0, y1, h)[..., :, None] * _covered(x0, x1, w)[..., None, :]


def _strokes(prompts: PromptBatch, chosen: Bool[Array, "b n"], size: tuple[int, int]) -> Float[Array, "b h w"]:
    h, w = size
    canvas = np.zeros((len(prompts), h * w + 1), np.uint8)
    np.put_along_axis(canvas, np.where(chosen[..., None], cells(prompts, size), h * w).reshape(len(prompts), -1), 1, 1)
    canvas = np.ascontiguousarray(canvas[:, :-1]).reshape(-1, h, w)
    footprint = _footprint(RADIUS * h / CANONICAL, RADIUS * w / CANONICAL)
    for sample in np.flatnonzero(chosen.any(axis=1)):
        canvas[sample] = cv2.dilate(canvas[sample], footprint)
    return canvas.astype(np.float32)


def _footprint(radius_y: float, radius_x: float) -> npt.NDArray[np.uint8]:
    """An ellipse of ones, in cells; at least the cell itself and its four neighbours."""
    radius_y, radius_x = max(radius_y, 1.0), max(radius_x, 1.0)
    y = np.arange(-int(radius_y), int(radius_y) + 1, dtype=np.float32)[:, None] / np.float32(radius_y)
    x = np.arange(-int(radius_x), int(radius_x) + 1, dtype=np.float32)[None, :] / np.float32(radius_x)
    return (x**2 + y**2 <= 1).astype(np.uint8)


def _boxes(prompts: PromptBatch, chosen: Bool[Array, "b n"], size: tuple[int, int]) -> Float[Array, "b h w"]:
    """The share of each cell that the boxes cover, by the box that covers most of it."""
    maps = np.zeros((len(prompts), *size), np.float32)
    for sample in np.flatnonzero(chosen.any(axis=1)):
        maps[sample] = box_coverage(prompts.bounds[sample, chosen[sample]], size).max(axis=0)
    return maps


def _covered(low: Float[Array, "*n"], high: Float[Array, "*n"], cells: int) -> Float[Array, "*n k"]:
    side = CANONICAL / cells
    left = np.arange(cells, dtype=np.float32) * np.float32(side) - np.float32(0.5)
    overlap = np.minimum(high[..., None], left + np.float32(side)) - np.maximum(low[..., None], left)
    return (overlap / np.float32(side)).clip(0, 1)
