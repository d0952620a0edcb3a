"""`vpuformer evaluate --human`: people's scribbles in place of a simulated user."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vpuformer.errors import InputError
from vpuformer.evaluation import HUMAN
from vpuformer.files import read_bytes, read_json, write_file

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.records import RunHeader
    from vpuformer.inference.protocol import Segmenter


def evaluate_with_scribbles(
    samples: "Sequence[Sample]", segmenter: "Segmenter", header: "RunHeader", scribbles: Path, folder: Path
) -> None:
    """Evaluate with people's scribbles; see `vpuformer.evaluation.human`."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from vpuformer.evaluation.human import evaluate_human, summarise_human
    from vpuformer.evaluation.records import check_same_run, data_fingerprint

    run = header.to_dict()
    # Settings of the simulated user, which this run does not have.
    for name in ("kinds", "first_kind", "max_interactions", "until", "seed", "batch", "shard", "total"):
        del run[name]
    run["scribbles_sha256"] = data_fingerprint(scribbles)
    if (folder / HUMAN).is_file():
        content = read_bytes(folder / HUMAN, error=InputError, name=f"the results {folder / HUMAN}")
        former = read_json(content, error=InputError, name=str(folder / HUMAN))
        check_same_run(folder / HUMAN, run, former if isinstance(former, dict) else {})
    records = evaluate_human(samples, scribbles, segmenter)
    sets = summarise_human(records)
    summary = {"sets": sets, **run, "records": [asdict(record) for record in records]}
    write_file(folder / HUMAN, json.dumps(summary, indent=2) + "\n")
    table = Table()
    table.add_column("", no_wrap=True)
    for title in ("IoU, all\nstrokes", "longest\nalone", "simulated\nalone", "gain", "length,\nlongest", "simulated"):
        table.add_column(title, justify="right")
    for name, numbers in sets.items():
        shown = ("iou", "human_iou", "simulated_iou", "gain", "human_length", "simulated_length")
        table.add_row(escape(name), *[f"{numbers[field]:.3f}" for field in shown])
    Console().print(table)
    typer.echo(folder / HUMAN)
