"""Vectors of the two prompt encodings that Table IV compares with PuE. Imports no torch."""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray as Array

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import CANONICAL

CELLS = (28, 32)
"""Rows and columns to which a distance map is pooled: as many cells as PuE's two axes have taps."""

TRUNCATION = 255.0
"""Largest distance in canonical pixels; farther counts the same (Xu et al., CVPR 2016)."""

SAMPLED = 8
"""Points that represent a scribble, evenly along it."""

CORNERS = 2
"""Points that represent a box: two opposite corners."""


def distance_maps(prompts: PromptBatch) -> Float[Array, "b n 896"]:
    """Distance of each cell's centre to every prompt: 0 on it or in the box, 1 `TRUNCATION`.

    A distance map changes by at most a pixel from one pixel to the next, so that the value at the centre of a cell of
    14x16 px stands for its mean. Empty slots are zero.
    """
    rows, columns = CELLS
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    centres = np.stack([(x + 0.5) * (CANONICAL / columns) - 0.5, (y + 0.5) * (CANONICAL / rows) - 0.5], axis=-1)
    centres = centres.reshape(-1, 2)
    distance = np.zeros((*prompts.kind.shape, rows * columns), np.float32)
    box = prompts.is_kind("box")
    low, high = prompts.bounds[box][:, None, :2], prompts.bounds[box][:, None, 2:]
    distance[box] = _length(np.maximum(low - centres, 0) + np.maximum(centres - high, 0))
    for sample, slot in zip(*(prompts.valid & ~box).nonzero(), strict=True):
        points = prompts.points[sample, slot][prompts.point_valid[sample, slot]]
        distance[sample, slot] = _length(points[:, None] - centres).min(axis=0)
    return np.minimum(distance, TRUNCATION) / np.float32(TRUNCATION)


def distance_vectors(prompts: PromptBatch, _seeds: Int64[Array, " b"] | None = None) -> Float[Array, "b n 898"]:
    """The pooled distance map and the sign of every prompt; zeros in an empty slot."""
    sign = np.stack([prompts.positive & prompts.valid, ~prompts.positive & prompts.valid], axis=-1)
    return np.concatenate([distance_maps(prompts), sign], axis=-1, dtype=np.float32)


def sampled_points(prompts: PromptBatch, _seeds: Int64[Array, " b"] | None = None) -> Float[Array, "b n 16"]:
    """`SAMPLED` points (x, y) for every prompt, one after the other; zeros behind the last.

    A click has one, a box two corners, a scribble as many as there are, evenly along it.
    """
    total = prompts.point_valid.sum(axis=-1)[..., None]
    share = np.linspace(0, 1, SAMPLED, dtype=np.float32)
    at = np.rint(share * np.maximum(total - 1, 0)).astype(np.int64)
    points = np.take_along_axis(prompts.points, at[..., None], axis=2)
    points = points.reshape(*prompts.kind.shape, 2 * SAMPLED)
    box = prompts.is_kind("box")
    points[box] = np.pad(prompts.bounds[box], ((0, 0), (0, 2 * (SAMPLED - CORNERS))))
    return points


def _length(vectors: Float[Array, "*n 2"]) -> Float[Array, "*n"]:
    return np.sqrt((vectors**2).sum(axis=-1))
