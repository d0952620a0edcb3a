"""A box around the object after clicks, with and without the rule for it.

    python benchmarks/enclosing_box.py --root data/train --split data/split.json --every 2

A simulated user clicks on natural validation objects one to three times, and after each click a box is tried: the tight
box of the object, one that is up to a fifth of a side too far out on each side, and one that cuts off up to 8 % of a
side. Reported: the IoU before the box, after it without and with `vpuformer.inference.enclosing`, and of the box alone.
Further users correct with boxes around missing parts, up to a fifth of a side too far out on each side; reported is how
many of those the rule mistakes for boxes around the object. Writes `benchmarks/results/enclosing_box.json`.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import numpy as np
from natural import natural_objects, natural_parser

from vpuformer.arrays import Size
from vpuformer.data.sample import Sample
from vpuformer.files import write_file
from vpuformer.geometry import Crop
from vpuformer.inference import segment
from vpuformer.inference.enclosing import begins_afresh
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import iou
from vpuformer.prompts import Box, Click, Prompt
from vpuformer.simulation.boxes import next_box
from vpuformer.simulation.clicks import next_click

RESULTS = Path(__file__).parent / "results" / "enclosing_box.json"
BOXES = {"tight": (0.0, 0.0), "too large": (0.0, 0.2), "too small": (-0.08, 0.0)}
"""How far the edges of a box lie outside the tight box, in its sides, at least and at most."""

CLICKS = 3
CORRECTIONS = ("click box box box", "click click click box", "click box click box")
"""Kinds of the prompts of users who correct with boxes around missing parts."""


def main() -> None:
    options = natural_parser(__doc__, RESULTS).parse_args()
    keep_freed_memory()

    samples = natural_objects(options.root, options.split, options.every)
    segmenter = VPUFormerSegmenter.from_pretrained(options.model, "cpu", threads=1)
    values: dict[str, list[float]] = defaultdict(list)
    taken: list[bool] = []
    for sample in samples:
        around_the_object(segmenter, sample, values)
        for kinds in CORRECTIONS:
            taken += around_parts(segmenter, sample, kinds.split())
    command = f"python benchmarks/enclosing_box.py --root data/train --split data/split.json --every {options.every}"
    content = {
        "command": command,
        "weights_sha256": segmenter.sha256,
        "objects": len(samples),
        "IoU": {name: round(float(np.mean(each)), 4) for name, each in values.items()},
        "boxes around missing parts": len(taken),
        "of these mistaken for boxes around the object": sum(taken),
    }
    print(json.dumps(content, indent=2))
    write_file(options.output, json.dumps(content, indent=2) + "\n")


def around_the_object(segmenter: VPUFormerSegmenter, sample: Sample, values: dict[str, list[float]]) -> None:
    """Append the IoU after each number of clicks and each box."""
    truth, encoded = sample.truth(), segmenter.encode(sample.image())
    around = Crop.around(truth == 1)
    assert around is not None
    rng = np.random.default_rng([sample.object_id, len(sample.name)])
    boxes = {
        name: moved(Box(*around.edges), rng.uniform(low, high, 4), encoded.size) for name, (low, high) in BOXES.items()
    }
    for name, box in boxes.items():
        (alone,) = segmenter.segment([Query(encoded, [box])])
        values[f"{name}, alone"].append(iou(alone.mask, truth))
    clicks: list[Click] = []
    answer: Prediction | None = None
    for number in range(1, CLICKS + 1):
        mask = np.zeros(truth.shape, np.bool_) if answer is None else answer.mask
        click = next_click(truth, mask, earlier=clicks)
        if click is None:
            return
        clicks.append(click)
        (answer,) = segmenter.segment([Query(encoded, clicks, answer)])
        values[f"{number}, before"].append(iou(answer.mask, truth))
        for name, box in boxes.items():
            query = Query(encoded, [*clicks, box], answer)
            for rule, value in compared(segmenter, query).items():
                values[f"{number}, {name}, {rule}"].append(iou(value.mask, truth))


def around_parts(segmenter: VPUFormerSegmenter, sample: Sample, kinds: Sequence[str]) -> list[bool]:
    """Whether the rule mistakes each positive box around a missing part, drawn too large."""
    truth, encoded = sample.truth(), segmenter.encode(sample.image())
    rng = np.random.default_rng([sample.object_id, len(sample.name), len(kinds)])
    prompts: list[Prompt] = []
    answer: Prediction | None = None
    taken = []
    for kind in kinds:
        mask = np.zeros(truth.shape, np.bool_) if answer is None else answer.mask
        prompt = (next_box if kind == "box" else next_click)(truth, mask, earlier=prompts)
        if prompt is None:
            break
        if kind == "box" and isinstance(prompt, Box) and prompt.positive:
            prompt = moved(prompt, rng.uniform(*BOXES["too large"], 4), encoded.size)
        prompts.append(prompt)
        query = Query(encoded, prompts, answer)
        if isinstance(prompt, Box) and prompt.positive:
            taken.append(begins_afresh(query))
        (answer,) = segmenter.segment([query])
    return taken


def compared(segmenter: VPUFormerSegmenter, query: Query) -> dict[Literal["without", "with"], Prediction]:
    """The answers without and with the rule."""
    with patch.object(segment, "begins_afresh", return_value=False):
        (without,) = segmenter.segment([query])
    (answer,) = segmenter.segment([query])
    return {"without": without, "with": answer}


def moved(box: Box, outwards: np.ndarray, size: Size) -> Box:
    """The box with edges (left, top, right, bottom) moved outwards, within the image.

    `outwards` is in sides of the box.
    """
    x0, y0, x1, y1 = box.bounds
    left, top, right, bottom = np.array(box.bounds) + outwards * (x0 - x1, y0 - y1, x1 - x0, y1 - y0)
    return Box(max(left, -0.5), max(top, -0.5), min(right, size[1] - 0.5), min(bottom, size[0] - 0.5))


if __name__ == "__main__":
    main()
