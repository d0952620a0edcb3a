"""An installation without extras works; a command that needs one names it."""

import json
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from vpuformer.errors import MissingDependencyError
from vpuformer.extras import EXTRAS, require

ROOT = Path(__file__).parents[1]
COFFEE = str(ROOT / "examples" / "coffee.jpg")
BLOCKED = {module for modules in EXTRAS.values() for module in modules} - {"pydantic"}
"""Typer may depend on pydantic."""
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
    modules = {
        extra: tuple(re.split(r"[<>=]", requirement)[0].replace("-", "_") for requirement in requirements)
        for extra, requirements in declared.items()
        if extra != "dev"
    }
    own = "vpuformer[torch]"
    assert {
        extra: tuple(chain(*(modules["torch"] if name == own else [name] for name in names)))
        for extra, names in modules.items()
    } == EXTRAS
    assert declared["dev"][0] == f"vpuformer[{','.join(sorted({*EXTRAS} - {'torch'}))}]"


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
    assert ran(f"{WITHOUT_EXTRAS}\nfrom vpuformer import Predictor, Session, evaluate").returncode == 0
    ended = ran(f"{WITHOUT_EXTRAS}\nfrom vpuformer import VPUFormer")
    assert "vpuformer.VPUFormer needs einops, safetensors, timm, torch, torchvision; install" in ended.stderr


def test_evaluation_works_without_extras(grabcut: Path, tmp_path: Path) -> None:
    words = ("evaluate", "--dataset", "grabcut", "--root", grabcut, "--max-prompts", "2", "-o", tmp_path / "run")
    assert ran(COMMAND, *words).returncode == 0
    assert ran(COMMAND, "report", tmp_path / "run", "-o", tmp_path / "page.html").returncode == 0
    info = json.loads(ran(COMMAND, "info", "--json").stdout)
    assert info["models"]["default"]["runtime"]["runtime"] == "onnx"
    assert not any(info["extras"].values())


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("annotate", "examples"), "app"),
        (("export-masks", "examples", "-o", "nowhere/masks"), "app"),
        (("segment", COFFEE, "--click", "270,255", "-o", "{folder}.png", "--runtime", "torch"), "torch"),
        (("segment", COFFEE, "--click", "270,255", "-o", "{folder}.png", "--device", "cuda"), "torch"),
        (("segment", COFFEE, "--click", "270,255", "-o", "{folder}.png", "--runtime", "openvino"), "openvino"),
        (("export-network", "default", "-o", "{folder}"), "export"),
        (("train", "--data", "examples", "-o", "{folder}"), "train"),
        (("train", "--data", "examples", "-o", "{folder}", "--set", "model.backbone=mit_b0"), "train"),
        (("evaluate", "--dataset", "grabcut", "--root", "{grabcut}", "-o", "{folder}", "--baseline", "sam"), "sam"),
    ],
)
def test_a_command_names_its_missing_extra(words: tuple[str, ...], extra: str, tmp_path: Path, grabcut: Path) -> None:
    ended = ran(COMMAND, *(word.format(folder=tmp_path / "run", grabcut=grabcut) for word in words))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"; install it with: pip install 'vpuformer[{extra}]'")
