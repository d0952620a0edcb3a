"""Candidates of a first prompt, measured on the validation objects.

    python benchmarks/candidates.py --root data/train --split data/split.json --every 2

A simulated user gives each object one prompt. Reported for each kind of prompt: the mean IoU of the answer, of the best
candidate and of the one with the highest score; which candidate is the best; the rank correlation of score and IoU; the
number of candidates; and the median seconds of a prompt without and with them. The views and the score were chosen on
the even ones of every second object. Writes `benchmarks/results/candidates.json`.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from natural import natural_objects, natural_parser
from scipy.stats import rankdata

from vpuformer.data.sample import Sample
from vpuformer.files import write_file
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import iou
from vpuformer.prompts import KINDS, Kind
from vpuformer.simulation import next_prompt

RESULTS = Path(__file__).parent / "results" / "candidates.json"


class Answered(NamedTuple):
    """Candidates of one object, and the seconds of its prompt."""

    ious: list[float]
    scores: list[float]
    plain_seconds: float
    seconds: float


def main() -> None:
    options = natural_parser(__doc__, RESULTS).parse_args()
    keep_freed_memory()

    samples = natural_objects(options.root, options.split, options.every)
    segmenter = VPUFormerSegmenter.from_pretrained(options.model, "cpu", runtime="torch", threads=1)
    content = {
        "command": f"python benchmarks/candidates.py --root data/train --split data/split.json --every {options.every}",
        "weights_sha256": segmenter.sha256,
        "objects": len(samples),
        "kinds": {},
    }
    for kind in KINDS:
        content["kinds"][kind] = summary([answered(segmenter, sample, kind) for sample in samples])
        print(kind, json.dumps(content["kinds"][kind]), flush=True)
        write_file(options.output, json.dumps(content, indent=2) + "\n")


def answered(segmenter: VPUFormerSegmenter, sample: Sample, kind: Kind) -> Answered:
    """The answer to the first prompt of this kind."""
    truth, encoded = sample.truth(), segmenter.encode(sample.image())
    prompt = next_prompt(kind, truth, np.zeros(truth.shape, np.bool_))
    assert prompt is not None
    again = segmenter.encode(encoded.image)  # without the crops of the first answer
    start = time.perf_counter()
    segmenter.segment([Query(encoded, [prompt])])
    middle = time.perf_counter()
    (prediction,) = segmenter.segment([Query(again, [prompt], candidates=True)])
    return Answered(
        [iou(each.mask, truth) for each in prediction.candidates],
        [each.score for each in prediction.candidates],
        middle - start,
        time.perf_counter() - middle,
    )


def summary(objects: Sequence[Answered]) -> dict[str, float | list[float]]:
    ious = [each.ious for each in objects]
    scores = [each.scores for each in objects]
    best = [int(np.argmax(each)) for each in ious]
    best_scored = [each[int(np.argmax(scored))] for each, scored in zip(ious, scores, strict=True)]
    return {
        "IoU@1": rounded([each[0] for each in ious]),
        "best of three": rounded([max(each) for each in ious]),
        "highest score": rounded(best_scored),
        "gain, even and odd objects": [rounded([max(each) - each[0] for each in ious[start::2]]) for start in (0, 1)],
        "the best is candidate 1, 2, 3": (np.bincount(best, minlength=3) / len(best)).round(3).tolist(),
        "rank correlation of score and IoU": rounded([correlation(np.concatenate(scores), np.concatenate(ious))]),
        "candidates": rounded([len(each) for each in ious]),
        "seconds without": round(float(np.median([each.plain_seconds for each in objects])), 3),
        "seconds with": round(float(np.median([each.seconds for each in objects])), 3),
    }


def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def rounded(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


if __name__ == "__main__":
    main()
