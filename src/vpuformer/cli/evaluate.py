"""`vpuformer evaluate`: a data set, a simulated user and a method, to a table and files."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.methods import Method, choose_samples, kinds_of, open_method, open_samples
from vpuformer.cli.outputs import make_folder
from vpuformer.cli.progress import progress_bar
from vpuformer.errors import ConfigError
from vpuformer.evaluation import RECORDS, SUMMARY
from vpuformer.memory import keep_freed_memory

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.processes import TorchrunProcesses
    from vpuformer.evaluation.records import ObjectRecord, RunHeader

_NAMED = 10
"""Notes that are printed."""


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
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Another method instead: opencv-grabcut, random-walker, sam, sam2, sam-hq; sam:FOLDER for other"
            " weights; MODULE:ATTRIBUTE for a segmenter of your own.",
        ),
    ] = None,
    prompts: Annotated[
        str, typer.Option(metavar="KINDS", help="click, box, scribble, or several mixed: click+box+scribble.")
    ] = "click",
    first: Annotated[str | None, typer.Option(metavar="KIND", help="The kind of the first prompt alone.")] = None,
    max_prompts: Annotated[int, typer.Option(metavar="N", help="Prompts an object.")] = 20,
    stop_at_iou: Annotated[float | None, typer.Option(metavar="IOU", help="End an object at this IoU.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N objects.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed for mixed prompt kinds.")] = 0,
    split: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With coco: evaluate the validation objects that FILE names.")
    ] = None,
    human: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Scribbles that people drew, STEM-anno.png, instead of a simulated user."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only objects of this name, such as 'davis/bear_*'; may be repeated."),
    ] = None,
    every: Annotated[int | None, typer.Option(metavar="N", help="Only every N-th object.")] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only part I of N; `vpuformer merge` puts the parts together.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", help="Objects segmented together; by default 8, with --baseline 1."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Threads; by default as many as PyTorch uses, with --baseline 1. Changes no number.",
        ),
    ] = None,
    zoom: Annotated[bool, typer.Option(help="Let the network look closer at the object once it is known.")] = True,
    zoom_rule: Annotated[
        str, typer.Option(metavar="NAME", help="How close: ours, or ritm, the field's rule with one pass a prompt.")
    ] = "ours",
    flip: Annotated[
        bool, typer.Option("--flip", help="Show the network each view mirrored as well, and average, as RITM does.")
    ] = False,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="N", help="Side of the network's input; by default the one that it was trained for."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Such as cpu; by default cuda, else mps, else cpu.")
    ] = None,
) -> None:
    """Measure how many prompts a method needs, with a simulated user.

    FOLDER/summary.json holds the numbers, FOLDER/records.jsonl.gz every prompt with the IoU after it. A run that was
    interrupted goes on when the same command is given again. Started by torchrun, its processes share the objects, and
    the result is that of one process. With --human there is one answer to all scribbles of an object, and
    FOLDER/human.json holds how good it is, and how the simulated scribbles compare with people's.
    """
    from vpuformer.data.roots import benchmark_root
    from vpuformer.evaluation.processes import TorchrunProcesses
    from vpuformer.evaluation.shards import parse_shard

    keep_freed_memory()
    kinds, first_kind = kinds_of(prompts, first)
    if human is not None and (prompts != "click" or first or stop_at_iou is not None or max_prompts != 20 or shard):
        raise ConfigError(
            "--human gives all scribbles at once; leave out --prompts, --first, --max-prompts, --stop-at-iou and"
            " --shard"
        )
    processes = TorchrunProcesses.from_environment()
    if processes.count > 1 and (shard is not None or human is not None):
        raise ConfigError("torchrun's processes share the objects already; leave out --shard and --human")
    part = None if shard is None else parse_shard(shard)
    root = benchmark_root(dataset, root)
    samples = choose_samples(open_samples(dataset, root, split), only or [], every, limit)
    _tell_notes(samples)
    folder = make_folder(output, "the results")
    device = processes.device if device is None else device
    if human is not None:
        batch = workers = 1
    ours = not zoom or zoom_rule != "ours" or flip or input_size is not None or model != "default"
    if baseline is not None and ours:
        raise ConfigError(
            f"--model, --no-zoom, --zoom-rule, --flip and --input-size are options of VPUFormer, not of {baseline};"
            " leave them out"
        )
    if not zoom and zoom_rule != "ours":
        raise ConfigError(f"--no-zoom and --zoom-rule {zoom_rule} exclude each other; give one of them")

    from vpuformer.inference.zoom import ViewSettings

    views = ViewSettings.from_options({"zoom": zoom, "zoom_rule": zoom_rule, "flip": flip, "input_size": input_size})
    method = open_method(model, baseline, device, views=views, batch=batch, workers=workers)

    from vpuformer.evaluation.records import RunHeader, data_fingerprint

    header = RunHeader(
        dataset=dataset.lower(),
        objects=len(samples),
        data_sha256=data_fingerprint(root),
        model=method.segmenter.name,
        weights_sha256=method.segmenter.sha256 or None,
        kinds=kinds,
        first_kind=first_kind,
        max_interactions=max_prompts,
        until=stop_at_iou,
        seed=seed,
        batch=method.batch,
        options=views.to_options() if baseline is None else {},
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
        typer.echo(f"{folder / RECORDS}: part {shard}; put all parts together with vpuformer merge FOLDER... -o FOLDER")
    else:
        finish(header, _measure(samples, method, header, folder), folder)


def _tell_notes(samples: "Sequence[Sample]") -> None:
    """Say what of the files takes no part."""
    notes = list(dict.fromkeys(note for sample in samples for note in sample.notes))
    for note in notes[:_NAMED]:
        typer.echo(f"note: {note}", err=True)
    if len(notes) > _NAMED:
        typer.echo(f"note: and {len(notes) - _NAMED} more; see vpuformer data check", err=True)


def finish(header: "RunHeader", records: "Sequence[ObjectRecord]", folder: Path) -> None:
    """Write the summary of a whole run, and show it."""
    from rich.console import Console

    from vpuformer.evaluation.report import summarise, summary_table, write_summary

    summary = summarise(header, records)
    write_summary(folder / SUMMARY, summary)
    Console().print(summary_table([summary]))
    typer.echo(f"{folder / SUMMARY}\n{folder / RECORDS}")


def _measure(
    samples: "Sequence[Sample]", method: Method, header: "RunHeader", folder: Path, *, silent: bool = False
) -> "Sequence[ObjectRecord]":
    from vpuformer.evaluation.run import evaluate_to_file

    with progress_bar(silent=silent) as bar:
        task = bar.add_task(f"{header.model} on {header.dataset}", total=len(samples))
        return evaluate_to_file(
            samples,
            method.segmenter,
            folder / RECORDS,
            header,
            workers=method.workers,
            prepare_thread=method.prepare_thread,
            on_progress=lambda done, _: bar.update(task, completed=done),
        )


def _part(
    samples: "Sequence[Sample]", header: "RunHeader", part: tuple[int, int]
) -> "tuple[Sequence[Sample], RunHeader]":
    from vpuformer.evaluation.shards import shard_of

    mine = shard_of(samples, part, header.batch)
    number, count = part
    return mine, replace(header, objects=len(mine), shard=f"{number}/{count}", total=len(samples))


def _in_processes(
    processes: "TorchrunProcesses", samples: "Sequence[Sample]", method: Method, header: "RunHeader", folder: Path
) -> None:
    """One part in each process, and all together by the first. Parts that are done already stay."""
    from vpuformer.evaluation.records import read_records, write_records
    from vpuformer.evaluation.shards import merge

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
