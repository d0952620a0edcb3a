"""The command line without a process of its own."""

from typer.testing import CliRunner, Result

from vpuformer.cli import app


def vpuformer(*words: object) -> Result:
    """What `vpuformer` with these words ends with."""
    return CliRunner().invoke(app, [str(word) for word in words])
