"""The manual as a site: each page has its place, and each public name its docstring. MkDocs is not needed."""

import re
import runpy
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

import vpuformer
from vpuformer.encoding.prior import prompt_priors

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SETTINGS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
NAMES = re.compile(r"^::: (vpuformer\.[\w.]+)$", re.M)
REFERENCE = [
    name for page in sorted((DOCS / "reference").glob("*.md")) for name in NAMES.findall(page.read_text("utf-8"))
]


@pytest.fixture(scope="module")
def hooks() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "manual_hooks.py"))


def pages_of(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [page for each in (entry.values() if isinstance(entry, dict) else entry) for page in pages_of(each)]


def test_every_page_has_one_place(hooks: dict[str, Any]) -> None:
    pages = pages_of(yaml.safe_load(SETTINGS)["nav"])
    assert len(pages) == len(set(pages))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    generated = {*hooks["PAGES"].values(), *hooks["NOTEBOOKS"].values(), hooks["COMMANDS"]}
    assert set(pages) <= written | generated
    # A place may be kept in a comment until its page comes.
    for page in written | generated:
        assert re.search(rf"(?:- |: ){re.escape(page)}$", SETTINGS, re.M), f"mkdocs.yml has no place for {page}"


def test_links_of_the_repository_become_links_of_the_site(hooks: dict[str, Any]) -> None:
    relinked = hooks["relinked"]
    assert relinked("index.md", "[a](docs/annotate.md#prompts) [b](docs/images/demo.png) [c](https://a.b/c.md)") == (
        "[a](annotate.md#prompts) [b](images/demo.png) [c](https://a.b/c.md)"
    )
    assert relinked("network.md", "[a](../README.md#install) [b](trust.md) [c](#here) [d](../benchmarks/a.json)") == (
        "[a](index.md#install) [b](trust.md) [c](#here) [d](repository/benchmarks/a.json)"
    )
    assert relinked("model-card.md", "[a](../../../../docs/evaluation.md#the-protocol)") == (
        "[a](evaluation.md#the-protocol)"
    )
    assert relinked("trust.md", "[network.md](network.md#a) [`x.md`](network.md)") == (
        "[The network, and where it differs from the paper](network.md#a) [`x.md`](network.md)"
    )
    assert relinked("notebooks/4-look-inside.md", "[a](../../docs/idea.md)") == "[a](../idea.md)"
    assert relinked("photographs.md", "[a](notebooks/1-prompts.ipynb)") == "[a](notebooks/1-prompts.md)"
    assert relinked("reference/many.md", "[a](../predict.md)") == "[a](../predict.md)"


def test_a_notebook_becomes_a_page(hooks: dict[str, Any]) -> None:
    text = hooks["notebook"](ROOT / "examples" / "notebooks" / "1-prompts.ipynb")
    assert text.startswith("# Clicks, boxes, scribbles and sessions\n")
    assert "\n```python\nclick = Click(290, 200)\n" in text


def test_every_public_name_is_in_the_reference() -> None:
    assert len(REFERENCE) == len(set(REFERENCE))
    shown = {name.removeprefix("vpuformer.") for name in REFERENCE}
    missing = set(vpuformer.__all__) - shown - {"Prompt", "VPUFormerError", "__version__"}
    assert not missing, "add a line such as `::: vpuformer.Box` to a page of docs/reference"
    assert "vpuformer.errors" in REFERENCE  # with VPUFormerError


@pytest.mark.parametrize("name", REFERENCE)
def test_a_name_of_the_reference_has_a_docstring(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    thing = getattr(import_module(module), attribute)
    assert thing.__doc__


def test_the_images_of_the_idea_show_what_their_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    figures = runpy.run_path(str(ROOT / "benchmarks" / "idea_figures.py"))
    model, photograph = vpuformer.load_model("default").eval(), figures["read_image"](figures["PHOTOGRAPH"])
    for name, prompts in {**figures["PROMPTS"], "two": figures["TWO"]}.items():
        seen = figures["look"](model, photograph, prompts)
        assert len(seen.reads) == len(seen.is_read) == 3
        covered = prompt_priors(figures["batch"](photograph, prompts), [seen.reads[0].shape[1:]])[0][0, 0] > np.log(0.5)
        for layer in range(3):
            reads, is_read = seen.reads[layer][0], seen.is_read[layer][0]
            assert reads.sum() == pytest.approx(1, abs=1e-4)
            assert 0 <= is_read.min() <= is_read.max() <= 1 + 1e-4
            assert reads[covered].sum() > 0.5 or layer == 2, f"{name}, layer {layer + 1}"
            assert is_read[covered].mean() > is_read[~covered].mean() or layer == 2, f"{name}, layer {layer + 1}"
        size = seen.similarity.shape[1:]
        mask = cv2.resize(seen.probability, size[::-1], interpolation=cv2.INTER_AREA) > 0.49
        for prompt, similarity in zip(prompts, seen.similarity, strict=True):
            higher = similarity[mask].mean() > similarity[~mask].mean()
            assert higher == prompt.positive
