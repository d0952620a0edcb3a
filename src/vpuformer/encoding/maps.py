"""Prompts as maps: disks, strokes and filled boxes, for `dense_prompts`."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import CANONICAL

CHANNELS = 4
"""Positive strokes, negative strokes, inside of positive boxes, inside of negative boxes."""


def rasterize_prompts(prompts: PromptBatch, size: tuple[int, int], *, radius: float = 5.0) -> Float[Tensor, "b 4 h w"]:
    """Rasterize prompts onto a grid of `size` (h, w) that covers the image; values in 0..1.

    Clicks are disks and scribbles strokes of `radius` canonical pixels (at least a cell). Boxes are filled, in channels
    of their own: an outline does not show on which side the object is. A cell that a box covers in part has that
    share.
    """
    strokes = ~prompts.is_kind("box")
    boxes = prompts.is_kind("box")
    maps = [_strokes(prompts, strokes & (prompts.positive == sign), size, radius) for sign in (True, False)]
    maps += [_boxes(prompts, boxes & (prompts.positive == sign), size) for sign in (True, False)]
    return torch.stack(maps, dim=1)


def cells(prompts: PromptBatch, size: tuple[int, int]) -> Int[Tensor, "b n m"]:
    """Index, row by row, of the cell that holds each stroke point; `h * w` for padding."""
    h, w = size
    scale = prompts.points.new_tensor([w / CANONICAL, h / CANONICAL])
    column, row = (scale * (prompts.points + 0.5) - 0.5).round().long().unbind(-1)
    cell = row.clamp(0, h - 1) * w + column.clamp(0, w - 1)
    # One spare cell takes the padding, so that nothing has to be selected by value.
    return torch.where(prompts.point_valid, cell, h * w)


def box_coverage(prompts: PromptBatch, size: tuple[int, int]) -> Float[Tensor, "b n h w"]:
    """The share of each cell that the bounds of each prompt cover."""
    h, w = size
    x0, y0, x1, y1 = prompts.bounds.unbind(-1)
    return _covered(y0, y1, h)[..., :, None] * _covered(x0, x1, w)[..., None, :]


def _strokes(
    prompts: PromptBatch, chosen: Bool[Tensor, "b n"], size: tuple[int, int], radius: float
) -> Float[Tensor, "b h w"]:
    h, w = size
    b = len(prompts)
    cell = torch.where(chosen[..., None], cells(prompts, size), h * w).reshape(b, -1)
    ones = torch.ones_like(cell, dtype=prompts.points.dtype)
    canvas = ones.new_zeros(b, h * w + 1).scatter(1, cell, ones)[:, :-1].reshape(b, 1, h, w)
    footprint = _footprint(radius * h / CANONICAL, radius * w / CANONICAL, canvas.device)
    padding = (footprint.shape[-2] // 2, footprint.shape[-1] // 2)
    return (F.conv2d(canvas, footprint[None, None], padding=padding) > 0.5)[:, 0].to(canvas.dtype)


def _footprint(radius_y: float, radius_x: float, device: torch.device) -> Float[Tensor, "kh kw"]:
    """An ellipse of ones, in cells; at least the cell itself and its four neighbours."""
    radius_y, radius_x = max(radius_y, 1.0), max(radius_x, 1.0)
    y = torch.arange(-int(radius_y), int(radius_y) + 1, device=device)[:, None] / radius_y
    x = torch.arange(-int(radius_x), int(radius_x) + 1, device=device)[None, :] / radius_x
    return (x**2 + y**2 <= 1.0).float()


def _boxes(prompts: PromptBatch, chosen: Bool[Tensor, "b n"], size: tuple[int, int]) -> Float[Tensor, "b h w"]:
    """The share of each cell that the boxes cover, by the box that covers most of it."""
    return (box_coverage(prompts, size) * chosen[..., None, None]).amax(dim=1)


def _covered(low: Float[Tensor, "b n"], high: Float[Tensor, "b n"], cells: int) -> Float[Tensor, "b n k"]:
    side = CANONICAL / cells
    left = torch.arange(cells, device=low.device) * side - 0.5
    overlap = torch.minimum(high[..., None], left + side) - torch.maximum(low[..., None], left)
    return overlap.clamp(0, side) / side
