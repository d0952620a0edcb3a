"""Click, box and scribble as vectors of the Prompt-unified Encoder.

`vpuformer.model.pue` makes tokens of them.
"""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray as Array

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.gaussian import box_vector, click_vector, scribble_vectors
from vpuformer.encoding.seeding import derive_seed
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import KINDS

VECTOR = 2 * CANONICAL + 2
"""Length of `[q_h, q_v, q_b]` (Eq. 4)."""


def prompt_vectors(prompts: PromptBatch, seeds: Int64[Array, " b"] | None = None) -> Float[Array, "b n 898"]:
    """The vector `[q_h (448), q_v (448), q_b (2)]` of every prompt (Eqs. 1-6).

    An empty slot has zeros. Columns come first for every kind; `q_b` is (1, 0) for a positive and (0, 1) for a negative
    prompt.

    Args:
        seeds: one for each sample; they make the choice among the points of a scribble random (training).
    """
    vectors = np.zeros((*prompts.kind.shape, VECTOR), np.float32)
    vectors[..., -2] = prompts.positive & prompts.valid
    vectors[..., -1] = ~prompts.positive & prompts.valid
    # Each kind in its own slots alone: clicks pay for no stroke, and a long stroke pads no click.
    for kind in KINDS:
        sample, slot = prompts.is_kind(kind).nonzero()
        bounds = prompts.bounds[sample, slot]
        x0, y0, x1, y1 = bounds.T
        if kind == "click":
            axes = click_vector((x0 + x1) / 2, CANONICAL), click_vector((y0 + y1) / 2, CANONICAL)
        elif kind == "box":
            axes = box_vector(x0, x1, CANONICAL), box_vector(y0, y1, CANONICAL)
        else:
            points, point_valid = prompts.points[sample, slot], prompts.point_valid[sample, slot]
            stroke_seeds = None if seeds is None else derive_seed(seeds[sample], slot)
            axes = scribble_vectors(points, point_valid, bounds, CANONICAL, seeds=stroke_seeds)
        vectors[sample, slot, :-2] = np.concatenate(axes, axis=-1)
    return vectors
