"""`vpuformer data`: checks of a data set before it is used."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.outputs import IMAGE_SUFFIXES, check_file
from vpuformer.cli.progress import progress_bar
from vpuformer.errors import DatasetError

if TYPE_CHECKING:
    from vpuformer.data.check import Findings

_NAMED = 10
"""Largest number of printed faults, and of printed notes."""

data = typer.Typer(help="Check data sets.", no_args_is_help=True)


@data.callback()
def _data() -> None:
    pass  # makes typer keep `check` as a subcommand while it is the only one


@data.command("check")
def check_data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="grabcut, berkeley, davis, coco_mval, sbd, pascalvoc, sstem, brats, oaizib; to train on: coco,"
            " cocolvis, sbd, masks.",
        ),
    ],
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the set, or RITM's config.yml.")],
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write some of its images with outlined objects.")
    ] = None,
) -> None:
    """Check that a data set is complete, and that every image fits its masks.

    Prints the numbers of images and objects, the files with faults, and the intact files that are left out. Nothing is
    written into FOLDER.
    """
    if sheet is not None:
        check_file(sheet, "the sheet", IMAGE_SUFFIXES)

    from vpuformer.data.check import check
    from vpuformer.data.contact_sheet import contact_sheet
    from vpuformer.data.roots import benchmark_root
    from vpuformer.errors import counted
    from vpuformer.images import write_image

    folder = benchmark_root(name, root)
    with progress_bar() as bar:
        task = bar.add_task(name)

        def show_progress(current: str, done: int, total: int) -> None:
            bar.update(task, description=current, completed=done, total=total)

        found = check(name, folder, show_progress)
    for findings in found:
        _print(findings)
    if sheet is not None:
        write_image(sheet, contact_sheet([image for findings in found for image in findings.shown]))
        typer.echo(f"sheet: {sheet}")
    wrong = sum(len(findings.faults) for findings in found)
    if wrong:
        raise DatasetError(f"{counted(wrong, 'fault')} in {folder}, named above")
    short = [findings.name for findings in found if not findings.complete]
    if short:
        raise DatasetError(f"{folder} is not all of {', '.join(short)}: the counts are not those that were published")


def _print(findings: "Findings") -> None:
    typer.echo(str(findings))
    for sentences, mark in ((list(findings.faults), ""), (list(findings.notes), "note: ")):
        for sentence in sentences[:_NAMED]:
            typer.echo(f"  {mark}{sentence}")
        if len(sentences) > _NAMED:
            typer.echo(f"  {mark}and {len(sentences) - _NAMED} more")
