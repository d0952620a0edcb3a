"""Positional codes in the canonical frame, for image tokens and for prompts alike."""

from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

from vpuformer.geometry import CANONICAL

UNIT = 16.0
"""Canonical pixels that count as one step of the code: the stride of the image tokens at 448 px."""
TEMPERATURE = 30.0
"""Longest wavelength of the sines in multiples of the shortest one, so that all of them vary across an image."""


def axis_code(at: Float[Tensor, " k"], dim: int) -> Float[Tensor, "k dim"]:
    """Sines and cosines of the canonical coordinates `at`; `dim` is even.

    The wavelengths run from 2 pi to `TEMPERATURE` * 2 pi steps of 16 px.

    >>> axis_code(torch.tensor([0.0]), dim=4).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    frequency = TEMPERATURE ** -(torch.arange(dim // 2, device=at.device) / (dim // 2))
    angle = (at / UNIT)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def random_frequencies(dim: int) -> Float[Tensor, "2 half"]:
    """Normally distributed frequencies for `fourier_code`, fixed as part of the method."""
    return torch.randn(2, dim // 2, generator=torch.Generator().manual_seed(0))


def fourier_code(
    points: Float[Tensor, "*shape 2"], frequencies: Float[Tensor, "2 half"]
) -> Float[Tensor, "*shape dim"]:
    """Random Fourier features of canonical coordinates (Tancik et al., NeurIPS 2020)."""
    position = 2 * pi * (2 * (points + 0.5) / CANONICAL - 1)
    # No matrix product: mixed precision would round the coordinates.
    angle = position[..., :1] * frequencies[0] + position[..., 1:] * frequencies[1]
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def grid_code(
    size: tuple[int, int],
    dim: int,
    frequencies: Float[Tensor, "2 half"] | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "hw dim"]:
    """The code of the cells of a grid of `size` (h, w) laid over the image.

    `sines` has the columns first, then the rows; `fourier` mixes both. A cell has the same code at whatever size the
    network runs, since its position is counted in canonical pixels.

    Args:
        size, dim, device: of the result.
        frequencies: those of `fourier`; None for `sines`.
    """
    h, w = size
    x = (torch.arange(w, device=device) + 0.5) * (CANONICAL / w) - 0.5
    y = (torch.arange(h, device=device) + 0.5) * (CANONICAL / h) - 0.5
    if frequencies is not None:
        return fourier_code(torch.stack([x.repeat(h), y.repeat_interleave(w)], dim=-1), frequencies)
    columns, rows = axis_code(x, dim // 2), axis_code(y, dim // 2)
    return torch.cat([columns[None].expand(h, w, -1), rows[:, None].expand(h, w, -1)], dim=-1).reshape(h * w, dim)
