"""The public names of `vpuformer`, and the modules that its import does not load."""

import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import vpuformer

NAMES = [
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

WITHOUT_TORCH = [
    "vpuformer",
    "vpuformer.errors",
    "vpuformer.prompts",
    "vpuformer.geometry",
    "vpuformer.images",
    "vpuformer.metrics",
    "vpuformer.inference.feature_store",
    "vpuformer.inference.predictor",
    "vpuformer.inference.session",
    "vpuformer.inference.segment",
    "vpuformer.inference.zoom",
    "vpuformer.integrations.sam",
    "vpuformer.simulation",
    "vpuformer.data.kinds.coco",
    "vpuformer.data.kinds.benchmarks",
    "vpuformer.data.check",
    "vpuformer.data.sources",
    "vpuformer.data.split",
    "vpuformer.data.roots",
    "vpuformer.evaluation.human",
    "vpuformer.evaluation.records",
    "vpuformer.evaluation.run",
    "vpuformer.evaluation.report",
    "vpuformer.model.config",
    "vpuformer.formats",
    "vpuformer.hub.push",
    "vpuformer.model.repository",
    "vpuformer.prediction.run",
    "vpuformer.app.annotation.exporting",
    "vpuformer.app.http.server",
    "vpuformer.app.http.serving",
    "vpuformer.cli",
]


def loaded_by(*modules: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after importing these modules."""
    code = (
        "import json, sys; from importlib import import_module\n"
        f"for name in {modules!r}: import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    return set(json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout))


def test_the_public_names_are_these() -> None:
    assert vpuformer.__all__ == NAMES
    assert set(NAMES) <= set(dir(vpuformer))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("Prompt", "__version__", "metrics")])
def test_a_name_is_the_thing_of_its_module(name: str) -> None:
    thing = getattr(vpuformer, name)
    assert thing.__name__ == name
    assert getattr(import_module(thing.__module__), name) is thing


def test_a_prompt_is_any_of_the_three() -> None:
    assert vpuformer.Prompt == vpuformer.Click | vpuformer.Box | vpuformer.Scribble


def test_the_page_names_all_of_them_and_its_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[1]
    page = (root / "docs" / "python.md").read_text(encoding="utf-8")
    assert all(re.search(rf"`{name}\b", page) for name in NAMES)
    monkeypatch.chdir(root)
    examples = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(examples) == 5
    for example in examples:
        assert not re.search(r"vpuformer\.\w+ import", example)
        exec(compile(example, "docs/python.md", "exec"), {})


def test_the_version_is_that_of_the_installed_package() -> None:
    assert vpuformer.__version__ == version("vpuformer")


def test_an_unknown_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'vpuformer' has no attribute 'Lasso'"):
        vpuformer.Lasso  # noqa: B018


def test_what_needs_no_torch_loads_none() -> None:
    assert not loaded_by(*WITHOUT_TORCH) & {"torch", "torchvision", "timm"}


def test_importing_the_package_loads_next_to_nothing() -> None:
    assert not loaded_by("vpuformer") & {"torch", "numpy", "cv2", "PIL", "scipy", "skimage", "typer"}
