"""Rules for the zoom-in, compared on the validation objects.

    python benchmarks/zoom.py --root data/train --split data/split.json 1.4,200,0.5 1.2,80,0.85

Each rule is EXPANSION,MIN_SIDE,KEEP_IOU (`vpuformer.inference.zoom.ZoomRule`). Reports the mean IoU over the natural
images after 1 to 3 mixed prompts and after 1, 3 and 5 clicks, and the passes of the image encoder and of the decoder
per prompt. Adds to `benchmarks/results/zoom.json` if its rows have the same weights and objects.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from natural import natural_objects
from watching import watched

from vpuformer.data.sample import Sample
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.inference.zoom import ViewSettings, ZoomRule
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import iou_at
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import KINDS, Kind

RESULTS = Path(__file__).parent / "results" / "zoom.json"
MEASURED: dict[str, tuple[tuple[Kind, ...], tuple[int, ...]]] = {
    "mixed": (KINDS, (1, 2, 3)),
    "clicks": (("click",), (1, 3, 5)),
}
"""Prompt kinds, and the numbers of prompts after which the IoU is reported."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="+", metavar="EXPANSION,MIN_SIDE,KEEP_IOU")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    keep_freed_memory()

    weights = read_manifest("default").sha256
    former: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    samples = natural_objects(options.root, options.split)
    head = {
        "command": "python benchmarks/zoom.py --root data/train --split data/split.json RULE...",
        "weights_sha256": weights,
        "objects": len(samples),
    }
    rules = former["rules"] if all(former.get(name) == value for name, value in head.items()) else {}
    for rule in options.rules:
        rules[rule] = measure(samples, rule, options.workers)
        print(rule, rules[rule], flush=True)
        RESULTS.write_text(json.dumps(head | {"rules": rules}, indent=2) + "\n")


def measure(samples: list[Sample], rule: str, workers: int) -> dict[str, float]:
    expansion, min_side, keep_iou = map(float, rule.split(","))
    views = ViewSettings(ZoomRule(expansion, int(min_side), keep_iou))
    network = TorchNetwork.from_pretrained("default", "cpu", threads=1)
    segmenter = VPUFormerSegmenter(network, views=views)
    passes: dict[str, list[int]] = {"encode": [], "decode": []}  # several threads append without losing an entry

    def count(name: str, inputs: tuple[Any, ...]) -> None:
        # The batch: images of `encode`, previous masks of `decode`.
        passes[name].append(len(inputs[0 if name == "encode" else 1]))

    scores, prompts = {}, 0
    with watched(network.model, count):
        for name, (kinds, counts) in MEASURED.items():
            user = SimulatedUser(kinds, max_interactions=max(counts))
            records = list(evaluate(samples, segmenter, user, workers=workers))
            prompts += sum(len(each.interactions) for each in records)
            for k in counts:
                scores[f"{name}@{k}"] = round(sum(iou_at(each.ious, k) for each in records) / len(records), 4)
    return scores | {f"{name} passes a prompt": round(sum(counts) / prompts, 2) for name, counts in passes.items()}


if __name__ == "__main__":
    main()
