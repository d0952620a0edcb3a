"""`vpuformer merge`: join the parts of an evaluation or a prediction."""

from pathlib import Path
from typing import Annotated

import typer

from vpuformer.cli.evaluate import finish
from vpuformer.cli.outputs import make_folder
from vpuformer.cli.shared_options import OverwriteOption
from vpuformer.errors import ConfigError
from vpuformer.evaluation import RECORDS


def merge(
    parts: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Outputs of `evaluate` or `predict` with --shard I/N, for every I."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the results.")],
    overwrite: OverwriteOption = False,
) -> None:
    """Join the parts of an evaluation or a prediction.

    The result equals that of the same command without --shard. The parts stay as they are.
    """
    from vpuformer.prediction.job import FILE

    if any((part / FILE).is_file() for part in parts):
        from vpuformer.cli.predict import finish as finish_prediction
        from vpuformer.cli.predict import with_progress
        from vpuformer.prediction.run import join

        joined = with_progress(
            lambda on_progress: join(parts, output, overwrite=overwrite, on_progress=on_progress), silent=False
        )
        finish_prediction(joined, output)
        return
    if overwrite:
        raise ConfigError("--overwrite replaces masks; records of another evaluation are removed by hand")
    from vpuformer.evaluation.records import read_records, write_records
    from vpuformer.evaluation.shards import merge as merge_records

    whole = merge_records([read_records(part / RECORDS) for part in parts])
    folder = make_folder(output, "the results")
    write_records(folder / RECORDS, whole)
    finish(whole.header, whole.objects, folder)
