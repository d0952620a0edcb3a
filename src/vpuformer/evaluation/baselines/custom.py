"""A segmenter of your own, by the name `MODULE:ATTRIBUTE`. Imports no torch."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.inference.protocol import Segmenter

MEMBERS = ("name", "sha256", "encode", "segment")
"""Members of a `vpuformer.inference.protocol.Segmenter`; the last two are methods."""


def open_custom(name: str) -> Segmenter:
    """The segmenter called `MODULE:ATTRIBUTE`.

    The module is looked for in the current folder too, as `python -m` does. A class or a function is called without
    arguments; anything else that has the members is used as it is.

    Raises:
        ConfigError: there is no such module or attribute, importing or calling it fails, or members are missing.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"{name!r} names no segmenter; wanted MODULE:ATTRIBUTE, as in mypackage.mymodule:MySegmenter")
    found = _attribute(_module(module_name, name), attribute, name)
    is_factory = isinstance(found, type) or (callable(found) and _missing(found))
    segmenter: Any = _called(found, name) if is_factory else found
    if missing := _missing(segmenter):
        raise ConfigError(
            f"{name}, of the type {type(segmenter).__name__}, lacks {' and '.join(missing)}; a segmenter has name,"
            " sha256, encode(image) and segment(queries), see vpuformer.inference.protocol"
        )
    return segmenter


def _missing(found: Any) -> list[str]:
    return [
        member
        for member in MEMBERS
        if not (callable(getattr(found, member, None)) if member in MEMBERS[2:] else hasattr(found, member))
    ]


def _module(module_name: str, name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:  # and stays there, for what the module imports later
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigError(f"{name}: importing {module_name} fails, it needs {error.name}; install that") from error
        raise ConfigError(
            f"{name}: no module called {error.name!r}, neither in the current folder nor installed; go to the folder"
            " that holds it, or install it"
        ) from error
    except Exception as error:  # whatever the module does when it is imported
        raise ConfigError(f"{name}: importing {module_name} fails ({_message(error)}); mend it") from error


def _attribute(module: ModuleType, attribute: str, name: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        public = [known for known in vars(module) if not known.startswith("_")]
        raise ConfigError(f"{name}: {unknown_name(f'attribute of {module.__name__}', attribute, public)}") from error


def _called(factory: Any, name: str) -> Any:
    try:
        return factory()
    except Exception as error:  # whatever it does when it is called
        raise ConfigError(f"{name} fails when it is called without arguments ({_message(error)}); mend it") from error


def _message(error: Exception) -> str:
    """The type of an error and the first line of its message."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
