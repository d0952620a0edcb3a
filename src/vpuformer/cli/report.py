"""`vpuformer report`: recorded evaluations as one page or as tables."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.outputs import check_file
from vpuformer.cli.shared_options import RuntimeOption
from vpuformer.errors import ConfigError, DatasetError, InputError
from vpuformer.files import write_file

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.evaluation.report import Run
    from vpuformer.inference.protocol import Segmenter

_SUFFIXES = (".html", ".htm", ".md")


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Outputs of `vpuformer evaluate`.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Page to write: .html, or .md for its tables.")
    ] = None,
    tables: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Print the tables as FORMAT, which is markdown.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="Folder of a data set, to show its images; may be repeated."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Show the answers of this model, which must be that of a run, in the images."
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Device for --model; by default CUDA, then MPS, then the CPU.")
    ] = None,
    runtime: RuntimeOption = None,
) -> None:
    """Make one page of evaluations: tables, the paper's figures, curves, images, commands.

    Nothing is measured again. The page is one file and needs no server.
    """
    if output is None and tables is None:
        raise InputError("nothing to write; say where the page goes with -o PAGE.html, or print --tables markdown")
    if tables not in (None, "markdown"):
        raise ConfigError(f"tables are printed as markdown, got --tables {tables}")
    if model is None and (device or runtime):
        raise ConfigError("--device and --runtime are those of --model; give it too, or leave them out")
    if model is not None and not data:
        raise ConfigError("--model draws answers into images; say where they are with --data NAME=FOLDER")
    if output is None and data:
        raise ConfigError("--data shows images in a page; say where that goes with -o PAGE.html")
    roots = dict(_root(each) for each in data or [])
    if output is not None:
        check_file(output, "the page", _SUFFIXES)
        if roots and output.suffix.lower() == ".md":
            raise ConfigError("Markdown holds the tables alone; --data goes with a page in HTML, -o PAGE.html")

    from vpuformer.evaluation.report import markdown_tables, open_runs, write_page
    from vpuformer.evaluation.report.panels import galleries

    opened = open_runs(runs)
    if tables is not None:
        typer.echo(markdown_tables(opened))
    if output is None:
        return
    if output.suffix.lower() == ".md":
        write_file(output, markdown_tables(opened) + "\n")
    else:
        samples = {name: _samples_of(name, root, opened) for name, root in roots.items()}
        shown = galleries(opened, samples, _replay(model, device, runtime, opened)) if samples else []
        write_page(output, opened, shown)
    typer.echo(f"page: {output}", err=tables is not None)


def _root(words: str) -> tuple[str, Path]:
    name, equals, folder = words.partition("=")
    if not (name and equals and folder):
        raise ConfigError(f"--data wants NAME=FOLDER, such as grabcut=data/GrabCut, got {words!r}")
    return name.lower(), Path(folder)


def _samples_of(name: str, root: Path, runs: "Sequence[Run]") -> "Sequence[Sample]":
    """The objects of the data set that the runs have measured.

    Raises:
        DatasetError: no run is of that set, or the folder holds other files than a run has seen.
    """
    from vpuformer.cli.methods import open_samples
    from vpuformer.data.roots import benchmark_root
    from vpuformer.evaluation.records import data_fingerprint

    there = [run for run in runs if run.header.dataset == name]
    if not there:
        raise DatasetError(f"no run is of {name!r}; there are {', '.join(sorted({r.header.dataset for r in runs}))}")
    folder = benchmark_root(name, root)
    samples = open_samples(name, folder, None)
    found = data_fingerprint(folder)
    for run in there:
        if run.header.data_sha256 != found:
            raise DatasetError(
                f"{folder} is not the data of {run.folder}: names and sizes of its files have the fingerprint"
                f" {found[:8]}, those of the run {run.header.data_sha256[:8]}"
            )
    return samples


def _replay(
    model: str | None, device: str | None, runtime: str | None, runs: "Sequence[Run]"
) -> "Callable[[Run], Segmenter | None]":
    """Who answers the recorded prompts again: the model, for the runs that have measured just its weights.

    Raises:
        ConfigError: no run has.
        CheckpointError: there is no such model.
    """
    if model is None:
        return lambda _: None
    from vpuformer.model.manifest import read_manifest

    sha256 = read_manifest(model).sha256
    if all(run.header.weights_sha256 != sha256 for run in runs):
        raise ConfigError(f"no run is of the weights of {model!r} ({sha256[:8]}); name the model that was measured")

    from vpuformer.inference.segment import VPUFormerSegmenter
    from vpuformer.inference.zoom import ViewSettings

    opened = cache(lambda views: VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime, views=views))

    def replay(run: "Run") -> "Segmenter | None":
        return opened(ViewSettings.from_options(run.header.options)) if run.header.weights_sha256 == sha256 else None

    return replay
