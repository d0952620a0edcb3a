"""The sine and cosine code of places in the canonical frame, for image tokens and for prompts alike."""

import torch
from jaxtyping import Float
from torch import Tensor

from vpuformer.geometry import CANONICAL

UNIT = 16.0
"""Canonical pixels that count as one step of the code: the stride of the image tokens at 448 px."""


def axis_code(at: Float[Tensor, " k"], dim: int, temperature: float = 10000.0) -> Float[Tensor, "k dim"]:
    """Sines and cosines of the canonical coordinates `at`; `dim` is even.

    The wavelengths run from 2 pi to `temperature` * 2 pi steps of 16 px.

    >>> axis_code(torch.tensor([0.0]), dim=4).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    frequency = temperature ** -(torch.arange(dim // 2, device=at.device) / (dim // 2))
    angle = (at / UNIT)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def grid_code(
    size: tuple[int, int], dim: int, temperature: float = 10000.0, device: torch.device | str | None = None
) -> Float[Tensor, "hw dim"]:
    """The code of the cells of a grid of `size` (h, w) laid over the picture: columns first, then rows.

    A cell has the same code at whatever size the network runs, since its place is counted in canonical pixels.
    """
    h, w = size
    x = (torch.arange(w, device=device) + 0.5) * (CANONICAL / w) - 0.5
    y = (torch.arange(h, device=device) + 0.5) * (CANONICAL / h) - 0.5
    columns, rows = axis_code(x, dim // 2, temperature), axis_code(y, dim // 2, temperature)
    return torch.cat([columns[None].expand(h, w, -1), rows[:, None].expand(h, w, -1)], dim=-1).reshape(h * w, dim)
