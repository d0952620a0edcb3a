"""The examples of docs/integrations.md run, and print what the page says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from support.real_package import real_package

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
TESTED = ("Segment Anything", "supervision")
"""The examples of the others need a server, or a person; their own tests run them."""
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```", re.M | re.S)


@pytest.mark.parametrize("title", TESTED)
def test_the_examples_print_what_the_page_says(title: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if title == "supervision":
        real_package(title)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    examples = EXAMPLE.findall(SECTIONS[title])
    assert examples
    for program, wanted in examples:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(program, f"docs/integrations.md, {title}", "exec"), {})
        assert printed.getvalue() == wanted
