"""`vpuformer evaluate`: measure a method on a data set with a simulated user."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpuformer.cli.field_options import options_from
from vpuformer.cli.methods import Method, choose_samples, open_method, open_samples, parse_kinds
from vpuformer.cli.outputs import check_outside, make_folder
from vpuformer.cli.progress import progress_bar
from vpuformer.cli.shared_options import DeviceOption, ModelOption, RuntimeOption
from vpuformer.errors import ConfigError
from vpuformer.evaluation import RECORDS, SUMMARY
from vpuformer.evaluation.baselines import BASELINES
from vpuformer.evaluation.baselines.sam_models import FAMILIES
from vpuformer.extras import require
from vpuformer.memory import keep_freed_memory

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.processes import TorchrunProcesses
    from vpuformer.evaluation.records import ObjectRecord, RunHeader

_NAMED = 10
"""Largest number of printed notes."""


@options_from(
    "user",
    "vpuformer.evaluation.simulated_user",
    "SimulatedUser",
    "stop_at_iou",
    "seed",
    first="first_kind",
    max_prompts="max_interactions",
    metavars={"first_kind": "KIND", "stop_at_iou": "IOU"},
)
@options_from("view", "vpuformer.inference.zoom", "ViewSettings", "flip", "input_size", "steady")
def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="grabcut, berkeley, davis, coco_mval, sbd, pascalvoc, sstem, brats, oaizib, or coco for your own.",
        ),
    ],
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the set, or RITM's config.yml.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the results.")],
    model: ModelOption = "default",
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Another method: {', '.join(BASELINES)}, sam:FOLDER (other weights), MODULE:ATTRIBUTE (yours).",
        ),
    ] = None,
    prompts: Annotated[
        str, typer.Option(metavar="KINDS", help="Kinds of prompts: click, box, scribble, or click+box+scribble.")
    ] = "click",
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N objects.")] = None,
    split: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With coco: evaluate only the validation objects in FILE.")
    ] = None,
    human: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="People's scribbles, STEM-anno.png, instead of a simulated user."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only objects with this name, such as 'davis/bear_*'; may be repeated."),
    ] = None,
    every: Annotated[int | None, typer.Option(metavar="N", help="Only every N-th object.")] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only part I of N; `vpuformer merge` joins the parts.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", help="Objects segmented together; by default 8, with --baseline 1."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Threads, which change no result; by default one for each core, with --baseline 1.",
        ),
    ] = None,
    zoom: Annotated[bool, typer.Option(help="Show the network a crop around the object once it is known.")] = True,
    zoom_rule: Annotated[
        str,
        typer.Option(metavar="NAME", help="Rule of the crop: ours, or ritm, the field's rule with one pass a prompt."),
    ] = "ours",
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    *,
    user: dict[str, Any],
    view: dict[str, Any],
) -> None:
    """Measure how many prompts a method needs, with a simulated user.

    FOLDER/summary.json holds the numbers, FOLDER/records.jsonl.gz every prompt with the IoU after it. The same command
    resumes an interrupted run; a folder with results of another evaluation is refused. Processes of torchrun share the
    objects, with the result of one process. With --human the method answers all scribbles of an object at once, and
    FOLDER/human.json holds the IoU and a comparison of people's with simulated scribbles.
    """
    require("evaluate", "vpuformer evaluate")

    from vpuformer.data.roots import benchmark_root
    from vpuformer.evaluation.processes import TorchrunProcesses
    from vpuformer.evaluation.simulated_user import SimulatedUser
    from vpuformer.shards import parse_shard

    keep_freed_memory()
    simulated = SimulatedUser(parse_kinds(prompts), **user)
    if human is not None and (prompts != "click" or user or shard or batch or workers):
        raise ConfigError(
            "--human gives all scribbles at once; leave out --prompts, --first, --max-prompts, --stop-at-iou, --seed,"
            " --batch, --workers and --shard"
        )
    if baseline is not None and device is not None and baseline.partition(":")[0] not in FAMILIES:
        raise ConfigError(f"--device is for VPUFormer and {', '.join(FAMILIES)}, not for {baseline}; leave it out")
    processes = TorchrunProcesses.from_environment()
    if processes.count > 1 and (shard is not None or human is not None):
        raise ConfigError("torchrun's processes share the objects already; leave out --shard and --human")
    part = None if shard is None else parse_shard(shard)
    root = benchmark_root(dataset, root)
    check_outside(output, root, human)
    samples = choose_samples(open_samples(dataset, root, split), only or [], every, limit)
    _print_notes(samples)
    folder = make_folder(output, "the results")
    device = processes.device if device is None else device
    if human is not None:
        batch = workers = 1
    if baseline is not None and (view or runtime or not zoom or zoom_rule != "ours" or model != "default"):
        raise ConfigError(
            f"--model, --runtime, --no-zoom, --zoom-rule, --flip, --input-size and --no-steady are options of"
            f" VPUFormer, not of {baseline}; leave them out"
        )
    if not zoom and zoom_rule != "ours":
        raise ConfigError(f"--no-zoom and --zoom-rule {zoom_rule} exclude each other; give one of them")

    from vpuformer.inference.zoom import ViewSettings

    views = ViewSettings.from_options({"zoom": zoom, "zoom_rule": zoom_rule, **view})
    method = open_method(model, baseline, device, runtime, views=views, batch=batch, workers=workers)

    from vpuformer.evaluation.records import RunHeader, data_fingerprint

    header = RunHeader(
        dataset=dataset.lower(),
        objects=len(samples),
        data_sha256=data_fingerprint(root),
        model=method.segmenter.name,
        weights_sha256=method.segmenter.sha256 or None,
        kinds=simulated.kinds,
        first_kind=simulated.first_kind,
        max_interactions=simulated.max_interactions,
        stop_at_iou=simulated.stop_at_iou,
        seed=simulated.seed,
        batch=method.batch,
        options=method.options,
        device=method.device,
        command=shlex.join(["vpuformer", *sys.argv[1:]]),
    )
    if human is not None:
        from vpuformer.cli.human import evaluate_with_scribbles

        evaluate_with_scribbles(samples, method.segmenter, header, human, folder)
    elif processes.count > 1:
        _in_processes(processes, samples, method, header, folder)
    elif part is not None:
        mine, header = _part(samples, header, part)
        _measure(mine, method, header, folder)
        typer.echo(f"{folder / RECORDS}: part {shard}; join all parts with vpuformer merge FOLDER... -o FOLDER")
    else:
        finish(header, _measure(samples, method, header, folder), folder)


def _print_notes(samples: "Sequence[Sample]") -> None:
    """Print the notes on files that are left out."""
    notes = list(dict.fromkeys(note for sample in samples for note in sample.notes))
    for note in notes[:_NAMED]:
        typer.echo(f"note: {note}", err=True)
    if len(notes) > _NAMED:
        typer.echo(f"note: and {len(notes) - _NAMED} more; see vpuformer data check", err=True)


def finish(header: "RunHeader", records: "Sequence[ObjectRecord]", folder: Path) -> None:
    """Write and print the summary of a whole run."""
    from rich.console import Console

    from vpuformer.evaluation.report import summarise, summary_table, write_summary

    summary = summarise(header, records)
    write_summary(folder / SUMMARY, summary)
    Console().print(summary_table([summary]))
    typer.echo(f"{folder / SUMMARY}\n{folder / RECORDS}")


def _measure(
    samples: "Sequence[Sample]", method: Method, header: "RunHeader", folder: Path, *, silent: bool = False
) -> "Sequence[ObjectRecord]":
    from rich.markup import escape

    from vpuformer.evaluation.run import evaluate_to_file

    with progress_bar(silent=silent) as bar:
        task = bar.add_task(escape(f"{header.model} on {header.dataset}"), total=len(samples))
        return evaluate_to_file(
            samples,
            method.segmenter,
            folder / RECORDS,
            header,
            workers=method.workers,
            on_progress=lambda done, _: bar.update(task, completed=done),
        )


def _part(
    samples: "Sequence[Sample]", header: "RunHeader", part: tuple[int, int]
) -> "tuple[Sequence[Sample], RunHeader]":
    from vpuformer.shards import shard_of

    mine = shard_of(samples, part, header.batch)
    number, count = part
    return mine, replace(header, objects=len(mine), shard=f"{number}/{count}", total=len(samples))


def _in_processes(
    processes: "TorchrunProcesses", samples: "Sequence[Sample]", method: Method, header: "RunHeader", folder: Path
) -> None:
    """Measure one part in each process; the first joins them. Finished parts are kept."""
    from vpuformer.evaluation.records import check_former, read_records, write_records
    from vpuformer.evaluation.shards import merge

    if processes.rank == 0:
        check_former(folder / RECORDS, header)
    folders = [folder / f"part-{number}-of-{processes.count}" for number in range(1, processes.count + 1)]
    own = make_folder(folders[processes.rank], "a part of the results")
    mine, part = _part(samples, header, (processes.rank + 1, processes.count))
    if not (own / RECORDS).exists() or part.differences(read_records(own / RECORDS).header):
        _measure(mine, method, part, own, silent=processes.rank > 0)
    with processes:
        processes.wait()
        if processes.rank > 0:
            return
        whole = merge([read_records(each / RECORDS) for each in folders])
        write_records(folder / RECORDS, whole)
        finish(whole.header, whole.objects, folder)
        for each in folders:
            (each / RECORDS).unlink()
            each.rmdir()
