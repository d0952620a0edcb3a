"""The message that reports an import of annotations for a whole folder."""

from vpuformer.app.step_schemas import Message


class Reason(Message):
    """Things of an import with something in common; `examples` are images or sentences."""

    thing: str
    why: str
    number: int
    examples: list[str]


class FolderImport(Message):
    """What an import of annotations for a folder has done, or, as a dry run, would do."""

    format: str
    dry_run: bool
    images: int
    """Number of images whose annotations were read."""
    refused: int
    """Number of images that were left out because their annotations are broken or do not fit."""
    new: int
    same: int
    changed: int
    """Number of objects that were updated: the file has changed, and nobody has touched them here."""
    answered: int
    """Number of boxes of which the network has made masks."""
    waiting: int
    """Number of boxes that wait for the network. The server answers them in the background."""
    left_out: list[Reason]
    remarks: list[Reason]
    """Guesses about objects that were imported."""
