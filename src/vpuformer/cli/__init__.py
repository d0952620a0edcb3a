"""The command `vpuformer`: one file for each subcommand, which parses a function call.

These files import nothing heavy at the top, so that `--help` answers at once. The function of a command imports torch
and everything above it after it has checked the arguments.

Exit codes: 0 done; 1 a fault of the program, with its traceback; 2 an error that the caller can correct, in one line on
standard error; 130 interrupted. Errors of the operating system about a path, and a full memory, exit with 2.
"""

import errno
import io
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from vpuformer.cli.annotate import annotate
from vpuformer.cli.count import count
from vpuformer.cli.data import data
from vpuformer.cli.evaluate import evaluate
from vpuformer.cli.export import export
from vpuformer.cli.export_masks import FormatsBelow, export_masks
from vpuformer.cli.export_network import export_network
from vpuformer.cli.finetune import finetune
from vpuformer.cli.import_annotations import import_annotations
from vpuformer.cli.info import info
from vpuformer.cli.merge import merge
from vpuformer.cli.precompute import precompute
from vpuformer.cli.predict import predict
from vpuformer.cli.push import push
from vpuformer.cli.report import report
from vpuformer.cli.segment import segment
from vpuformer.cli.train import train
from vpuformer.errors import VPUFormerError


class _Commands(TyperGroup):
    """The group of commands, which prints expected errors as one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except VPUFormerError as error:
            _refuse(str(error), error)
        except MemoryError as error:
            _refuse(_out_of_memory(ctx), error)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of standard output has gone; click ends quietly
                raise
            _refuse(_sentence(error), error)
        except Exception as error:  # that of ONNX Runtime has no other class
            if any(words in str(error) for words in _MEMORY_IS_FULL):
                _refuse(_out_of_memory(ctx), error)
            if not any(words in str(error) for words in ("embedded null", "Symlink loop")):  # pathlib's errors
                raise
            _refuse(f"a path cannot be followed ({error}); give another path", error)


def _refuse(sentence: str, error: Exception) -> NoReturn:
    typer.echo(f"error: {' '.join(sentence.split())}", err=True)
    raise typer.Exit(2) from error


_MEMORY_IS_FULL = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED", "bad_alloc", "Failed to allocate memory")
"""Parts of errors: PyTorch's on CUDA, MPS and the CPU, those of ONNX Runtime and OpenVINO."""

_SAVE_MEMORY = {
    "finetune": "close other programs, or use --device cpu; --resume -o FOLDER continues",
    "train": "use --accumulate, a smaller --size or fewer --images-per-step; --resume continues from the last state",
    "evaluate": "use a smaller --batch, --workers or --input-size",
    "segment": "use a smaller image, or --device cpu",
    "predict": "use fewer --workers; the same command goes on where it was",
    "annotate": "use smaller images, or --device cpu",
    "import": "use smaller images, or --device cpu",
    "precompute": "use smaller images, or --device cpu",
}


def _out_of_memory(ctx: Any) -> str:
    advice = _SAVE_MEMORY.get(ctx.invoked_subcommand, "give smaller files, or fewer at a time")
    return f"the memory is full; {advice}"


_WHAT_TO_DO = {
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EISDIR: "give the file itself",
    errno.ENOTDIR: "give a folder",
    errno.EACCES: "choose one that you may read and write",
    errno.EPERM: "choose one that you may read and write",
    errno.EROFS: "choose a folder on another disk",
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.ELOOP: "point the link at a file",
}


def _sentence(error: OSError) -> str:
    """The error of the operating system, with its path and an advice.

    >>> _sentence(FileNotFoundError(errno.ENOENT, "No such file or directory", "a.png"))
    'a.png: No such file or directory; check the path'
    """
    paths = [str(path) for path in (error.filename, error.filename2) if path is not None]
    what = ": ".join(
        [*(path if len(path) <= _LONGEST else f"{path[:_LONGEST]}..." for path in paths), error.strerror or str(error)]
    )
    advice = _WHAT_TO_DO.get(error.errno or 0)
    return f"{what}; {advice}" if advice else what


_LONGEST = 120  # characters of a path in a message


# Plain help: rich would take longer than the rest of the start.
app = typer.Typer(
    cls=_Commands,
    name="vpuformer",
    help="Outline objects in images with clicks, boxes and scribbles.",
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


app.command()(segment)
for _command in (
    predict,
    annotate,
    precompute,
    export_masks,
    count,
    evaluate,
    merge,
    report,
    finetune,
    train,
    export,
    export_network,
    push,
    info,
):
    app.command(cls=FormatsBelow if _command in (predict, export_masks) else None)(_command)
app.command("import")(import_annotations)
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may hold bytes that are not text
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
