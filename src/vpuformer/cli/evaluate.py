"""`vpuformer evaluate`: a data set, a simulated user and a method, to a table and files."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from vpuformer.cli.outputs import make_folder
from vpuformer.cli.progress import progress_bar
from vpuformer.errors import ConfigError, DatasetError, unknown_name
from vpuformer.evaluation import HUMAN, RECORDS, SUMMARY

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.protocol import Segmenter
    from vpuformer.evaluation.records import Header
    from vpuformer.prompts import Kind


def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="grabcut, berkeley, davis, coco_mval, sbd, pascalvoc, sstem, brats, oaizib; or coco, for your own.",
        ),
    ],
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Where it is; or RITM's config.yml, which says where.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the results go.")],
    model: Annotated[str, typer.Option(metavar="MODEL", help="A model by name, or its folder.")] = "default",
    peer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another method instead: opencv-grabcut or random-walker.")
    ] = None,
    prompts: Annotated[
        str, typer.Option(metavar="KINDS", help="click, box, scribble, or several mixed: click+box+scribble.")
    ] = "click",
    first: Annotated[str | None, typer.Option(metavar="KIND", help="The kind of the first prompt alone.")] = None,
    max_prompts: Annotated[int, typer.Option(metavar="N", help="Prompts an object.")] = 20,
    until: Annotated[float | None, typer.Option(metavar="IOU", help="End an object at this IoU.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N objects.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is random when kinds are mixed.")] = 0,
    split: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With coco: evaluate the validation objects that FILE names.")
    ] = None,
    human: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Scribbles that people drew, STEM-anno.png, instead of a simulated user."),
    ] = None,
    zoom: Annotated[bool, typer.Option(help="Let the network look closer at the object once it is known.")] = True,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; by default cuda, if any.")] = None,
) -> None:
    """Measure how many prompts a method needs, with a simulated user.

    FOLDER/summary.json holds the numbers, FOLDER/records.jsonl.gz every prompt with the IoU after it. A run that was
    interrupted goes on when the same command is given again. With --human there is one answer to all scribbles of an
    object, and FOLDER/human.json holds how good it is, and how the simulated scribbles compare with people's.
    """
    from vpuformer.data.roots import benchmark_root

    kinds, first_kind = _kinds(prompts, first)
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit is at least 1, got {limit}")
    if human is not None and (prompts != "click" or first or until is not None or max_prompts != 20):
        raise ConfigError(
            "--human gives all scribbles at once; leave out --prompts, --first, --max-prompts and --until"
        )
    root = benchmark_root(dataset, root)
    samples = open_samples(dataset, root, split)[:limit]
    folder = make_folder(output, "the results")
    segmenter, weights, used = _method(model, peer, device, zoom)

    from rich.console import Console

    from vpuformer.evaluation.records import Header, data_fingerprint
    from vpuformer.evaluation.report import summarise, summary_table, write_summary
    from vpuformer.evaluation.run import evaluate_to_file

    header = Header(
        dataset=dataset.lower(),
        objects=len(samples),
        data_sha256=data_fingerprint(root),
        model=segmenter.name,
        weights_sha256=weights,
        kinds=kinds,
        first_kind=first_kind,
        max_interactions=max_prompts,
        until=until,
        seed=seed,
        options={"zoom": zoom} if peer is None else {},
        device=_in_words(used),
        command=shlex.join(["vpuformer", *sys.argv[1:]]),
    )
    if human is not None:
        _with_human_scribbles(samples, segmenter, header, human, folder)
        return
    with progress_bar() as bar:
        task = bar.add_task(f"{segmenter.name} on {dataset}", total=len(samples))
        records = evaluate_to_file(
            samples,
            segmenter,
            folder / RECORDS,
            header,
            on_progress=lambda done, _: bar.update(task, completed=done),
        )
    summary = summarise(header, records)
    write_summary(folder / SUMMARY, summary)
    Console().print(summary_table([summary]))
    typer.echo(f"{folder / SUMMARY}\n{folder / RECORDS}")


def _with_human_scribbles(
    samples: "Sequence[Sample]", segmenter: "Segmenter", header: "Header", scribbles: Path, folder: Path
) -> None:
    """Measure with scribbles that people drew; see `vpuformer.evaluation.human`."""
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from vpuformer.evaluation.human import evaluate_human, summarise_human
    from vpuformer.evaluation.records import data_fingerprint
    from vpuformer.evaluation.report import write_text

    records = evaluate_human(samples, scribbles, segmenter)
    sets = summarise_human(records)
    run = header.to_dict()
    # The settings of the simulated user, which there was none of.
    for name in ("kinds", "first_kind", "max_interactions", "until", "seed"):
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


def _kinds(prompts: str, first: str | None) -> "tuple[tuple[Kind, ...], Kind | None]":
    """The kinds of `click+box`, and the first one.

    Raises:
        ConfigError: one of them is unknown.
    """
    from vpuformer.prompts import KINDS

    names = [name.strip() for name in prompts.split("+")]
    for name in [*names, *([] if first is None else [first])]:
        if name not in KINDS:
            raise ConfigError(unknown_name("kind of prompt", name, KINDS))
    return cast("tuple[Kind, ...]", tuple(dict.fromkeys(names))), cast("Kind | None", first)


def open_samples(dataset: str, root: Path, split: Path | None) -> "Sequence[Sample]":
    """The objects of a benchmark, or of COCO-format folders: the validation objects where a split is given.

    Raises:
        DatasetError: there is no such data set, it is not laid out as it should be, or holds no object.
    """
    if dataset.lower() != "coco":
        from vpuformer.data.benchmarks import BENCHMARKS, open_benchmark

        if dataset.lower() not in BENCHMARKS:
            raise DatasetError(unknown_name("data set", dataset, [*BENCHMARKS, "coco"]))
        if split is not None:
            raise ConfigError(f"{dataset} is evaluated as a whole; --split goes with --dataset coco")
        return open_benchmark(dataset, root)

    from vpuformer.data.split import find_split, open_folders, validation_samples

    folders = open_folders(root)
    if split is not None:
        samples = validation_samples(folders, find_split(root, split))
    else:
        samples = [sample for opened in folders.values() for sample in opened.samples()]
    if not samples:
        raise DatasetError(f"{root} holds no object to evaluate" + (f" that {split} names" if split else ""))
    return samples


def _method(model: str, peer: str | None, device: str | None, zoom: bool) -> "tuple[Segmenter, str | None, str]":
    """What is measured, the SHA-256 of its weights, and the device that it runs on.

    Raises:
        ConfigError: there is no such peer or device.
        CheckpointError: there is no such model.
    """
    if peer is not None:
        from vpuformer.evaluation.peers import PEERS

        if peer not in PEERS:
            raise ConfigError(unknown_name("peer", peer, PEERS))
        return PEERS[peer](), None, "cpu"

    from vpuformer.model.manifest import read_manifest

    sha256 = read_manifest(model).sha256

    from vpuformer.evaluation.protocol import PredictorSegmenter
    from vpuformer.predictor import Predictor

    predictor = Predictor.from_pretrained(model, device=device)
    return PredictorSegmenter(predictor, name=model, zoom=zoom), sha256, str(predictor.device)


def _in_words(device: str) -> str:
    threads = os.environ.get("OMP_NUM_THREADS")
    return f"{device}, {os.cpu_count()} cores" + (f", {threads} threads" if threads else "")
