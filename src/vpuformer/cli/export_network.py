"""`vpuformer export-network`: a network as graphs for other runtimes."""

from pathlib import Path
from typing import Annotated

import typer


def export_network(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Weights: a name of `vpuformer info`, or a folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the graphs.")],
    runtime: Annotated[str, typer.Option("--format", metavar="NAME", help="onnx or openvino.")] = "onnx",
    input_size: Annotated[
        int | None,
        typer.Option("--input-size", metavar="PIXELS", help="Side of the network's input; by default its own."),
    ] = None,
) -> None:
    """Export a network, to run it without PyTorch.

    The folder gets two graphs (image to features; features, mask and prompts to logits) and network.json.
    """
    from vpuformer.export.writing import write_graphs
    from vpuformer.model.checkpoint import load_model
    from vpuformer.model.manifest import read_manifest

    network = load_model(model)
    folder = write_graphs(network, output, runtime, sha256=read_manifest(model).sha256, input_size=input_size)
    typer.echo(f"wrote the graphs of {model} for {runtime} to {folder}")
