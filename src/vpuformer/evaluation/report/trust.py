"""Trust in a method: how often a further prompt makes the mask worse.

A *further prompt* is the second or a later one of an object.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vpuformer.evaluation.records import Interaction, ObjectRecord
from vpuformer.metrics import bootstrap_interval

FALL = 0.01
"""Fall of the IoU above which a prompt counts as having made the mask worse."""

TITLES = {
    "corrected": "prompts corrected",
    "harmful": "break more than they mend",
    "broken": "pixels broken",
    "falls": "IoU falls by more than .01",
}
"""Titles of the numbers, by their names in a summary.

* "corrected": share of prompts after which a prompt of the object had to be put right;
* "harmful": share of further prompts that break more pixels than they mend;
* "broken": mean number of pixels that a further prompt breaks;
* "falls": share of further prompts after which the IoU is lower by more than `FALL`.
"""


def trust(records: Sequence[ObjectRecord]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The numbers of `TITLES` and their 95 % intervals (see `bootstrap_interval`).

    Left out are those of which there is no prompt, and those that a prompt lacks, as in files of older versions.
    """
    values: dict[str, list[tuple[float | None, str]]] = {name: [] for name in TITLES}
    for record in records:
        for step in record.interactions:
            corrected = None if step.corrected is None else float(step.corrected > 0)
            values["corrected"].append((corrected, record.image_id))
        for before, step in pairwise(record.interactions):
            for name, value in _further(before, step).items():
                values[name].append((value, record.image_id))
    means, intervals = {}, {}
    for name, measured in values.items():
        column, images = [value for value, _ in measured if value is not None], [image for _, image in measured]
        if column and len(column) == len(measured):
            means[name] = float(np.mean(column))
            intervals[name] = list(bootstrap_interval(column, np.random.default_rng(0), images=images))
    return means, intervals


def _further(before: Interaction, step: Interaction) -> dict[str, float | None]:
    broken, mended = step.broken, step.mended
    return {
        "harmful": None if broken is None or mended is None else float(broken > mended),
        "broken": broken,
        "falls": float(before.iou - step.iou > FALL),
    }
