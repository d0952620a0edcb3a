"""`vpuformer predict`: prompts of many images to masks."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.progress import progress_bar
from vpuformer.cli.shared_options import (
    DeviceOption,
    FormatOption,
    ModelOption,
    OverwriteOption,
    PolygonsOption,
    RuntimeOption,
    WindowOption,
)
from vpuformer.errors import ConfigError, InputError, counted
from vpuformer.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpuformer.prediction.run import Predicted, Progress


def predict(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The images.")],
    prompts: Annotated[
        Path,
        typer.Argument(
            metavar="PROMPTS", help="Prompts (JSON lines, CSV), or annotations with boxes: docs/predict.md."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="New or empty folder for the files.")
    ],
    format_name: FormatOption = "coco",
    polygons: PolygonsOption = None,
    window: WindowOption = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Only part I of N; `vpuformer merge` joins the parts.")
    ] = "1/1",
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads, which change no result; by default one for each usable core."),
    ] = None,
    model: ModelOption = "default",
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Segment the objects that prompts, or the boxes of a detector, show in many images.

    The same command resumes an interrupted run. Images and objects without a mask are named, with the reason, in
    FOLDER/left-out.jsonl. An image is left out if each of its objects is; the command then ends with exit code 2.

    Example: vpuformer predict photos/ boxes.csv --format coco -o masks/
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers is at least 1, got {workers}")
    from vpuformer.formats import find_format
    from vpuformer.images.addresses import parse_window
    from vpuformer.inference.cores import usable_cores
    from vpuformer.shards import parse_shard

    find_format(format_name, polygons=polygons)
    parse_shard(shard)
    shown = None if window is None else parse_window(window)
    if not prompts.exists():
        raise InputError(f"there is no {prompts}; give a file of prompts, or boxes of a detector")
    keep_freed_memory()

    from vpuformer.inference.segment import VPUFormerSegmenter
    from vpuformer.prediction.run import predict_folder

    segmenter = VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime, threads=1)
    result = with_progress(
        lambda on_progress: predict_folder(
            folder,
            prompts,
            output,
            segmenter,
            format_name=format_name,
            polygons=polygons,
            window=shown,
            shard=shard,
            workers=workers or usable_cores(),
            overwrite=overwrite,
            on_progress=on_progress,
        ),
        silent=as_json,
    )
    finish(result, output, as_json=as_json)


def with_progress(work: "Callable[[Progress], Predicted]", *, silent: bool) -> "Predicted":
    """The result of `work`, whose steps are shown as bars."""
    with progress_bar(silent=silent) as bar:
        tasks = {}

        def on_progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        return work(on_progress)


def finish(result: "Predicted", output: Path, *, as_json: bool = False) -> None:
    """Print the result of a run.

    Raises:
        InputError: an image has no masks.
    """
    from vpuformer.prediction.run import LEFT_OUT

    written = result.written
    left_out = result.images_left_out + result.objects_left_out
    summary = {
        "folder": str(output),
        "images": None if written is None else written.images,
        "objects": None if written is None else written.objects,
        "files": None if written is None else len(written.files),
        "left_out": {"images": result.images_left_out, "objects": result.objects_left_out},
        "notes": [] if written is None else list(written.notes),
    }
    typer.echo(json.dumps(summary) if as_json else "\n".join(_lines(result, output)))
    for reason in result.reasons:
        typer.echo(f"left out: {reason}", err=True)
    if left_out > len(result.reasons):
        where = f"see {output / LEFT_OUT}" if written is not None else f"vpuformer merge lists them in {LEFT_OUT}"
        typer.echo(f"left out: {left_out - len(result.reasons):,} more; {where}", err=True)
    counts = {"image": result.images_left_out, "object": result.objects_left_out}
    said = f"{' and '.join(counted(number, thing) for thing, number in counts.items() if number)} left out, named above"
    if result.images_left_out:
        raise InputError(said)
    if result.objects_left_out:
        typer.echo(said, err=True)


def _lines(result: "Predicted", output: Path) -> Sequence[str]:
    written = result.written
    if written is None:
        return [f"{output}: a part; join all parts with vpuformer merge FOLDER... -o FOLDER"]
    counts = [counted(written.objects, "object"), counted(written.images, "image"), counted(len(written.files), "file")]
    return ["{} on {}, in {} in ".format(*counts) + str(output), *written.notes]
