"""`vpuformer count`: state of a folder of annotated images, and the work on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.shared_options import StoreOption
from vpuformer.errors import InputError, StoreError
from vpuformer.extras import require

if TYPE_CHECKING:
    from vpuformer.app.schemas import Progress


def count(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Annotated images.")],
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as one JSON object.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the counts as a table, as CSV.")] = False,
) -> None:
    """Count images by state, objects by label, person and day, and the time of work.

    The time between two steps is work on the object of the later step; pauses of more than a minute count nothing.

    Example: vpuformer count holiday/ --csv > counts.csv
    """
    if as_json and as_csv:
        raise InputError("got --json and --csv; give one of them")
    require("app", "vpuformer count")
    from vpuformer.app.annotation.progress import csv_text, progress
    from vpuformer.app.images.folder import Folder
    from vpuformer.app.store.store import FILE, Store

    images = Folder(folder)
    address = store or str(images.root / FILE)
    if "://" not in address and not Path(address).is_file():
        raise StoreError(f"there is no {address}; annotate the images with `vpuformer annotate {folder}` first")
    opened = Store(address)
    try:
        counts = progress(opened, images.names)
    finally:
        opened.close()
    if as_csv:
        typer.echo(csv_text(counts), nl=False)
    else:
        typer.echo(counts.model_dump_json() if as_json else _summary_text(counts))


def _summary_text(counts: "Progress") -> str:
    from vpuformer.errors import counted

    def of(number: int, accepted: int, seconds: float) -> str:
        return f"{counted(number, 'object')}, {accepted:,} accepted, {seconds / 60:.1f} minutes"

    states = ", ".join(f"{number:,} {name}" for name, number in counts.images.model_dump().items() if number)
    lines = [f"images: {states}", f"objects: {of(counts.objects, counts.accepted, counts.seconds)}"]
    if counts.seconds_per_object is not None:
        lines[-1] += f", {counts.seconds_per_object:.1f} s per object"
    lines += [f"label {row.name or '(none)'}: {of(row.objects, row.accepted, row.seconds)}" for row in counts.labels]
    lines += [
        f"person {row.name or '(no name)'}: {of(row.objects, row.accepted, row.seconds)}" for row in counts.people
    ]
    lines += [f"{row.name}: {of(row.objects, row.accepted, row.seconds)}" for row in counts.days]
    return "\n".join(lines)
