"""Thickness of the change around a click that misses the middle, on validation objects.

    python benchmarks/off_centre.py --root data/train --split data/split.json --every 2

Three simulated users correct natural objects with clicks: in the middle of the worst error, at more than half the depth
of the middle, and anywhere in the error. Each further click is answered with each value of
`vpuformer.inference.plausible.OFF_CENTRE`; the user goes on with the usual one. Reported for each user and value: what
a click adds to the IoU, the share of clicks after which it falls by more than .01, and the number after which it falls
by more than .1. Writes `benchmarks/results/off_centre.json`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from natural import natural_objects, natural_parser

from vpuformer.arrays import BoolMask, Truth
from vpuformer.data.sample import Sample
from vpuformer.evaluation.report.trust import FALL
from vpuformer.files import write_file
from vpuformer.inference import plausible
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import iou
from vpuformer.prompts import Click
from vpuformer.simulation.clicks import clicked_pixels, next_click
from vpuformer.simulation.regions import largest_error

RESULTS = Path(__file__).parent / "results" / "off_centre.json"
Where = Literal["in the middle", "at half the depth", "anywhere"]
USUAL = plausible.OFF_CENTRE
FACTORS = (plausible.THICKER, USUAL, 4.0)
CLICKS = 8
RUIN = 0.1


def main() -> None:
    options = natural_parser(__doc__, RESULTS).parse_args()
    keep_freed_memory()

    samples = natural_objects(options.root, options.split, options.every)
    segmenter = VPUFormerSegmenter.from_pretrained(options.model, "cpu", threads=1)
    content = {
        "command": f"python benchmarks/off_centre.py --root data/train --split data/split.json --every {options.every}",
        "weights_sha256": segmenter.sha256,
        "objects": len(samples),
        "usual": USUAL,
        "users": {},
    }
    for where in get_args(Where):
        gains = np.concatenate([corrected(segmenter, sample, where) for sample in samples])
        content["users"][where] = {
            str(factor): summary(column) for factor, column in zip(FACTORS, gains.T.tolist(), strict=True)
        }
        print(where, json.dumps(content["users"][where]), flush=True)
        write_file(options.output, json.dumps(content, indent=2) + "\n")


def corrected(segmenter: VPUFormerSegmenter, sample: Sample, where: Where) -> npt.NDArray[np.float64]:
    """What each further click adds to the IoU with each factor, shape (clicks, factors)."""
    truth, encoded = sample.truth(), segmenter.encode(sample.image())
    rng = np.random.default_rng([sample.object_id, len(sample.name)])
    clicks: list[Click] = []
    answer, mask, gains = None, np.zeros(truth.shape, np.bool_), []
    while len(clicks) < CLICKS and (click := next_one(truth, mask, clicks, where, rng)) is not None:
        clicks.append(click)
        query = Query(encoded, clicks, answer)
        answers = {}
        for factor in FACTORS:
            plausible.OFF_CENTRE = factor
            (answers[factor],) = segmenter.segment([query])
        if answer is not None:
            gains.append([iou(answers[factor].mask, truth) - iou(mask, truth) for factor in FACTORS])
        answer = answers[USUAL]
        mask = answer.mask
    return np.array(gains).reshape(-1, len(FACTORS))


def next_one(
    truth: Truth, mask: BoolMask, earlier: Sequence[Click], where: Where, rng: np.random.Generator
) -> Click | None:
    """A click on the worst error."""
    if where != "anywhere":
        return next_click(truth, mask, rng=rng if where == "at half the depth" else None, earlier=earlier)
    region = largest_error(truth, mask, clicked_pixels(earlier, truth.shape), exact=False)
    if region is None:
        return None
    row, column = rng.choice(np.argwhere(region.free > 0))
    return Click(float(region.left + column), float(region.top + row), positive=region.positive)


def summary(gains: Sequence[float]) -> dict[str, float]:
    values = np.array(gains)
    return {
        "clicks": len(values),
        "gain": round(float(values.mean()), 4),
        "falls": round(float(np.mean(values < -FALL)), 4),
        "ruins": int(np.count_nonzero(values < -RUIN)),
    }


if __name__ == "__main__":
    main()
