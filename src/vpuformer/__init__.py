"""VPUFormer: outline an object in an image with a click, a box or a scribble.

>>> from vpuformer import Box, Click
>>> prompts = [Box(20, 30, 180, 140), Click(90, 60, positive=False)]

The names below are imported on first use, so `import vpuformer` is fast and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpuformer import metrics
    from vpuformer.errors import VPUFormerError
    from vpuformer.evaluation.run import evaluate
    from vpuformer.inference.predictor import Predictor
    from vpuformer.inference.protocol import Prediction
    from vpuformer.inference.session import Session
    from vpuformer.model.checkpoint import load_model
    from vpuformer.model.config import VPUFormerConfig, variant
    from vpuformer.model.manifest import list_models
    from vpuformer.model.vpuformer import VPUFormer
    from vpuformer.prompts import Box, Click, Prompt, Scribble

    __version__: str

__all__ = [
    "Box",
    "Click",
    "Prediction",
    "Predictor",
    "Prompt",
    "Scribble",
    "Session",
    "VPUFormer",
    "VPUFormerConfig",
    "VPUFormerError",
    "__version__",
    "evaluate",
    "list_models",
    "load_model",
    "metrics",
    "variant",
]

_HOMES = {
    "Box": "prompts",
    "Click": "prompts",
    "Prediction": "inference.protocol",
    "Predictor": "inference.predictor",
    "Prompt": "prompts",
    "Scribble": "prompts",
    "Session": "inference.session",
    "VPUFormer": "model.vpuformer",
    "VPUFormerConfig": "model.config",
    "VPUFormerError": "errors",
    "evaluate": "evaluation.run",
    "list_models": "model.manifest",
    "load_model": "model.checkpoint",
    "variant": "model.config",
}
"""Module of each public name, below `vpuformer`."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("vpuformer")
    elif name == "metrics":
        value = import_module("vpuformer.metrics")
    elif name in _HOMES:
        value = getattr(import_module(f"vpuformer.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'vpuformer' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
