"""`vpuformer evaluate --human`: people's scribbles in place of a simulated user."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vpuformer.evaluation import HUMAN
from vpuformer.files import write_file

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.records import RunHeader
    from vpuformer.inference.protocol import Segmenter


def evaluate_with_scribbles(
    samples: "Sequence[Sample]", segmenter: "Segmenter", header: "RunHeader", scribbles: Path, folder: Path
) -> None:
    """Evaluate with people's scribbles; see `vpuformer.evaluation.human`."""
    from rich.console import Console
    from rich.table import Table

    from vpuformer.evaluation.human import evaluate_human, summarise_human
    from vpuformer.evaluation.records import data_fingerprint

    records = evaluate_human(samples, scribbles, segmenter)
    sets = summarise_human(records)
    run = header.to_dict()
    # Settings of the simulated user, which this run does not have.
    for name in ("kinds", "first_kind", "max_interactions", "until", "seed", "batch", "shard", "total"):
        del run[name]
    summary = {
        "sets": sets,
        **run,
        "scribbles_sha256": data_fingerprint(scribbles),
        "records": [asdict(record) for record in records],
    }
    write_file(folder / HUMAN, json.dumps(summary, indent=2) + "\n")
    table = Table()
    table.add_column("", no_wrap=True)
    for title in ("IoU, all\nstrokes", "longest\nalone", "simulated\nalone", "gain", "length,\nlongest", "simulated"):
        table.add_column(title, justify="right")
    for name, numbers in sets.items():
        shown = ("iou", "human_iou", "simulated_iou", "gain", "human_length", "simulated_length")
        table.add_row(name, *[f"{numbers[field]:.3f}" for field in shown])
    Console().print(table)
    typer.echo(folder / HUMAN)
