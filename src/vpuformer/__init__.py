"""VPUFormer: outline an object in an image with a click, a box or a scribble.

>>> from vpuformer import Box, Click
>>> prompts = [Box(20, 30, 180, 140), Click(90, 60, positive=False)]

The names below are imported on first use, so `import vpuformer` is fast and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpuformer import metrics
    from vpuformer.data.kinds.benchmarks import open_benchmark
    from vpuformer.data.sample import Sample
    from vpuformer.errors import VPUFormerError
    from vpuformer.evaluation.run import evaluate
    from vpuformer.evaluation.simulated_user import SimulatedUser
    from vpuformer.finetuning.run import finetune
    from vpuformer.formats.prompted import PromptedImage, PromptedObject
    from vpuformer.hub.push import push_to_hub
    from vpuformer.inference.feature_store import FeatureStore
    from vpuformer.inference.prediction import Prediction
    from vpuformer.inference.predictor import Predictor
    from vpuformer.inference.protocol import Encoded, Query, Segmenter
    from vpuformer.inference.session import Session
    from vpuformer.model.checkpoint import load_model
    from vpuformer.model.config import VPUFormerConfig, variant
    from vpuformer.model.manifest import list_models
    from vpuformer.model.vpuformer import VPUFormer
    from vpuformer.prediction.predict import predict
    from vpuformer.prediction.run import predict_folder
    from vpuformer.prompts import Box, Click, Prompt, Scribble

    __version__: str

__all__ = [
    "Box",
    "Click",
    "Encoded",
    "FeatureStore",
    "Prediction",
    "Predictor",
    "Prompt",
    "PromptedImage",
    "PromptedObject",
    "Query",
    "Sample",
    "Scribble",
    "Segmenter",
    "Session",
    "SimulatedUser",
    "VPUFormer",
    "VPUFormerConfig",
    "VPUFormerError",
    "__version__",
    "evaluate",
    "finetune",
    "list_models",
    "load_model",
    "metrics",
    "open_benchmark",
    "predict",
    "predict_folder",
    "push_to_hub",
    "variant",
]

_HOMES = {
    "data.kinds.benchmarks": ["open_benchmark"],
    "data.sample": ["Sample"],
    "errors": ["VPUFormerError"],
    "evaluation.run": ["evaluate"],
    "evaluation.simulated_user": ["SimulatedUser"],
    "finetuning.run": ["finetune"],
    "formats.prompted": ["PromptedImage", "PromptedObject"],
    "hub.push": ["push_to_hub"],
    "inference.feature_store": ["FeatureStore"],
    "inference.predictor": ["Predictor"],
    "inference.protocol": ["Encoded", "Prediction", "Query", "Segmenter"],
    "inference.session": ["Session"],
    "model.checkpoint": ["load_model"],
    "model.config": ["VPUFormerConfig", "variant"],
    "model.manifest": ["list_models"],
    "model.vpuformer": ["VPUFormer"],
    "prediction.predict": ["predict"],
    "prediction.run": ["predict_folder"],
    "prompts": ["Box", "Click", "Prompt", "Scribble"],
}
"""Public names of each module below `vpuformer`."""

_EXTRAS = {
    "evaluation.run": "evaluate",
    "evaluation.simulated_user": "evaluate",
    "finetuning.run": "train",
    "model.checkpoint": "torch",
    "model.vpuformer": "torch",
}
"""Extra that each of these modules needs."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("vpuformer")
    elif name == "metrics":
        value = import_module("vpuformer.metrics")
    else:
        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'vpuformer' has no attribute {name!r}")
        if home in _EXTRAS:
            from vpuformer.extras import require

            require(_EXTRAS[home], f"vpuformer.{name}")
        value = getattr(import_module(f"vpuformer.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
