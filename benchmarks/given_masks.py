"""Masks that do not come from prompts, measured on the validation objects.

    python benchmarks/given_masks.py --root data/train --split data/split.json --every 4

A mask from elsewhere, such as an import, has one error: a disk at its outline is added or missing, of 15 % of the
object. A click or scribble corrects it. A lasso is the convex hull of the object and what is near it, which the network
refines without a prompt. Reported are the mean IoU before and after, and the share of masks that get worse by more than
.01: with the box around an object that no positive prompt shows (`with_object_shown`), and without it. Writes
`benchmarks/results/given_masks.json`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from natural import natural_objects, natural_parser

from vpuformer.arrays import BoolMask, Truth
from vpuformer.data.sample import Sample
from vpuformer.files import write_file
from vpuformer.inference import zoom
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.metrics import iou
from vpuformer.prompts import Kind, Prompt
from vpuformer.simulation import next_prompt

RESULTS = Path(__file__).parent / "results" / "given_masks.json"
ERROR = 0.15
"""Pixels of an error, in those of the object."""
NEAR = 0.06
"""How far a lasso is from the object, in the square root of its pixels."""
WORSE = 0.01
KINDS: tuple[Kind, ...] = ("click", "scribble")


def main() -> None:
    options = natural_parser(__doc__, RESULTS).parse_args()

    samples = natural_objects(options.root, options.split, options.every)
    segmenter = VPUFormerSegmenter.from_pretrained(options.model, "cpu")
    found: dict[str, list[tuple[float, float, float]]] = {}
    for number, sample in enumerate(samples):
        for name, values in measured(segmenter, sample, np.random.default_rng(number)):
            found.setdefault(name, []).append(values)
    command = "python benchmarks/given_masks.py --root data/train --split data/split.json --every"
    content = {
        "command": f"{command} {options.every}",
        "weights_sha256": segmenter.sha256,
        "objects": len(samples),
        "masks": {name: summary(values) for name, values in found.items()},
    }
    write_file(options.output, json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


def measured(
    segmenter: VPUFormerSegmenter, sample: Sample, rng: np.random.Generator
) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """For each kind of mask: its IoU, and that of the answers without and with the box."""
    truth, encoded = sample.truth(), segmenter.encode(sample.image())

    def ious(mask: BoolMask, prompts: Sequence[Prompt]) -> tuple[float, float, float]:
        query = Query(encoded, prompts, mask.astype(np.float32), new=len(prompts))
        with mock.patch.object(zoom, "with_object_shown", lambda prompts, _: prompts):
            (without,) = segmenter.segment([query])
        (answer,) = segmenter.segment([query])
        return iou(mask, truth), iou(without.mask, truth), iou(answer.mask, truth)

    yield "lasso", ious(lasso(truth), [])
    disk = disk_at_outline(truth, rng)
    for error, mask in (("too much", (truth == 1) | disk), ("too little", (truth == 1) & ~disk)):
        for kind in KINDS:
            prompt = next_prompt(kind, truth, mask)
            if prompt is not None and mask.any():
                yield f"{error}, {kind}", ious(mask, [prompt])


def disk_at_outline(truth: Truth, rng: np.random.Generator) -> BoolMask:
    """A disk around a random pixel of the outline."""
    inside = (truth == 1).astype(np.uint8)
    rows, columns = np.nonzero(inside - cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=0))
    at, radius = rng.integers(len(rows)), max(6, int(np.sqrt(ERROR * inside.sum() / np.pi)))
    disk = np.zeros_like(inside)
    cv2.circle(disk, (int(columns[at]), int(rows[at])), radius, 1, -1)
    return disk > 0


def lasso(truth: Truth) -> BoolMask:
    """The convex hull of the object and of what is near it."""
    inside = (truth == 1).astype(np.uint8)
    side = 2 * max(3, int(NEAR * np.sqrt(inside.sum()))) + 1
    near = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    outlines, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = np.zeros_like(near)
    cv2.fillPoly(hull, [cv2.convexHull(np.concatenate(outlines))], (1,))
    return hull > 0


def summary(values: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    before, without, answered = np.array(values).T
    return {
        "masks": len(values),
        "IoU of the mask": round(float(before.mean()), 4),
        "IoU without the box": round(float(without.mean()), 4),
        "IoU": round(float(answered.mean()), 4),
        "worse without the box": round(float((without < before - WORSE).mean()), 4),
        "worse": round(float((answered < before - WORSE).mean()), 4),
    }


if __name__ == "__main__":
    main()
