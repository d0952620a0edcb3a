"""Trust in the answers, measured on the validation objects.

    python benchmarks/trust.py --root data/train --split data/split.json before after

A simulated user corrects each object with clicks, or with all kinds of prompts. Measured are the cuts at the border of
the crop, the prompts on the wrong side of the outline, the prompts that break more than they mend, the pixels that they
break, and the looks that all of this costs. Adds to `benchmarks/results/trust.json` if its rows have the same weights.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from figures import NATURAL, validation_group
from watching import watched

from vpuformer.arrays import BoolMask, Truth
from vpuformer.cli.methods import open_samples
from vpuformer.data.sample import Sample
from vpuformer.evaluation.simulated_user import ObjectRun, SimulatedUser
from vpuformer.files import write_file
from vpuformer.geometry import Crop
from vpuformer.inference.device import use_one_core
from vpuformer.inference.networks import TorchNetwork
from vpuformer.inference.pixels import pixels_under
from vpuformer.inference.protocol import Prediction, Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.zoom import RULES, USUAL, ViewSettings
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import IGNORE, iou_at
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import KINDS, Kind, Prompt

RESULTS = Path(__file__).parent / "results" / "trust.json"
VARIANTS: dict[str, ViewSettings] = {
    "before": replace(USUAL, zoom=replace(RULES["ours"], looks=2, inner_margin=-1), steady=False),
    "looks": replace(USUAL, steady=False),
    "after": USUAL,
}
"""By name: as it was, with further looks alone, and as it is."""
USERS: dict[str, tuple[Kind, ...]] = {"clicks": ("click",), "mixed": KINDS}
PROMPTS = 8
LONG_CUT = 15
"""Pixels of an outline on the border of the crop from which it counts as a cut."""
FALL = 0.01
BATCH = 8


@dataclass(frozen=True)
class Step:
    """What one prompt did."""

    iou: float
    broken: int
    """Pixels that were right before and are wrong now."""
    mended: int
    cut: int
    """Longest stretch of the outline along an inner border of the crop, in pixels."""
    wrong_side: int
    """Prompts of the object on the wrong side of the outline."""
    corrected: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="+", choices=VARIANTS)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="every how manieth object")
    parser.add_argument("--model", default="default")
    parser.add_argument("--workers", type=int, default=torch.get_num_threads())
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()

    weights = read_manifest(options.model).sha256
    samples = [
        each for each in open_samples("coco", options.root, options.split) if validation_group(each.name) == NATURAL
    ][:: options.every]
    head = {
        "command": "python benchmarks/trust.py --root data/train --split data/split.json VARIANT...",
        "weights_sha256": weights,
        "objects": len(samples),
    }
    former: dict[str, Any] = json.loads(options.output.read_text()) if options.output.exists() else {}
    rows = former.get("variants", {}) if all(former.get(name) == value for name, value in head.items()) else {}
    for variant in options.variants:
        rows[variant] = {}
        for name, kinds in USERS.items():
            rows[variant][name] = measured(samples, VARIANTS[variant], kinds, options.model, options.workers)
            print(variant, name, json.dumps(rows[variant][name]), flush=True)
        write_file(options.output, json.dumps(head | {"variants": rows}, indent=2) + "\n")


def measured(
    samples: Sequence[Sample], views: ViewSettings, kinds: tuple[Kind, ...], model: str, workers: int
) -> dict[str, float]:
    """The figures of one variant and one user."""
    network = TorchNetwork.from_pretrained(model, "cpu")
    segmenter = VPUFormerSegmenter(network, views=views)
    user = SimulatedUser(kinds, max_interactions=PROMPTS)
    decoded = 0

    def count(name: str, inputs: tuple[Any, ...]) -> None:
        nonlocal decoded
        if name == "decode":
            decoded += len(inputs[1])

    blocks = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
    with watched(network.model, count), ThreadPoolExecutor(workers, initializer=use_one_core) as threads:
        objects = [
            steps for block in threads.map(lambda block: run_block(segmenter, user, block), blocks) for steps in block
        ]
    return summary(objects, decoded)


def run_block(segmenter: VPUFormerSegmenter, user: SimulatedUser, block: Sequence[Sample]) -> list[list[Step]]:
    """The steps of some objects, which are asked about together."""
    truths = [sample.truth() for sample in block]
    images = [segmenter.encode(sample.image()) for sample in block]
    runs = [
        ObjectRun(user, (sample.name, sample.object_id), truth) for sample, truth in zip(block, truths, strict=True)
    ]
    steps: list[list[Step]] = [[] for _ in block]
    before = [np.zeros(truth.shape, np.bool_) for truth in truths]
    while asked := [(i, prompts) for i, run in enumerate(runs) if (prompts := run.next_prompts()) is not None]:
        answers = segmenter.segment([Query(images[i], p, runs[i].previous, runs[i].crop) for i, p in asked])
        for (i, prompts), answer in zip(asked, answers, strict=True):
            runs[i].take(answer, 0, segmenter.name)
            steps[i].append(step(before[i], answer, truths[i], prompts, runs[i].interactions[-1].iou))
            before[i] = answer.mask
    return steps


def step(before: BoolMask, answer: Prediction, truth: Truth, prompts: Sequence[Prompt], iou: float) -> Step:
    """What the last prompt did."""
    mask = answer.mask
    counted = truth != IGNORE
    was_right, is_right = (before == (truth == 1))[counted], (mask == (truth == 1))[counted]
    return Step(
        iou,
        int((was_right & ~is_right).sum()),
        int((~was_right & is_right).sum()),
        longest_cut(mask, answer.crop),
        sum(wrong_pixels(mask, prompt) > 0 for prompt in prompts),
        answer.corrected,
    )


def longest_cut(mask: BoolMask, crop: Crop) -> int:
    """The longest stretch of the outline along an inner border of the crop, in pixels."""
    height, width = mask.shape
    top, left = crop.top, crop.left
    bottom, right = top + crop.height, left + crop.width
    rows, columns = crop.slices
    cuts = [
        mask[inside] & ~mask[outside]
        for inner, inside, outside in (
            (top > 0, (top, columns), (top - 1, columns)),
            (bottom < height, (bottom - 1, columns), (bottom, columns)),
            (left > 0, (rows, left), (rows, left - 1)),
            (right < width, (rows, right - 1), (rows, right)),
        )
        if inner
    ]
    return max((longest_run(cut) for cut in cuts), default=0)


def longest_run(line: BoolMask) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def wrong_pixels(mask: BoolMask, prompt: Prompt) -> int:
    """Pixels under a click or a scribble on the wrong side of the outline."""
    return int((mask[pixels_under(prompt, (mask.shape[0], mask.shape[1]))] != prompt.positive).sum())


def summary(objects: Sequence[Sequence[Step]], decoded: int) -> dict[str, float]:
    every = [each for steps in objects for each in steps]
    further = [each for steps in objects for each in steps[1:]]
    changes = [after.iou - before.iou for steps in objects for before, after in pairwise(steps)]
    ious = [[each.iou for each in steps] for steps in objects]

    def share(values: Iterator[bool], total: int) -> float:
        return round(sum(values) / max(total, 1), 4)

    return {
        **{f"iou@{k}": round(float(np.mean([iou_at(each, k) for each in ious])), 4) for k in (1, 2, 3, 5, PROMPTS)},
        "objects with a cut": share((any(s.cut >= LONG_CUT for s in steps) for steps in objects), len(objects)),
        "answers with a cut": share((each.cut >= LONG_CUT for each in every), len(every)),
        "objects with an ignored prompt": share((any(s.wrong_side for s in steps) for steps in objects), len(objects)),
        "answers with an ignored prompt": share((each.wrong_side > 0 for each in every), len(every)),
        "answers with a corrected prompt": share((each.corrected > 0 for each in every), len(every)),
        "breaks more than it mends": share((each.broken > each.mended for each in further), len(further)),
        "pixels broken a prompt": round(float(np.mean([each.broken for each in further])), 1),
        "pixels mended a prompt": round(float(np.mean([each.mended for each in further])), 1),
        "iou falls": share((change < -FALL for change in changes), len(changes)),
        "looks a prompt": round(decoded / len(every), 3),
    }


if __name__ == "__main__":
    main()
