"""`vpuformer push`: a model to the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer


def push(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model to upload, by name or folder.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository; created if it is missing.")],
    private: Annotated[
        bool | None,
        typer.Option("--private/--public", help="Who sees a new repository; by default as your account is set."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--license", metavar="NAME", help="Licence of the weights for the card, such as cc-by-4.0."),
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Output of `vpuformer evaluate`, for the card; may be repeated."),
    ] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="Message of the commit.")] = None,
) -> None:
    """Upload a model to the Hugging Face Hub, with a card.

    Others load it with --model OWNER/NAME. Only the files of the model and the card are uploaded. Log in first with
    `hf auth login`.
    """
    from vpuformer.hub.push import DEFAULT_MESSAGE, push_to_hub
    from vpuformer.model.manifest import GRAPHS_FILE, locate

    url = push_to_hub(
        model, repository, private=private, licence=licence, results=results or [], message=message or DEFAULT_MESSAGE
    )
    typer.echo(f"pushed {model} to {url}\nuse it: vpuformer segment photo.jpg --click 120,80 --model {repository}")
    if not locate(model).with_name(GRAPHS_FILE).is_file():
        typer.echo(
            "note: without graphs, others need PyTorch; add graphs with `vpuformer export-network`, and push again"
        )
    if licence is None:
        typer.echo("note: the card states no licence; state one with --license, and push again")
