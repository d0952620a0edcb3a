"""Numbers of the pages come from files, and every program, result and image has a place on a page."""

import importlib
import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from vpuformer.model.manifest import read_manifest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
README = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += [BENCHMARKS / "README.md", ROOT / "examples/README.md", ROOT / "src/vpuformer/weights/default/README.md"]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return runpy.run_path(str(BENCHMARKS / "figures.py"))


def test_the_pages_hold_the_numbers_of_the_results(figures: dict[str, Any]) -> None:
    blocks = figures["blocks"]()
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in figures["PAGES"]}
    for name, text in texts.items():
        assert figures["fill"](text, blocks) == text, f"{name}: run python benchmarks/figures.py"
    for marker in blocks:
        assert any(f"<!-- {marker} -->" in text for text in texts.values()), f"no page quotes {marker}"
    assert set(importlib.import_module("bundled").SHOWN) <= set(blocks)


def test_blocks_of_earlier_weights_say_so(
    figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = importlib.import_module("bundled")
    monkeypatch.setattr(bundled, "RESULTS", tmp_path)
    ours = {"weights_sha256": read_manifest("default").sha256}
    for result, block in ((ours, "A table"), ({"weights_sha256": "ab"}, f"A table\n\n{bundled.EARLIER}")):
        (tmp_path / "latency.json").write_text(json.dumps(result))
        assert figures["marked"]("latency", "A table") == block
    assert not bundled.of_bundled_weights({})


def test_the_readme_names_every_program_and_every_result() -> None:
    names = set(re.findall(r"`([^`]+)`", README))
    programs = {path.name for path in BENCHMARKS.glob("*.py")}
    assert {name for name in names if re.fullmatch(r"\w+\.py", name)} == programs
    results = {path.name for path in (BENCHMARKS / "results").iterdir()}
    assert results - names == set()
    for command in names:
        if command.startswith("python "):
            assert command.split()[1].removeprefix("benchmarks/") in programs, command


@pytest.mark.parametrize("program", sorted(path.name for path in BENCHMARKS.glob("*.py")))
def test_programs_find_the_names_that_they_import(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if program.startswith("plot_"):
        pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(BENCHMARKS)
    runpy.run_path(str(BENCHMARKS / program), run_name="imported")


def test_every_image_is_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for image in (ROOT / "docs" / "images").iterdir():
        assert f"images/{image.name})" in text, f"no page shows {image.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}, target


def test_the_house_is_drawn_as_it_is_built() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    [drawing] = re.findall(r"^```text\n(.*?)^```", CONTRIBUTING, re.M | re.S)
    floor = -1
    for layer in layers:
        places = [re.search(rf"(?:^|\| | {{3}}){room}\b", drawing, re.M) for room in layer.split(" | ")]
        assert all(places), f"{layer} is not drawn"
        starts = [drawing.rfind("\n  |", 0, place.start()) for place in places if place]
        assert len(set(starts)) == 1, f"{layer} is drawn on several floors"
        assert starts[0] >= floor, f"{layer} is drawn too high"
        floor = starts[0]


def test_the_walk_through_names_what_is_there() -> None:
    """Files of a row exist, and one of them contains each name in the row."""
    rows = [re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\|.*`.*\|$", CONTRIBUTING, re.M)]
    assert len(rows) == 15
    for row in rows:
        files = [name for name in row if "/" in name]
        for file in files:
            assert (ROOT / file).exists() or (ROOT / "src" / "vpuformer" / file).exists(), file
        text = "".join(path.read_text("utf-8") for file in files for path in ROOT.glob(f"src/vpuformer/{file}"))
        for name in row:
            if name not in files:
                word = re.findall(r"\w+", name)[0 if "(" in name else -1]
                assert re.search(rf"\b{word}\b", text), f"{name} is in none of {files}"


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        if page.parent.name != "reference":  # docs/python.md names what these pages show
            assert f"]({page.relative_to(ROOT)}" in text, page.name
