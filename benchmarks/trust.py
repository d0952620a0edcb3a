"""Trust in the answers, measured on the validation objects.

    python benchmarks/trust.py --root data/train --split data/split.json before after

A simulated user corrects natural objects with clicks, with clicks and boxes, or with all three kinds of prompts, ten
times each. Measured are the shares of objects with a cut at the border of the crop and with an ignored prompt, what
further prompts break (`vpuformer.evaluation.report.trust`), and the passes of the network that it costs. Adds to
`benchmarks/results/trust.json` if its rows have the same weights and objects.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from natural import natural_objects, natural_parser
from watching import watched

from vpuformer.arrays import BoolMask
from vpuformer.data.sample import Sample
from vpuformer.evaluation.records import ObjectRecord
from vpuformer.evaluation.report.trust import trust
from vpuformer.evaluation.simulated_user import ObjectRun, SimulatedUser
from vpuformer.files import write_file
from vpuformer.geometry import Crop
from vpuformer.inference.pixels import pixels_under
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.inference.zoom import RULES, USUAL, ViewSettings
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import iou_at, noc
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import KINDS, Kind, Prompt

RESULTS = Path(__file__).parent / "results" / "trust.json"
VARIANTS: dict[str, ViewSettings] = {
    "before": replace(USUAL, zoom=replace(RULES["ours"], looks=2, inner_margin=-1), steady=False),
    "after": USUAL,
}
"""By name: without further looks and corrections, and as it is."""
USERS: dict[str, tuple[Kind, ...]] = {
    "clicks": ("click",),
    "clicks and boxes": ("click", "box"),
    "all three kinds": KINDS,
}
PROMPTS = 10
LONG_CUT = 15
"""Pixels of an outline on the border of the crop from which it counts as a cut."""
BATCH = 8


class Corrected(NamedTuple):
    """One object, corrected to the end."""

    record: ObjectRecord
    cut: bool
    """Whether an outline ended with the crop, along `LONG_CUT` pixels or more."""
    ignored: bool
    """Whether a prompt was left on the wrong side of the outline."""


def main() -> None:
    parser = natural_parser(__doc__, RESULTS)
    parser.add_argument("variants", nargs="+", choices=VARIANTS)
    parser.add_argument("--workers", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    keep_freed_memory()

    weights = read_manifest(options.model).sha256
    samples = natural_objects(options.root, options.split, options.every)
    words = f"--root data/train --split data/split.json --every {options.every}"
    head = {
        "command": f"python benchmarks/trust.py {words} VARIANT...",
        "prompts": PROMPTS,
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
    network = TorchNetwork.from_pretrained(model, "cpu", threads=1)
    segmenter = VPUFormerSegmenter(network, views=views)
    user = SimulatedUser(kinds, max_interactions=PROMPTS)
    decoded: list[int] = []  # several threads append to a list without losing an entry

    def count(name: str, inputs: tuple[Any, ...]) -> None:
        if name == "decode":
            decoded.append(len(inputs[1]))

    blocks = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
    with watched(network.model, count), ThreadPoolExecutor(workers) as threads:
        objects = [
            each for done in threads.map(lambda block: run_block(segmenter, user, block), blocks) for each in done
        ]
    return summary(objects, sum(decoded))


def run_block(segmenter: VPUFormerSegmenter, user: SimulatedUser, block: Sequence[Sample]) -> list[Corrected]:
    """Some objects, which are asked about together."""
    truths = [sample.truth() for sample in block]
    images = [segmenter.encode(sample.image()) for sample in block]
    keys = [(sample.name, sample.object_id) for sample in block]
    runs = [ObjectRun(user, key, truth) for key, truth in zip(keys, truths, strict=True)]
    cuts, ignored = [False] * len(block), [False] * len(block)
    while asked := [(i, prompts) for i, run in enumerate(runs) if (prompts := run.next_prompts()) is not None]:
        answers = segmenter.segment([Query(images[i], p, runs[i].previous, runs[i].crop) for i, p in asked])
        for (i, prompts), answer in zip(asked, answers, strict=True):
            runs[i].take(answer, 0, segmenter.name)
            cuts[i] |= longest_cut(answer.mask, answer.crop) >= LONG_CUT
            ignored[i] |= ignores(answer.mask, prompts)
    return [
        Corrected(ObjectRecord(*key, truth.shape, 0, run.interactions, sample.image_id), cut, left_out)
        for sample, key, truth, run, cut, left_out in zip(block, keys, truths, runs, cuts, ignored, strict=True)
    ]


def longest_cut(mask: BoolMask, crop: Crop) -> int:
    """The longest outline along an inner border of the crop, on either side, in pixels."""
    height, width = mask.shape
    top, left = crop.top, crop.left
    bottom, right = top + crop.height, left + crop.width
    rows, columns = crop.slices
    cuts = [
        mask[inside] ^ mask[outside]
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


def ignores(mask: BoolMask, prompts: Sequence[Prompt]) -> bool:
    """Whether a pixel is not what the last click or scribble on it shows."""
    shown = np.full(mask.shape, -1, np.int8)
    for prompt in prompts:
        shown[pixels_under(prompt, (mask.shape[0], mask.shape[1]))] = prompt.positive
    return bool(((shown >= 0) & (shown != mask)).any())


def summary(objects: Sequence[Corrected], decoded: int) -> dict[str, float]:
    """The numbers of one variant and one user."""
    records = [each.record for each in objects]
    curves = [record.ious for record in records]
    figures = {
        **{f"IoU@{k}": np.mean([iou_at(curve, k) for curve in curves]) for k in (1, 2, 3, 5, PROMPTS)},
        **{f"NoI@{target:.0%}": np.mean([noc(curve, target, PROMPTS) for curve in curves]) for target in (0.85, 0.9)},
        "cut": np.mean([each.cut for each in objects]),
        "ignored": np.mean([each.ignored for each in objects]),
        **trust(records)[0],
        "looks": decoded / sum(map(len, curves)),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


if __name__ == "__main__":
    main()
