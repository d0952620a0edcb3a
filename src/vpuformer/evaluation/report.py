"""Numbers and tables from records: for the screen, for a file, for a page.

A *summary* is a plain dict, as `summary.json` holds it: the numbers of `vpuformer.metrics.summarise` under their names
there ("NoC@85", "NoF@90", "IoU@1"), and beside them

* `intervals`: for every mean its 95 % interval, [low, high], by drawing the objects anew;
* `curve`: mean IoU after 1, 2, ... prompts;
* `objects`, and `prompts`: how many were given of each kind;
* `seconds_per_interaction` and `seconds_per_image`: each `median` and `mean`;
* all fields of the run's `Header`.
"""

import json
import os
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from vpuformer.atomic import replacing
from vpuformer.errors import InputError
from vpuformer.evaluation.records import Header, ObjectRecord
from vpuformer.metrics import bootstrap_interval, iou_at
from vpuformer.metrics import summarise as summarise_curves

Summary = dict[str, Any]

COLUMNS = ("NoC@85", "NoC@90", "NoF@90", "IoU@1", "IoU@3", "IoU@5")
"""The numbers of the table for a page."""

_NONE = "-"


def summarise(header: Header, records: Sequence[ObjectRecord]) -> Summary:
    """The numbers of a run.

    Of a run with a target to stop at (`until`), only those numbers are given that it did not cut short.

    Raises:
        InputError: there is no record.
    """
    if not records:
        raise InputError("there are no records to summarise; the run has not finished its first object")
    limit = header.max_interactions
    curves = [record.ious for record in records]
    kept = [name for name in summarise_curves(curves[:1], limit) if _complete(name, header.until)]
    numbers = summarise_curves(curves, limit)
    single = [summarise_curves([curve], limit) for curve in curves]
    means = [name for name in kept if name.startswith(("NoC", "IoU"))]
    steps = [step for record in records for step in record.interactions]
    reach = limit if header.until is None else 1
    return {
        **{name: numbers[name] for name in kept},
        # The same draws for every number, whatever the run's seed: intervals of two runs are comparable.
        "intervals": {
            name: list(bootstrap_interval([each[name] for each in single], np.random.default_rng(0))) for name in means
        },
        "curve": [float(np.mean([iou_at(curve, k) for curve in curves])) for k in range(1, reach + 1)],
        **header.to_dict(),
        "objects": len(records),
        "prompts": dict(sorted(Counter(step.prompt.kind for step in steps).items())),
        "seconds_per_interaction": _spread([step.seconds for step in steps]),
        "seconds_per_image": _spread([record.image_seconds for record in records]),
    }


def write_summary(path: str | os.PathLike[str], summary: Summary) -> None:
    """Write `summary.json`, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    target = Path(path)
    try:
        with replacing(target) as temporary:
            temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"the summary cannot be written to {target}: {error.strerror or error}") from error


def read_summary(path: str | os.PathLike[str]) -> Summary:
    """The inverse of `write_summary`.

    Raises:
        InputError: the file is missing, or no summary.
    """
    try:
        summary = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"the summary {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is no summary: {error}") from error
    if not isinstance(summary, dict) or not {"dataset", "model", "kinds", "objects"} <= summary.keys():
        raise InputError(f"{path} is no summary of an evaluation: it names no data set, model and kinds of prompts")
    return summary


def summary_table(summaries: Sequence[Summary]) -> Table:
    """For the screen: a row a number, a column a run. A single run shows its intervals."""
    table = Table()
    table.add_column("")
    for summary in summaries:
        table.add_column(f"{summary['model']}\n{summary['dataset']}\n{prompts_shown(summary)}", justify="right")
    if len(summaries) == 1:
        table.add_column("95 %", justify="right")
    names = list(dict.fromkeys(name for summary in summaries for name in summary if "@" in name))
    for name in names:
        row = [_shown(summary, name) for summary in summaries]
        if len(summaries) == 1:
            row.append(_interval(summaries[0], name))
        table.add_row(_title(name, summaries), *row)
    table.add_row("objects", *[str(summary["objects"]) for summary in summaries])
    table.add_row("s / prompt", *[_seconds(summary) for summary in summaries])
    return table


def render_table(summaries: Sequence[Summary]) -> str:
    """For a page: Markdown, a row a run. Seconds are the median, of one prompt.

    >>> run = {"dataset": "toy", "model": "grabcut", "kinds": ["click"], "objects": 4, "NoC@90": 3.25, "IoU@1": 0.5}
    >>> print(render_table([run]))
    | data set | method | prompts | objects | NoC@85 | NoC@90 | NoF@90 | IoU@1 | IoU@3 | IoU@5 | s / prompt |
    |---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|
    | toy | grabcut | click | 4 | - | 3.25 | - | 0.500 | - | - | - |
    """
    head = ["data set", "method", "prompts", "objects", *(_title(name, summaries) for name in COLUMNS), "s / prompt"]
    lines = [head, ["---"] * 3 + ["--:"] * (len(head) - 3)]
    rows = [
        [
            summary["dataset"],
            summary["model"],
            prompts_shown(summary),
            str(summary["objects"]),
            *(_shown(summary, name) for name in COLUMNS),
            _seconds(summary),
        ]
        for summary in summaries
    ]
    text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([text[0], "|" + "|".join(lines[1]) + "|", *text[1:]])


def prompts_shown(summary: Mapping[str, Any]) -> str:
    """The kinds of prompts of a run, in words.

    >>> prompts_shown({"kinds": ["click"], "first_kind": "box"}), prompts_shown({"kinds": ["click", "scribble"]})
    ('box, then click', 'click + scribble')
    """
    kinds = " + ".join(summary["kinds"])
    first = summary.get("first_kind")
    return kinds if first is None or [first] == list(summary["kinds"]) else f"{first}, then {kinds}"


def _complete(name: str, until: float | None) -> bool:
    """Whether this number is known when objects ended at the IoU `until`."""
    what, _, at = name.partition("@")
    return until is None or (int(at) == 1 if what == "IoU" else int(at) <= 100 * until + 1e-9)


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(seconds), "mean": statistics.fmean(seconds)}


def _title(name: str, summaries: Sequence[Summary]) -> str:
    # The paper counts interactions (NoI) where others than clicks are among them.
    if name.startswith("NoC") and any(prompts_shown(summary) != "click" for summary in summaries):
        return name.replace("NoC", "NoI")
    return name


def _shown(summary: Summary, name: str) -> str:
    value = summary.get(name)
    if value is None:
        return _NONE
    if name.startswith("IoU"):
        return f"{value:.3f}"
    return f"{value:.2f}" if name.startswith("NoC") else f"{value:.0f}"


def _interval(summary: Summary, name: str) -> str:
    ends = summary.get("intervals", {}).get(name)
    if ends is None:
        return ""
    digits = 3 if name.startswith("IoU") else 2
    return f"{ends[0]:.{digits}f} .. {ends[1]:.{digits}f}"


def _seconds(summary: Summary) -> str:
    seconds = summary.get("seconds_per_interaction")
    return _NONE if seconds is None else f"{seconds['median']:.3g}"
