"""Hooks of MkDocs: pages and files of the repository outside `docs` join the manual.

Links stay as they are where the code is hosted. Here they are rewritten for the site: a link to another page leads to
that page, and a link to any other file of the repository to a copy of it.
"""

import json
import logging
import posixpath
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/README.md": "photographs.md",
    "src/vpuformer/weights/default/README.md": "model-card.md",
}
"""Pages outside `docs`, by their path in the repository, and their path on the site."""

NOTEBOOKS = {
    f"examples/notebooks/{path.name}": f"notebooks/{path.stem}.md"
    for path in sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
}
"""The same of the notebooks."""

COMMANDS = "reference/commands.md"
"""Page of the command line, which is written from the program's help."""

LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]+)")
"""A link to a file: the path of the target, without its anchor."""

FILE_NAME = re.compile(r"(?<!!)\[[\w./-]+\.md\]\(([^)\s#]+\.md)")
"""A link whose text is the name of a page's file."""

OUTSIDE = re.compile(r"<(?:link|script|img|iframe)\b[^>]*?\b(?:href|src)=\"?(https?://[^\s\">]+)")
"""A part of a page that a browser fetches from another site."""

log = logging.getLogger("mkdocs.plugins.manual")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages outside `docs`, the page of the commands, and linked files."""
    from mkdocs.structure.files import File

    for source, target in PAGES.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    for source, target in NOTEBOOKS.items():
        files.append(File.generated(config, target, content=notebook(ROOT / source)))
    files.append(File.generated(config, COMMANDS, content=commands()))
    linked: set[str] = set()
    for file in files.documentation_pages():
        if file.src_uri != COMMANDS:
            linked |= {site_path(path) for path in targets(file.src_uri, file.content_string)}
    for target in sorted(linked - set(files.src_uris)):
        original = ROOT / target.removeprefix("repository/")
        if target.startswith("repository/") and original.is_file():
            files.append(File.generated(config, target, abs_src_path=str(original)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite the links of a page for the site."""
    return relinked(page.file.src_uri, markdown)


def on_post_build(config: Any) -> None:
    """Warn of every part that a browser would fetch from another site."""
    for page in sorted(Path(config.site_dir).rglob("*.html")):
        for address in OUTSIDE.findall(page.read_text(encoding="utf-8")):
            log.warning("%s fetches %s from another site", page.name, address)


def relinked(uri: str, markdown: str) -> str:
    """The text of the page `uri`, with links between pages of the site, by their titles."""

    def named(link: re.Match[str]) -> str:
        title, *_ = (ROOT / resolved(uri, link[1])).read_text(encoding="utf-8").splitlines()
        return f"[{title.lstrip('# ')}]({link[1]}"

    def led(link: re.Match[str]) -> str:
        return posixpath.relpath(site_path(resolved(uri, link[1])), posixpath.dirname(uri))

    return LINK.sub(led, FILE_NAME.sub(named, markdown))


def targets(uri: str, markdown: str) -> list[str]:
    """The targets of a page's links, as paths in the repository."""
    return [resolved(uri, link) for link in LINK.findall(markdown)]


def resolved(uri: str, link: str) -> str:
    """The target of a link of the page `uri`, as a path in the repository."""
    source = next((source for source, target in (PAGES | NOTEBOOKS).items() if target == uri), f"docs/{uri}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def site_path(path: str) -> str:
    """The path on the site of a file of the repository."""
    return (PAGES | NOTEBOOKS).get(path) or (
        path.removeprefix("docs/") if path.startswith("docs/") else f"repository/{path}"
    )


def notebook(path: Path) -> str:
    """The cells of a notebook as a page."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    return "\n\n".join(f"```python\n{text}\n```" if kind == "code" else text for kind, text in texts)


def commands() -> str:
    """The help of all commands, as typer writes it, without its list of shortened sentences."""
    command = [sys.executable, "-m", "typer", "vpuformer.cli", "utils", "docs", "--name", "vpuformer"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return re.sub(
        r"^\*\*Commands\*\*:\n\n(?:\*.*\n)+", "", text.replace("# `vpuformer`", "# Command line", 1), flags=re.M
    )
