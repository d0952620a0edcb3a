"""`vpuformer data`: what is to be known of a data set before hours are spent on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.outputs import IMAGE_SUFFIXES, check_file
from vpuformer.cli.progress import progress_bar
from vpuformer.errors import DatasetError, counted

if TYPE_CHECKING:
    from vpuformer.data.check import Findings

_NAMED = 10
"""Faults of a set that are printed, and notes."""

data = typer.Typer(help="Look at data sets.", no_args_is_help=True)


@data.callback()
def _data() -> None:
    pass  # keeps `check` a command of its own, as long as it is the only one


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
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Where it is; or RITM's config.yml, which says where.")],
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw some of its images, objects outlined.")
    ] = None,
) -> None:
    """See that a data set is complete, and that every image fits its masks.

    Prints how many images and objects there are, which files are wrong, and what is left out although nothing is
    wrong with it. Nothing is written into FOLDER.
    """
    if sheet is not None:
        check_file(sheet, "the sheet", IMAGE_SUFFIXES)

    from vpuformer.data.check import check
    from vpuformer.data.contact_sheet import contact_sheet
    from vpuformer.data.roots import benchmark_root
    from vpuformer.images import write_image

    folder = benchmark_root(name, root)
    with progress_bar() as bar:
        task = bar.add_task(name)

        def tell(current: str, done: int, there: int) -> None:
            bar.update(task, description=current, completed=done, total=there)

        found = check(name, folder, tell)
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
