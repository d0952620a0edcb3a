"""Prompt vectors by the printed formulas (Eqs. 1-6, Algorithm 1) and as used here.

    python benchmarks/formulas.py

Encodes 200 random strokes, compares boxes with clicks at their centres, and writes `benchmarks/results/formulas.json`.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from vpuformer.encoding.batch import PromptBatch, dense_pixels
from vpuformer.encoding.gaussian import SIGMA, bell
from vpuformer.encoding.pue import VECTOR, prompt_vectors
from vpuformer.files import write_file
from vpuformer.geometry import CANONICAL, Crop, FrameMap
from vpuformer.model.checkpoint import load_model
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import Box, Click, Prompt, Scribble

RESULTS = Path(__file__).parent / "results" / "formulas.json"
STROKES = 200
CENTRE = 224.0


def main() -> None:
    model = load_model("default")
    strokes = random_strokes(np.random.default_rng(0))
    content = {
        "command": "python benchmarks/formulas.py",
        "strokes": STROKES,
        "zero vectors among them": {
            formula: int((vectors(strokes, formula)[:, : VECTOR - 2] == 0).all(dim=1).sum())
            for formula in ("literal", "extent")
        },
        "widest box that differs from the click at its centre": {
            formula: widest_that_differs(formula) for formula in ("literal", "extent")
        },
        "entries in which an 18-px box differs from the click at its centre": {
            formula: int((box_vector(18, formula) != vectors([Click(CENTRE, CENTRE)], formula)[0]).sum())
            for formula in ("literal", "extent")
        },
        "weights_sha256": read_manifest("default").sha256,
        "largest value of the token for no prompt in the bundled weights": float(
            model.pue.no_prompt.detach().abs().max()
        ),
        "least and largest constant in the place of the gates in the bundled weights": [
            float(pick(torch.stack([layer.scale for layer in model.dma]).detach())) for pick in (torch.min, torch.max)
        ],
    }
    write_file(RESULTS, json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


def random_strokes(rng: np.random.Generator) -> list[Scribble]:
    """Smooth strokes from five random control points, up to 200 px apart."""
    strokes = []
    for _ in range(STROKES):
        start = rng.uniform(100, CANONICAL - 100, 2)
        controls = start + np.concatenate([[[0.0, 0.0]], rng.uniform(-100, 100, (4, 2))])
        at = np.linspace(0, 1, 50)[:, None]
        weights = [(1 - at) ** 4, 4 * at * (1 - at) ** 3, 6 * at**2 * (1 - at) ** 2, 4 * at**3 * (1 - at), at**4]
        strokes.append(Scribble(sum(w * c for w, c in zip(weights, controls, strict=True))))
    return strokes


def widest_that_differs(formula: str) -> int:
    click = vectors([Click(CENTRE, CENTRE)], formula)[0]
    different = [side for side in range(2, 101) if not torch.equal(box_vector(side, formula), click)]
    return max(different)


def box_vector(side: float, formula: str) -> torch.Tensor:
    return vectors([Box(CENTRE - side / 2, CENTRE - side / 2, CENTRE + side / 2, CENTRE + side / 2)], formula)[0]


def vectors(prompts: Sequence[Prompt], formula: str) -> torch.Tensor:
    """Vectors, shape (n, d), by the network's formulas (`extent`) or the printed (`literal`)."""
    if formula == "literal":
        return torch.stack([literal_vector(prompt) for prompt in prompts])
    frame = FrameMap.to_canonical(Crop.whole((CANONICAL, CANONICAL)))
    batch = PromptBatch.collate([[prompt] for prompt in prompts], [frame] * len(prompts))
    return torch.from_numpy(prompt_vectors(batch)[:, 0])


def literal_vector(prompt: Prompt) -> torch.Tensor:
    """`[q_h, q_v, q_b]` as printed, without the colours of Eq. 2."""
    axes = literal_scribble(prompt) if isinstance(prompt, Scribble) else literal_bells(prompt)
    return torch.cat([*axes, torch.tensor([float(prompt.positive), float(not prompt.positive)])])


def literal_bells(prompt: Click | Box) -> list[torch.Tensor]:
    """Eqs. 3 and 5: sigma and cut-off are 3 px for clicks and boxes; zero outside a box."""
    pixels = torch.arange(CANONICAL, dtype=torch.float32)
    axes = []
    for low, high in zip(prompt.bounds[:2], prompt.bounds[2:], strict=True):
        vector = torch.from_numpy(bell((pixels - (low + high) / 2).abs().numpy(), SIGMA, SIGMA))
        inside = (pixels >= low) & (pixels < high)
        axes.append(vector * inside if isinstance(prompt, Box) else vector)
    return axes


def literal_scribble(prompt: Scribble) -> list[torch.Tensor]:
    """Algorithm 1: no square in the exponent; a point counts for a column or for a row."""
    points = dense_pixels(prompt.points, prompt.gaps)
    top_left = prompt.bounds[:2]
    axes, used = [torch.zeros(CANONICAL), torch.zeros(CANONICAL)], set()
    for axis, vector in enumerate(axes):
        slots = np.rint(points[:, axis]).astype(int)
        for slot in np.unique(slots):
            free = sorted(
                (i for i in np.flatnonzero(slots == slot) if i not in used), key=lambda i: points[i, 1 - axis]
            )
            if not free:
                continue
            chosen = free[(len(free) - 1) // 2]
            distance = abs(points[chosen, 1 - axis] - top_left[1 - axis])
            vector[slot] = math.exp(-distance / (2 * SIGMA**2)) if distance <= SIGMA else 0.0
            if axis == 0:
                used.add(chosen)
    return axes


if __name__ == "__main__":
    main()
