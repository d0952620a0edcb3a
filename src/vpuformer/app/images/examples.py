"""A folder of the bundled photographs, for whoever has no images at hand."""

import shutil
from pathlib import Path

from vpuformer.images.examples import bundled_photographs

NAME = "vpuformer-examples"
"""Folder that `copy_examples` makes."""


def copy_examples(target: Path) -> None:
    """Copy the bundled photographs into a folder. Files that are present stay.

    The folder is created if it is missing.

    Raises:
        OSError: the folder cannot be written.
    """
    target.mkdir(exist_ok=True)
    for photograph in bundled_photographs():
        if not (target / photograph.name).exists():
            shutil.copyfile(photograph, target / photograph.name)
