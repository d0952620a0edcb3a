"""A predictor of one's own under evaluation, by the name `MODULE:ATTRIBUTE`. Imports no torch."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from vpuformer.arrays import RGB, FloatMap
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.evaluation.protocol import Segmenter
from vpuformer.prompts import Prompt

METHODS = ("set_image", "predict")
"""Of `vpuformer.evaluation.protocol.Segmenter`; its `name` may be left out."""


class Custom:
    """Somebody's predictor, with what it may leave out.

    Args:
        predictor: has the `METHODS`.
        name: as tables show it, unless the predictor has a `name`.
    """

    def __init__(self, predictor: Any, name: str) -> None:
        self._predictor = predictor
        self.name = str(getattr(predictor, "name", name))

    @property
    def device(self) -> str | None:
        """Where it runs, if it says so."""
        device = getattr(self._predictor, "device", None)
        return None if device is None else str(device)

    def set_image(self, image: RGB) -> None:
        """Start an image."""
        self._predictor.set_image(image)

    def predict(self, prompts: Sequence[Prompt], previous: FloatMap | None) -> FloatMap:
        """See `vpuformer.evaluation.protocol.Segmenter.predict`; evaluation checks the answer."""
        return self._predictor.predict(prompts, previous)


def open_custom(name: str) -> Segmenter:
    """The predictor called `MODULE:ATTRIBUTE`.

    The module is looked for in the current folder too, as `python -m` does. A class or a function is called without
    arguments; anything else that has the methods is used as it is.

    Raises:
        ConfigError: there is no such module or attribute, importing or calling it fails, or methods are missing.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"{name!r} names no predictor; wanted MODULE:ATTRIBUTE, as in mypackage.mymodule:MyPredictor")
    found = _attribute(_module(module_name, name), attribute, name)
    missing = [method for method in METHODS if not callable(getattr(found, method, None))]
    if isinstance(found, type) or (missing and callable(found)):
        found = _called(found, name)
        missing = [method for method in METHODS if not callable(getattr(found, method, None))]
    if missing:
        raise ConfigError(
            f"{name}, of the type {type(found).__name__}, lacks {' and '.join(missing)}; a predictor has"
            " set_image(image) and predict(prompts, previous)"
        )
    return Custom(found, attribute)


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
        raise ConfigError(f"{name}: importing {module_name} fails ({_told(error)}); mend it") from error


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
        raise ConfigError(f"{name} fails when it is called without arguments ({_told(error)}); mend it") from error


def _told(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
