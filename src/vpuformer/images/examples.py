"""The bundled photographs, for whoever has no images at hand."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def bundled_photographs() -> list[Path]:
    """The photographs in the package, or next to the sources of an editable installation."""
    installed = _PACKAGE / "examples"
    folder = installed if installed.is_dir() else _PACKAGE.parents[1] / "examples"
    return sorted(folder.glob("*.jpg"))
