"""The countable part of the house's plain English; CONTRIBUTING.md says the rest."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CLEAN = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks",
    "docs",
    "examples",
    "src/vpuformer",
    "tests/app",
)
"""Files and folders that keep the rules. A folder that is rewritten joins the list."""

FORBIDDEN = {
    "told, tell, tells": r"\b(?:told|tells?|telling)\b",
    "is no": r"(?<![Tt]here )\b(?:is|are) no (?!longer\b)",
    "are none": r"\bare none\b",
    "none is": r"\bnone is\b",
    "such as are": r"\bsuch as are\b",
    "the other ones": r"\bthe other ones\b",
    "taken for": r"\btaken for\b",
    "picture": r"\bpictures?\b",
}
"""Words of prose to avoid, by name: say report, show or return for "tell", and image for "picture"."""

FRAGMENT = re.compile(r"(?:Of|Which|Whose|That|Where|How often)\b")
"""Beginnings of a docstring that name nothing and say nothing."""

SUMMARY = 88
"""Longest first line of the docstring of a public module, class or function; for fields ruff's line length holds."""

Prose = tuple[int, str]
"""Line number and text."""


def files() -> list[Path]:
    found: list[Path] = []
    for name in CLEAN:
        path = ROOT / name
        found += [path] if path.is_file() else [each for each in path.rglob("*") if each.suffix in READERS]
    return sorted(found)


def python_docstrings(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether it belongs to a public module, class or function; fields have docstrings too."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        owner = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        public = owner and not getattr(node, "name", "").startswith("_")
        for i, each in enumerate(body):
            if (
                isinstance(each, ast.Expr)
                and isinstance(each.value, ast.Constant)
                and isinstance(each.value.value, str)
            ):
                yield each.lineno, each.value.value, public and i == 0


def python_prose(source: str) -> Iterator[Prose]:
    """Docstrings, comments, and strings of several words."""
    for line, text, _ in python_docstrings(source):
        yield line, re.sub(r"^ *(?:>>>|\.\.\.).*$", "", text, flags=re.M)
    docstrings = {line for line, _, _ in python_docstrings(source)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.lineno not in docstrings:
            yield from [(node.lineno, node.value)] if " " in node.value.strip() else []
    comments: list[Prose] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string.lstrip("# ")))
    yield from paragraphs(comments)


def markdown_prose(source: str) -> Iterator[Prose]:
    """Paragraphs, without blocks of code."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), source, flags=re.M | re.S)
    yield from paragraphs([(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()])


def page_prose(source: str) -> Iterator[Prose]:
    """Comments and texts of HTML."""
    text = re.sub(r"<(?!!--)[^>]*>", " ", source)
    yield from paragraphs([(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()])


def script_prose(source: str) -> Iterator[Prose]:
    """Comments, and strings of several words, of JavaScript and CSS."""
    comment, string = r"(?<!:)//[^\n]*|/\*.*?\*/", r"\"[^\"\n]* [^\"\n]*\"|`[^`]* [^`]*`"
    comments: list[Prose] = []
    for found in re.finditer(f"{comment}|{string}", source, re.S):
        line = source.count("\n", 0, found.start()) + 1
        if found[0].startswith("/"):
            comments.append((line, found[0].strip("/* ")))
        else:
            yield line, re.sub(r"\$\{.*?\}", "", found[0]).strip("`")
    yield from paragraphs(comments)


def paragraphs(lines: list[Prose]) -> Iterator[Prose]:
    """Lines that follow each other, as one text: a phrase may be broken across them."""
    start, last, text = 0, -1, ""
    for number, line in lines:
        if number != last + 1:
            yield start, text
            start, text = number, ""
        text, last = f"{text} {line}", number
    yield start, text


def notebook_prose(source: str) -> Iterator[Prose]:
    """Texts and comments of the cells; the lines are those of the cell."""
    for cell in json.loads(source)["cells"]:
        text = "".join(cell["source"])
        yield from python_prose(text) if cell["cell_type"] == "code" else markdown_prose(text)


READERS = {
    ".ipynb": notebook_prose,
    ".py": python_prose,
    ".md": markdown_prose,
    ".html": page_prose,
    ".js": script_prose,
    ".css": script_prose,
}


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    faults = []
    for line, text in READERS[path.suffix](source):
        words = re.sub(r"\s+", " ", re.sub(r"(`+)[^`]*\1", "", text))
        faults += [
            f"line {line}: {name!r} in {words.strip()!r}" for name, at in FORBIDDEN.items() if re.search(at, words)
        ]
    if path.suffix == ".py":
        for line, text, public in python_docstrings(source):
            first = text.strip().split("\n")[0]
            if FRAGMENT.match(first):
                faults.append(f"line {line}: begins with a fragment: {first!r}")
            if public and len(first) > SUMMARY:
                faults.append(f"line {line}: {len(first)} characters, at most {SUMMARY}: {first!r}")
    assert not faults, "\n".join(faults)


def test_the_rules_find_what_they_forbid() -> None:
    source = '"""Of the mask."""\nx = "this is no mask"  # which is what\n# the page tells\n'
    assert [text.strip() for _, text in python_prose(source) if text] == [
        "Of the mask.",
        "this is no mask",
        "which is what the page tells",
    ]
    hits = [
        name for name, at in FORBIDDEN.items() if re.search(at, "this is not it, is now done and is no longer here")
    ]
    assert hits == []
    assert [name for name, at in FORBIDDEN.items() if re.search(at, "it is no mask, as told")] == [
        "told, tell, tells",
        "is no",
    ]
    assert list(script_prose('a = "x"; // one\nb = "two words";\n')) == [(2, '"two words"'), (0, ""), (1, " one")]


def test_paragraphs_of_the_readme_are_short() -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.M | re.S)
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.splitlines() if not line.startswith(("|", "<!--", "!["))]
        assert len(lines) <= 4, paragraph
        assert all(len(line) <= 120 for line in lines), paragraph
