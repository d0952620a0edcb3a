"""The promises that the repository makes about itself: sizes of files, commands of the README, nobody's paths."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

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
        pytest.skip("this is no git repository")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def shell_lines() -> Iterator[tuple[str, str]]:
    """Every command line in the shell blocks of the pages, with the page that holds it; continued lines are joined."""
    for page in PAGES:
        for block in re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            for line in block.replace("\\\n", " ").splitlines():
                for command in re.split(r"\s(?:&&|\|)\s", line):
                    yield page.name, command.removeprefix("$ ").strip()


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    words = [(page, shlex.split(line, comments=True)) for page, line in shell_lines()]
    return [(page, line[1:]) for page, line in words if line and line[0] == program]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_source_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


def test_the_pages_use_commands_and_options_that_exist() -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for page, (name, *words) in commands_of("vpuformer"):
        if name.startswith("-"):
            continue
        assert name in known, f"{page}: vpuformer {name}"
        options = {option for parameter in known[name].params for option in parameter.opts} | {"--help"}
        for word in words:
            if re.match(r"--?[a-z]", word):
                assert word.partition("=")[0] in options, f"{page}: vpuformer {name} {word}"


def test_the_pages_use_targets_of_make_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for page, words in commands_of("make"):
        for word in words:
            assert "=" in word or word in targets, f"{page}: make {word}"


def test_continuous_integration_runs_what_a_contributor_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text(encoding="utf-8").splitlines()
    assert script.stat().st_mode & 0o111 == 0o111


def test_the_gate_is_set() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["coverage"]["report"]["fail_under"] >= 90
    assert settings["pytest"]["ini_options"]["filterwarnings"][0] == "error"


def test_nobodys_machine_is_named() -> None:
    # Written apart, so that this file may be looked at too.
    private = re.compile(rb"(?<![\w.~])/" + rb"(?:work|root|home|Users)/" + rb"\w")
    for path in tracked_files():
        if path.stat().st_size < 1_000_000:
            found = private.search(path.read_bytes())
            assert found is None, f"{path.relative_to(ROOT)} names a path of one machine: {found}"
