"""`vpuformer export`: a network for places without Python."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Target(StrEnum):
    """What `vpuformer export` writes."""

    WEB = "web"


def export(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="New or empty folder for the page.")],
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="Weights with graphs: a name of `vpuformer info`, or a folder.")
    ] = "default",
    target: Annotated[
        Target, typer.Option("--format", help="What to write: web is a page that needs no server.")
    ] = Target.WEB,
    runtime_files: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The npm package onnxruntime-web, unpacked; by default it is downloaded once."
        ),
    ] = None,
) -> None:
    """Write a page that outlines objects in the browser alone, for any web server.

    Example: vpuformer export --format web -o page
    """
    assert target is Target.WEB
    from vpuformer.web.exporting import export_page

    folder = export_page(model, output, runtime=runtime_files)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    typer.echo(
        f"wrote the page to {folder}, {size / 1e6:.0f} MB; to look at it, run: python -m http.server --directory"
        f" {folder}"
    )
