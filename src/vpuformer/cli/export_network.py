"""`vpuformer export-network`: the graphs of a checkpoint, for runtimes other than PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

from vpuformer.cli.field_options import settings_named
from vpuformer.extras import require


def export_network(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Weights: a name of `vpuformer info`, or a folder.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for a copy with graphs; by default that of MODEL."
        ),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option("--input-size", metavar="PIXELS", help="Side of the network's input; by default its own."),
    ] = None,
) -> None:
    """Add graphs to a checkpoint, to run it without PyTorch.

    The folder gets encode.onnx (image to features), decode.onnx (features, mask and prompts to logits) and graphs.json.
    Both graphs read the weights beside them.
    """
    require("export", "the export of a network")
    from vpuformer.export.writing import export_graphs

    with settings_named({"input_size": "--input-size"}):
        folder = export_graphs(model, output, input_size=input_size)
    typer.echo(f"wrote the graphs of {model} to {folder}")
