"""Numbers of the pages come from files, and every program, result and image has a place on a page."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
README = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [BENCHMARKS / "README.md", ROOT / "examples/README.md", ROOT / "src/vpuformer/weights/default/README.md"]


@pytest.fixture
def figures() -> dict[str, Any]:
    return runpy.run_path(str(BENCHMARKS / "figures.py"))


def test_the_pages_hold_the_numbers_of_the_results(figures: dict[str, Any]) -> None:
    blocks = figures["blocks"]()
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in figures["PAGES"]}
    for name, text in texts.items():
        assert figures["fill"](text, blocks) == text, f"{name}: run python benchmarks/figures.py"
    for marker in blocks:
        assert any(f"<!-- {marker} -->" in text for text in texts.values()), f"no page quotes {marker}"


def test_the_readme_names_every_program_and_every_result() -> None:
    names = set(re.findall(r"`([^`]+)`", README))
    programs = {path.name for path in BENCHMARKS.glob("*.py")}
    assert {name for name in names if re.fullmatch(r"\w+\.py", name)} == programs
    results = {path.name for path in (BENCHMARKS / "results").iterdir()}
    assert results - names == set()
    for command in names:
        if command.startswith("python "):
            assert command.split()[1].removeprefix("benchmarks/") in programs, command


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


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        assert f"]({page.relative_to(ROOT)}" in text, page.name
