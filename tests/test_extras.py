"""An installation without extras works; a command that needs one names it."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import vpuformer
from vpuformer.errors import MissingDependencyError
from vpuformer.extras import EXTRAS, require

ROOT = Path(__file__).parents[1]
COFFEE = str(ROOT / "examples" / "coffee.jpg")
BLOCKED = {module for modules in EXTRAS.values() for module in modules} - {"pydantic"}
"""Typer may depend on pydantic."""
MODULES = {"scikit-image": "skimage"}
"""Names of modules that differ from those of their packages."""
INTEGRATIONS = ("supervision", "fiftyone", "napari", "cvat")
"""Extras of other programs. They are large, and `make test-integrations` installs them."""
WITHOUT_EXTRAS = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(BLOCKED)}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
COMMAND = f"{WITHOUT_EXTRAS}\nfrom vpuformer.cli import main\nmain()"


def ran(program: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_the_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    def modules(extra: str) -> Iterator[str]:
        for requirement in declared[extra]:
            package, *inner = re.split(r"[\[\],<>=]+", requirement)
            if package == "vpuformer":
                yield from chain(*map(modules, filter(None, inner)))
            else:
                yield MODULES.get(package, package.replace("-", "_"))

    assert {extra: {*modules(extra)} for extra in declared if extra not in ("dev", "docs")} == {
        extra: {*names} for extra, names in EXTRAS.items()
    }
    large = {"ray", *INTEGRATIONS}
    assert {*modules("dev")} >= {*chain(*(EXTRAS[extra] for extra in EXTRAS.keys() - large))}


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require("sam", "a baseline")
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingDependencyError) as caught:
        require("train", "training")
    assert str(caught.value) == "training needs tensorboard; install it with: pip install 'vpuformer[train]'"


def test_segment_and_the_library_work_without_extras(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    ended = ran(COMMAND, "segment", COFFEE, "--click", "270,255", "-o", mask)
    assert ended.returncode == 0, ended.stderr
    assert mask.is_file()
    assert ran(f"{WITHOUT_EXTRAS}\nfrom vpuformer import Predictor, Session, open_benchmark").returncode == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("VPUFormer", "needs einops, safetensors, timm, torch, torchvision; install it with: pip install 'vpuformer["),
        ("evaluate", "needs filelock, scipy, skimage; install it with: pip install 'vpuformer[evaluate]'"),
        ("SimulatedUser", "needs filelock, scipy, skimage; install it with: pip install 'vpuformer[evaluate]'"),
    ],
)
def test_a_public_name_names_its_missing_extra(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in EXTRAS["train"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(vars(vpuformer), name, raising=False)
    with pytest.raises(MissingDependencyError) as caught:
        getattr(vpuformer, name)
    assert str(caught.value).startswith(f"vpuformer.{name} {words}")


def test_data_sets_and_records_are_read_without_extras(grabcut: Path, tmp_path: Path) -> None:
    ended = ran(COMMAND, "data", "check", "grabcut", "--root", grabcut, "--sheet", tmp_path / "sheet.png")
    assert "is not all of grabcut" in ended.stderr  # two objects, without a fault
    run = ROOT / "benchmarks/results/grabcut/default-click"
    assert ran(COMMAND, "report", run, "-o", tmp_path / "page.html").returncode == 0
    info = json.loads(ran(COMMAND, "info", "--json").stdout)
    assert info["models"]["default"]["runtime"]["runtime"] == "onnx"
    assert not any(info["extras"].values())


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("annotate", "examples"), "app"),
        (("export-masks", "examples", "-o", "nowhere/masks"), "app"),
        (("import", "examples", "examples"), "app"),
        (("segment", COFFEE, "--click", "270,255", "-o", "{folder}.png", "--runtime", "torch"), "torch"),
        (("segment", COFFEE, "--click", "270,255", "-o", "{folder}.png", "--device", "cuda"), "torch"),
        (("segment", COFFEE, "--click", "270,255", "-o", "{folder}.png", "--runtime", "openvino"), "openvino"),
        (("export-network", "default", "-o", "{folder}"), "export"),
        (("train", "--data", "examples", "-o", "{folder}"), "train"),
        (("train", "--data", "examples", "-o", "{folder}", "--set", "model.backbone=mit_b0"), "train"),
        (("evaluate", "--dataset", "grabcut", "--root", "examples", "-o", "{folder}"), "evaluate"),
    ],
)
def test_a_command_names_its_missing_extra(words: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    ended = ran(COMMAND, *(word.format(folder=tmp_path / "run") for word in words))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"; install it with: pip install 'vpuformer[{extra}]'")
