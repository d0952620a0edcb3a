"""`vpuformer finetune`: a model for a person's own images, in one command."""

import shlex
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from vpuformer.cli.controlled import ControlledProgress, JsonProgress
from vpuformer.cli.shared_options import WindowOption
from vpuformer.errors import ConfigError
from vpuformer.extras import require
from vpuformer.memory import keep_freed_memory

if TYPE_CHECKING:
    from vpuformer.finetuning.groups import GroupBy
    from vpuformer.finetuning.run import Finetuned
    from vpuformer.images.addresses import Window

TRAINING = "training"
STOPPABLE = ("checking images", "measuring before", "trying the speed", TRAINING)
"""Stages of `vpuformer.finetuning.run` after whose end only the result is chosen, measured and written."""


def finetune(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="Annotated images: a folder of vpuformer annotate, with COCO, YOLO, LabelMe or PASCAL VOC files, or"
            " with images and masks.",
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="File, zip archive or folder with the annotations, if they lie elsewhere."),
    ] = None,
    window: WindowOption = None,
    group_by: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="What is held out together: images that look alike (likeness), of one folder, of one name but for the"
            " last number (name), or none.",
        ),
    ] = "likeness",
    store: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            envvar="VPUFORMER_STORE",
            help="Database of vpuformer annotate; by default vpuformer.sqlite in DATA.",
        ),
    ] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="MODEL", help="Model to start from, by name or folder.")
    ] = "default",
    minutes: Annotated[float, typer.Option(metavar="N", help="Time for all of it.")] = 20.0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="New folder for the model; by default DATA-finetuned."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Device, such as cpu; by default CUDA, then MPS, then the CPU.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of all random numbers.")] = 0,
    check: Annotated[bool, typer.Option("--check", help="Only say what is found in DATA.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the killed run in FOLDER.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print progress and result as JSON, one object a line.")
    ] = False,
    controlled: Annotated[
        bool,
        typer.Option(
            "--controlled",
            help="Obey standard input: the line stop ends the training early; the end of the input ends the run, which"
            " --resume continues.",
        ),
    ] = False,
) -> None:
    """Fine-tune a model on your own images, and measure it before and after.

    About every fifth image is held out, to choose the best weights and to measure them. FOLDER becomes a model: every
    command takes it as --model. Ctrl-C ends the training early, and keeps the best weights so far.

    Example: vpuformer finetune cells/ --minutes 20 -o cells-model
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    if resume:
        if data is not None or output is None:
            raise ConfigError("--resume takes the folder alone: vpuformer finetune --resume -o FOLDER")
        if given & {"annotations", "window", "group_by", "store", "start", "minutes", "seed", "check"}:
            raise ConfigError("--resume continues with the settings of its folder; with it, only --device can be given")
    elif data is None:
        raise ConfigError("give the folder of the annotated images: vpuformer finetune DATA")
    elif "store" not in given and (annotations is not None or data.is_file()):
        store = None  # VPUFORMER_STORE names no files
    if controlled and not as_json:
        raise ConfigError("--controlled is for programs, which read JSON; give --json too")
    from vpuformer.finetuning.groups import check_group_by
    from vpuformer.images.addresses import parse_window

    values = None if window is None else parse_window(window)
    grouped = check_group_by(group_by)
    if check:
        assert data is not None
        _check(data, annotations, store, values, grouped, as_json=as_json)
        return
    require("train", "vpuformer finetune")
    keep_freed_memory()

    # Before the long imports: the other program may go meanwhile.
    shown = (ControlledProgress(STOPPABLE, TRAINING) if controlled else JsonProgress()) if as_json else None
    from vpuformer.finetuning.run import finetune as run
    from vpuformer.finetuning.run import resume_finetune

    with _Screen() if shown is None else nullcontext(shown) as progress:
        if data is None:
            assert output is not None
            result = resume_finetune(output, device=device, progress=progress)
        else:
            named = data.parent if data.is_file() else data
            folder = output or Path(f"{named.resolve().name}-finetuned")
            result = run(
                data,
                folder,
                annotations=annotations,
                window=values,
                group_by=grouped,
                store=store,
                start=start,
                minutes=minutes,
                device=device,
                seed=seed,
                progress=progress,
            )
    if isinstance(progress, JsonProgress):
        progress.report(
            model=str(result.folder), interrupted=result.interrupted, graphs=result.graphs, **asdict(result.report)
        )
    else:
        _print(result, data)
    if result.interrupted:
        raise typer.Exit(130)


def _check(
    data: Path,
    annotations: Path | None,
    store: str | None,
    window: "Window | None",
    group_by: "GroupBy",
    *,
    as_json: bool,
) -> None:
    from vpuformer.finetuning.checking import check
    from vpuformer.finetuning.groups import group_images
    from vpuformer.finetuning.layouts import recognise

    with _Screen() if not as_json else nullcontext(JsonProgress()) as progress:
        layout = recognise(data, annotations, store)
        usable = check(layout, lambda done, total: progress.show("checking images", done, total), window=window)
    notes = [*usable.notes(), *filter(None, [group_images(usable, group_by).note])]
    if isinstance(progress, JsonProgress):
        progress.report(
            images=len(usable.images),
            objects=usable.objects,
            prompts=usable.prompts,
            notes=notes,
            left_out=list(usable.left_out),
        )
        return
    for sentence in (usable.summary(), *notes):
        typer.echo(sentence)
    if usable.window is None and any(image.shown is not None for image in usable.images):
        typer.echo("other values are chosen with --window CENTER,WIDTH")
    for sentence in usable.left_out:
        typer.echo(f"left out: {sentence}")


def _print(result: "Finetuned", data: Path | None) -> None:
    from rich.console import Console

    from vpuformer.finetuning.report import CARD, PANEL, table_of

    report, folder = result.report, result.folder
    Console().print(table_of(report.rows))
    typer.echo(f"{report.cost}; {report.outcome}")
    typer.echo(f"images before and after: {folder / PANEL}\nmodel card: {folder / CARD}")
    if not result.graphs:
        typer.echo(f"to run it without PyTorch: vpuformer export-network {folder}")
    images = Path(report.data["folder"])
    if data is not None and data.is_dir():  # as the person has written it
        images = data / images.relative_to(report.data["root"])
    typer.echo(f"open it in the app: vpuformer annotate {shlex.quote(str(images))} --model {shlex.quote(str(folder))}")


class _Screen:
    """Progress on standard error: a bar on a terminal, and sentences."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        screen = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        note = TextColumn("{task.fields[note]}")
        self._bar = Progress(*columns, note, console=screen, transient=True, disable=not screen.is_terminal)
        self._stage, self._task = "", self._bar.add_task("", visible=False, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        typer.echo(sentence, err=True)

    def show(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Show a stage. A new one starts a new bar, so that its time left is its own."""
        if stage != self._stage:
            self._bar.remove_task(self._task)
            self._stage, self._task = stage, self._bar.add_task(stage, total=total, note=note)
        self._bar.update(self._task, completed=done, total=total, note=note)
