"""The bundled photographs, for whoever has no images at hand."""

import shutil
from pathlib import Path

NAME = "vpuformer-examples"
"""Folder that `copy_examples` makes."""

_PACKAGE = Path(__file__).parents[2]


def copy_examples(target: Path) -> None:
    """Copy the bundled photographs into a folder. Files that are present stay.

    The folder is created if it is missing.

    Raises:
        OSError: the folder cannot be written.
    """
    target.mkdir(exist_ok=True)
    for photograph in photographs():
        if not (target / photograph.name).exists():
            shutil.copyfile(photograph, target / photograph.name)


def photographs() -> list[Path]:
    """The bundled photographs: in the package, or next to the sources of an editable installation."""
    installed = _PACKAGE / "examples"
    folder = installed if installed.is_dir() else _PACKAGE.parents[1] / "examples"
    return sorted(folder.glob("*.jpg"))
