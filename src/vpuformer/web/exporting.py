"""A folder with the page, the network and its runtime, which any web server can serve."""

import os
import re
import shutil
from pathlib import Path

from vpuformer.errors import ConfigError, InputError
from vpuformer.files import write_errors
from vpuformer.images.examples import bundled_photographs
from vpuformer.inference.graphs import DECODE_FILE, ENCODE_FILE, GRAPHS_FILE, Graphs
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.manifest import CONFIG_FILE, WEIGHTS_FILE
from vpuformer.web.runtime_files import runtime_files

_PACKAGE = Path(__file__).parents[1]
_PAGE = "web/page"
_ENTRIES = ("main.js", "worker.js")
_SHARED = ("stage.css", "theme.css", "theme.js", "favicon.svg", "texts/*.json")
"""What the page takes from the annotation page, in addition to the modules that its own import."""

_EXAMPLE = "coffee.jpg"


def export_page(
    name_or_path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    runtime: str | os.PathLike[str] | None = None,
) -> Path:
    """Write the page for a checkpoint with graphs.

    Args:
        name_or_path: see `vpuformer.inference.graphs.Graphs.read`.
        folder: a new or empty folder, or one with an earlier page, which is replaced.
        runtime: see `vpuformer.web.runtime_files.runtime_files`.

    Returns:
        The folder.

    Raises:
        CheckpointError: the checkpoint is missing or broken, or has no graphs.
        ConfigError: the page cannot run this network.
        InputError: the folder holds something else, or cannot be written.
        MissingDependencyError: see `runtime_files`.
    """
    graphs = Graphs.read(name_or_path)
    graphs.check_files()
    _check_runs(graphs.manifest.config)
    target = Path(folder)
    if target.is_dir() and any(target.iterdir()) and not (target / _PAGE).is_dir():
        raise InputError(f"{target} holds other files; give a new or empty folder")
    (photograph,) = (path for path in bundled_photographs() if path.name == _EXAMPLE)
    shared = [path for pattern in _SHARED for path in (_PACKAGE / "app/page").glob(pattern)]
    files = {
        path.relative_to(_PACKAGE).as_posix(): path for path in (*_modules(), *shared, _PACKAGE / _PAGE / "page.css")
    }
    files |= {"index.html": _PACKAGE / _PAGE / "index.html", _EXAMPLE: photograph}
    names = [ENCODE_FILE, DECODE_FILE, GRAPHS_FILE, CONFIG_FILE, WEIGHTS_FILE, "README.md"]
    files |= {f"model/{name}": graphs.folder / name for name in names if (graphs.folder / name).is_file()}
    files |= {f"runtime/{name}": path for name, path in runtime_files(runtime).items()}
    with write_errors(target):
        for name, path in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
    return target


def _check_runs(config: VPUFormerConfig) -> None:
    """See that the page encodes prompts as this network wants them."""
    if config.prompt_encoding != "pue" or config.features_depend_on_mask or config.features_depend_on_prompts:
        raise ConfigError(
            f"the page runs networks with the prompt encoding 'pue' whose features depend on the image alone, got"
            f" prompt_encoding={config.prompt_encoding!r}, mask_fusion={config.mask_fusion!r},"
            f" dense_prompts={config.dense_prompts!r}; export another checkpoint"
        )


def _modules() -> set[Path]:
    """The page's modules and those that they import."""
    found: set[Path] = set()
    waiting = [_PACKAGE / _PAGE / name for name in _ENTRIES]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        imports = re.findall(r'^(?:import|export) .*?"(\.[^"]+\.js)";', module.read_text("utf-8"), re.M)
        waiting += [Path(os.path.normpath(module.parent / name)) for name in imports]
    return found
