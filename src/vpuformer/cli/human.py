"""`vpuformer evaluate --human`: scribbles that people drew, in place of a simulated user."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vpuformer.evaluation import HUMAN

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.records import Header
    from vpuformer.inference.protocol import Segmenter


def evaluate_with_scribbles(
    samples: "Sequence[Sample]", segmenter: "Segmenter", header: "Header", scribbles: Path, folder: Path
) -> None:
    """Measure with scribbles that people drew; see `vpuformer.evaluation.human`."""
    from rich.console import Console
    from rich.table import Table

    from vpuformer.evaluation.human import evaluate_human, summarise_human
    from vpuformer.evaluation.records import data_fingerprint
    from vpuformer.evaluation.report import write_text

    records = evaluate_human(samples, scribbles, segmenter)
    sets = summarise_human(records)
    run = header.to_dict()
    # The settings of the simulated user, which there was none of.
    for name in ("kinds", "first_kind", "max_interactions", "until", "seed", "batch", "shard", "total"):
        del run[name]
    told = {
        "sets": sets,
        **run,
        "scribbles_sha256": data_fingerprint(scribbles),
        "records": [asdict(record) for record in records],
    }
    write_text(folder / HUMAN, json.dumps(told, indent=2) + "\n")
    table = Table()
    table.add_column("", no_wrap=True)
    for title in ("IoU, all\nstrokes", "longest\nalone", "simulated\nalone", "gain", "length,\nlongest", "simulated"):
        table.add_column(title, justify="right")
    for name, numbers in sets.items():
        shown = ("iou", "human_iou", "simulated_iou", "gain", "human_length", "simulated_length")
        table.add_row(name, *[f"{numbers[field]:.3f}" for field in shown])
    Console().print(table)
    typer.echo(folder / HUMAN)
