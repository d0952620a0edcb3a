"""Quick validation of a segmenter: whole images, no zoom-in, deterministic prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vpuformer.arrays import RGB, BoolMask, Truth
from vpuformer.data.sample import Sample
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.metrics import iou
from vpuformer.prompts import KINDS, Kind, Prompt
from vpuformer.simulation import next_prompt

SEQUENCES: dict[str, tuple[Kind, ...]] = {
    "click": ("click", "click", "click", "click", "click"),
    "box": ("box",),
    "scribble": ("scribble",),
    "mixed": ("click", "scribble", "box"),
}
"""Kinds of the prompts of each sequence, in order."""


@dataclass(frozen=True)
class Validation:
    """Mean IoU by name ("click@1", "box@1", ...), and the first masks after a click."""

    scores: dict[str, float]
    panels: list[RGB]


def validate(segmenter: Segmenter, samples: Sequence[Sample], *, panels: int = 6) -> Validation:
    """Mean IoU after 1, 3 and 5 clicks, a box, a scribble, and one prompt of each kind."""
    scores: dict[str, list[float]] = {}
    shown: list[RGB] = []
    for sample in samples:
        pixels, truth = sample.image(), sample.truth()
        encoded = segmenter.encode(pixels)
        for name, kinds in SEQUENCES.items():
            prompts: list[Prompt] = []
            last: Prediction | None = None
            mask = np.zeros(truth.shape, bool)
            for k, kind in enumerate(kinds, start=1):
                prompt = next_prompt(kind, truth, mask, earlier=prompts)
                if prompt is not None:
                    prompts.append(prompt)
                    before = None if last is None else last.probability
                    (last,) = segmenter.segment([Query(encoded, prompts, before, zoom=False)])
                    mask = last.mask
                scores.setdefault(f"{name}@{k}", []).append(iou(mask, truth))
                if name == "click" and k == 1 and len(shown) < panels:
                    shown.append(_panel(pixels, truth, mask))
    wanted = ("click@1", "click@3", "click@5", "box@1", "scribble@1", f"mixed@{len(KINDS)}")
    return Validation({name: float(np.mean(scores[name])) for name in wanted if name in scores}, shown)


def _panel(image: RGB, truth: Truth, prediction: BoolMask) -> RGB:
    """Image with the ground truth as a green and the prediction as a red tint, 192 px high."""
    tinted = image.astype(np.float32)
    tinted[truth == 1] = 0.6 * tinted[truth == 1] + 0.4 * np.array([0, 255, 0], np.float32)
    tinted[prediction] = 0.6 * tinted[prediction] + 0.4 * np.array([255, 0, 0], np.float32)
    width = max(1, round(image.shape[1] * 192 / image.shape[0]))
    small = cv2.resize(tinted.clip(0, 255).astype(np.uint8), (width, 192), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)
