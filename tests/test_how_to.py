"""The how-to pages: their programs and commands run as they stand there."""

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from vpuformer import Sample, SimulatedUser, VPUFormer, VPUFormerConfig, evaluate
from vpuformer.cli import app
from vpuformer.prompts import KINDS
from vpuformer.training.recipe import Recipe

ROOT = Path(__file__).parent.parent


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with the photographs, in which modules are found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    yield tmp_path
    sys.modules.pop("mine", None)


def test_a_model_of_ones_own_is_evaluated_as_the_page_shows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page("your-model")
    mine, records, network, elsewhere = blocks("python", text)
    (folder / "mine.py").write_text(mine)
    (commands,) = blocks("bash", text)
    for program, *words in map(shlex.split, commands.splitlines()):
        if program == "python":
            monkeypatch.setattr(sys, "argv", [*words[:-1], "3"])  # fewer images
            runpy.run_path(words[0], run_name="__main__")
        else:
            fewer = ["--max-prompts", "5", "--limit", "3"] if words[0] == "evaluate" else []
            result = CliRunner().invoke(app, [*words, *fewer])
            assert result.exit_code == 0, result.output
    assert "nearest colour" in Path("page.html").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(compile(records, "docs/your-model.md", "exec"), found)
    assert max(iou for record in found["runs"]["nearest"].objects for iou in record.ious) > 0.4
    exec(compile(elsewhere, "docs/your-model.md", "exec"), found)

    exec(compile(network, "docs/your-model.md", "exec"), found)
    image, truth = np.full((40, 50, 3), 90, np.uint8), np.zeros((40, 50), np.int8)
    truth[10:30, 10:30] = 1
    samples = [Sample("mine/square", 1, lambda: image, lambda: truth)]
    (record,) = evaluate(samples, found["MyNetwork"](), SimulatedUser(KINDS, max_interactions=4))
    assert len(record.ious) == 4


@pytest.mark.usefixtures("folder")
def test_the_programs_of_the_questions_run(capsys: pytest.CaptureFixture[str]) -> None:
    programs = blocks("python", page("faq"))
    for program in programs:
        exec(compile(program, "docs/faq.md", "exec"), {})
    numbers = [int(each) for each in re.findall(r"(?<=[\[( ])\d+|^\d+", capsys.readouterr().out, re.M)]
    assert len(programs) == 2
    assert max(numbers) > 1000


def test_the_settings_of_the_page_on_parts_make_networks() -> None:
    commands = [shlex.split(line) for block in blocks("bash", page("extend")) for line in block.splitlines()]
    trained = [words for words in commands if words[1] == "train"]
    assert len(trained) == 2
    for words in trained:
        settings = [words[i + 1].removeprefix("model.") for i, word in enumerate(words) if word == "--set"]
        values = {name: yaml.safe_load(value) for name, _, value in (setting.partition("=") for setting in settings)}
        assert VPUFormer(VPUFormerConfig(dim=32, **values)).config.dim == 32


def test_a_recipe_of_a_few_settings_is_one() -> None:
    assert Recipe.from_dict({"data": "FOLDER", "output": "runs/mine", "steps": 7}).steps == 7
