"""The numbers of one run.

A *summary* is the dictionary in `summary.json`. It holds the numbers of `vpuformer.metrics.summarise` ("NoC@85",
"NoF@90", "IoU@1", "AuC@20"). If prompts other than clicks are allowed, "NoC@85" is called "NoI@85", a number of
interactions. In addition it holds

* "BIoU@1", ...: mean boundary IoU after that number of prompts, if the run measured it;
* "corrected", "harmful", "broken", "falls": see `vpuformer.evaluation.report.trust`;
* `intervals`: 95 % interval [low, high] of every mean, by a bootstrap over images;
* `curve`: mean IoU after 1, 2, ... prompts;
* `objects`, `images`: their numbers; `prompts`: number of prompts of each kind;
* `seconds_per_interaction`, `seconds_per_image`: `median`, `mean` and `interval` of the mean, in the method itself;
* all fields of the `RunHeader`.
"""

import json
import os
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vpuformer.errors import InputError
from vpuformer.evaluation.records import ObjectRecord, RunHeader
from vpuformer.evaluation.report.trust import trust
from vpuformer.files import write_file
from vpuformer.metrics import bootstrap_interval, bootstrap_intervals, iou_at
from vpuformer.metrics import summarise as summarise_curves

Summary = dict[str, Any]

_MEANS = ("NoC@", "NoI@", "IoU@", "BIoU@", "AuC@")


def summarise(header: RunHeader, records: Sequence[ObjectRecord]) -> Summary:
    """Compute the numbers of a run.

    If objects stop at a target IoU (`header.stop_at_iou`), numbers that depend on what comes after it are left out.

    Raises:
        InputError: `records` is empty.
    """
    if not records:
        raise InputError("got no records to summarise; the run has not finished its first object")
    curves = [record.ious for record in records]
    boundaries = [record.boundary_ious for record in records]
    singles = [_numbers(header, [one], [other]) for one, other in zip(curves, boundaries, strict=True)]
    every = _numbers(header, curves, boundaries)
    numbers = {name: value for name, value in every.items() if _complete(name, header.stop_at_iou)}
    means = [name for name in numbers if name.startswith(_MEANS)]
    images = [record.image_id for record in records]
    # The same resamples for every number and run, so that intervals of two runs are comparable.
    ends = bootstrap_intervals(
        np.array([[single[name] for name in means] for single in singles]), np.random.default_rng(0), images=images
    )
    trusted, spreads = trust(records)
    steps = [(step, record.image_id) for record in records for step in record.interactions]
    return {
        **numbers,
        **trusted,
        "intervals": dict(zip(means, ends.tolist(), strict=True)) | spreads,
        "curve": [numbers[f"IoU@{k}"] for k in range(1, header.max_interactions + 1) if f"IoU@{k}" in numbers],
        **header.to_dict(),
        "objects": len(records),
        "images": len(set(images)),
        "prompts": dict(sorted(Counter(step.prompt.kind for step, _ in steps).items())),
        "seconds_per_interaction": _spread([step.seconds for step, _ in steps], [image for _, image in steps]),
        "seconds_per_image": _spread([record.image_seconds for record in records], images),
    }


def write_summary(path: str | os.PathLike[str], summary: Summary) -> None:
    """Write `summary.json`, atomically.

    Raises:
        InputError: the file cannot be written.
    """
    write_file(path, json.dumps(summary, indent=2) + "\n")


def prompts_shown(summary: Mapping[str, Any]) -> str:
    """Prompt kinds of a run, in words.

    >>> prompts_shown({"kinds": ["click"], "first_kind": "box"}), prompts_shown({"kinds": ["click", "scribble"]})
    ('box, then click', 'click + scribble')
    """
    kinds = " + ".join(summary["kinds"])
    first = summary.get("first_kind")
    return kinds if first is None or [first] == list(summary["kinds"]) else f"{first}, then {kinds}"


def count_title(name: str, summaries: Sequence[Mapping[str, Any]]) -> str:
    """Name of a number: NoC if all runs use clicks alone, else NoI.

    >>> count_title("NoC@85", [{"kinds": ["click", "box"]}])
    'NoI@85'
    """
    if name.startswith("NoC") and any(prompts_shown(summary) != "click" for summary in summaries):
        return name.replace("NoC", "NoI")
    return name


def number_shown(summary: Mapping[str, Any], name: str) -> str:
    """Number of a summary with the digits that papers print, or "" if it is missing.

    "NoC" also finds "NoI"; see `count_title`.

    >>> number_shown({"kinds": ["click"], "NoC@90": 1.7100}, "NoC@90")
    '1.71'
    """
    value = summary.get(count_title(name, [summary]))
    return "" if value is None else formatted(name, value)


def interval_shown(summary: Mapping[str, Any], name: str, between: str = " to ") -> str:
    """95 % interval of a number, or "" if it has none.

    >>> interval_shown({"kinds": ["box"], "intervals": {"NoI@90": [1.5, 2.25]}}, "NoC@90")
    '1.50 to 2.25'
    """
    ends = summary.get("intervals", {}).get(count_title(name, [summary]))
    return "" if ends is None else between.join(formatted(name, end) for end in ends)


def formatted(name: str, value: float) -> str:
    """A number of this name with the digits that papers print; shares in per cent.

    >>> formatted("NoC@90", 1.71), formatted("IoU@1", 0.5), formatted("harmful", 0.0123)
    ('1.71', '0.500', '1.2%')
    """
    if name in ("corrected", "harmful", "falls"):
        return f"{value:.1%}"
    if name.startswith(("NoF", ">=", "broken")):
        return f"{value:.0f}"
    return f"{value:.2f}" if name.startswith(("NoC", "NoI")) else f"{value:.3f}"


def _numbers(
    header: RunHeader, curves: Sequence[Sequence[float]], boundaries: Sequence[Sequence[float] | None]
) -> dict[str, float]:
    limit, run = header.max_interactions, header.to_dict()
    numbers = {count_title(name, [run]): value for name, value in summarise_curves(curves, limit).items()}
    measured = [curve for curve in boundaries if curve is not None]
    if len(measured) == len(boundaries):
        for k in range(1, limit + 1):
            numbers[f"BIoU@{k}"] = float(np.mean([iou_at(curve, k) for curve in measured]))
    return numbers


def _complete(name: str, stop_at_iou: float | None) -> bool:
    """Whether this number is known if objects stop at the IoU `stop_at_iou`."""
    what, _, at = name.partition("@")
    if stop_at_iou is None:
        return True
    if what in ("IoU", "BIoU"):
        return int(at) == 1
    return what != "AuC" and int(at) <= 100 * stop_at_iou + 1e-9


def _spread(seconds: Sequence[float], images: Sequence[str]) -> dict[str, Any]:
    return {
        "median": statistics.median(seconds),
        "mean": statistics.fmean(seconds),
        "interval": list(bootstrap_interval(seconds, np.random.default_rng(0), images=images)),
    }
