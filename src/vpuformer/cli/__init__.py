"""The command `vpuformer`: one file a command, and a command is a parsed call of one function.

Nothing heavy is imported at the top of these files, so that `--help` answers at once: torch and all that stands on it
are imported inside the function of a command, after its arguments have been looked at.

Exit codes: 0 done; 1 a fault of the program, with its traceback; 2 something that the caller can put right, said in one
line on standard error; 130 interrupted.
"""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vpuformer.cli.annotate import annotate
from vpuformer.cli.data import data
from vpuformer.cli.evaluate import evaluate
from vpuformer.cli.export_masks import export_masks
from vpuformer.cli.info import info
from vpuformer.cli.merge import merge
from vpuformer.cli.report import report
from vpuformer.cli.segment import segment
from vpuformer.cli.train import train
from vpuformer.errors import VPUFormerError


class _Commands(TyperGroup):
    """The group of commands; it turns what was raised on purpose into one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except VPUFormerError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error


# Plain help: drawing it with rich would cost more time than all the rest of the start.
app = typer.Typer(
    cls=_Commands,
    name="vpuformer",
    help="Outline objects in pictures with clicks, boxes and scribbles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from vpuformer import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


for _command in (segment, annotate, export_masks, evaluate, merge, report, train, info):
    app.command()(_command)
app.add_typer(data, name="data")


def main() -> None:
    """The entry point of the command line."""
    app()
