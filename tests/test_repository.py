"""Promises of the repository: sizes of files, commands of the README, nobody's paths."""

import json
import re
import runpy
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer.main
import yaml

from vpuformer.cli import app

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def tracked_files() -> list[Path]:
    """What belongs to the repository; new files that are not yet added are looked at too."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git repository")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def shell_lines() -> Iterator[tuple[str, str]]:
    """Every command line in the pages' shell blocks and in the Makefile, with its file."""
    blocks = [("Makefile", MAKEFILE.replace("\t$(BIN)/", ""))]
    for page in PAGES:
        found = re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        blocks += [(page.name, block) for block in found]
    for name, block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"\s(?:&&|\|)\s", line):
                yield name, command.removeprefix("$ ").strip()


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    lines = [(page, line) for page, line in shell_lines() if line.split()[:1] == [program]]
    return [(page, shlex.split(line, comments=True)[1:]) for page, line in lines]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_source_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


def test_the_pages_use_commands_and_options_that_exist() -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert [name for page, (name, *_) in commands_of("vpuformer") if page == "Makefile"]
    for page, (name, *words) in commands_of("vpuformer"):
        if name.startswith("-"):
            continue
        assert name in known, f"{page}: vpuformer {name}"
        command = known[name]
        if hasattr(command, "commands"):  # a group, such as `vpuformer data check`
            name, *words = words
            assert name in command.commands, f"{page}: {command.name} {name}"
            command = command.commands[name]
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for word in words:
            if re.match(r"--?[a-z]", word):
                assert word.partition("=")[0] in options, f"{page}: vpuformer {name} {word}"


def test_the_pages_use_targets_of_make_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for page, words in commands_of("make"):
        for word in words:
            assert "=" in word or word in targets, f"{page}: make {word}"


def test_the_images_that_the_pages_name_are_there() -> None:
    for page, words in commands_of("vpuformer"):
        for word in words:
            assert not word.startswith("examples/") or (ROOT / word).is_file(), f"{page}: {word}"


def test_the_toy_set_is_a_data_set_with_a_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vpuformer.data.split import find_split, open_folders, training_images, validation_samples

    monkeypatch.setattr("sys.argv", ["toy_set.py", str(tmp_path), "3"])
    runpy.run_path(str(ROOT / "examples" / "toy_set.py"), run_name="__main__")
    folders, split = open_folders(tmp_path), find_split(tmp_path)
    assert len(folders["toys"]) == 3
    assert training_images(folders["toys"], split) == [1, 2]
    (first, *others) = validation_samples(folders, split)
    assert len(others) == 3
    image, truth = first.image(), first.truth() == 1
    colours, counts = np.unique(image[truth], axis=0, return_counts=True)
    assert counts.max() > 0.8 * truth.sum()  # the outline lies where the shape was drawn
    assert len(colours) > 1


def test_continuous_integration_runs_what_a_contributor_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text(encoding="utf-8").splitlines()
    assert script.stat().st_mode & 0o111 == 0o111


def test_the_gate_is_set() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["coverage"]["report"]["fail_under"] >= 90
    assert settings["pytest"]["ini_options"]["filterwarnings"][0] == "error"


def test_the_citation_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])


def test_the_container_runs_as_a_user_with_a_token_and_a_health_check() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    last = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM ")) :]
    steps = dict(line.split(maxsplit=1) for line in last if re.match(r"[A-Z]+ ", line))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", steps["USER"])
    assert "/healthz" in steps["HEALTHCHECK"]
    assert steps["VOLUME"] in steps["CMD"]
    options = typer.main.get_command(app).commands["annotate"].make_context("annotate", json.loads(steps["CMD"])[1:])  # type: ignore[attr-defined]
    assert not options.params["no_token"]
    assert options.params["port"] == int(steps["EXPOSE"])


def test_nobodys_machine_is_named() -> None:
    # Written apart, so that this file may be looked at too.
    private = re.compile(rb"(?<![\w.~])/" + rb"(?:work|root|home|Users)/" + rb"\w")
    for path in tracked_files():
        if path.stat().st_size < 1_000_000:
            found = private.search(path.read_bytes())
            assert found is None, f"{path.relative_to(ROOT)} names a path of one machine: {found}"
