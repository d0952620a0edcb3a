"""Findings of axe-core, which checks the accessibility of a page."""

import os
from pathlib import Path
from typing import Any

from support.browser import Person

FILE = Path(__file__).parents[2] / "page/node_modules/axe-core/axe.min.js"
"""Installed by `make page`."""


def wanted() -> bool:
    """Whether checks with axe-core must run. Without it, CI fails."""
    return FILE.exists() or os.environ.get("CI") == "true"


def faults(person: Person) -> list[str]:
    """Serious and critical findings of axe-core, which `start` has loaded."""
    found: list[dict[str, Any]] = person.page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
    )
    return [
        f"{each['id']}: {each['help']}, {[node['html'][:150] for node in each['nodes']]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def start(person: Person) -> None:
    """Load axe-core into the page that is open."""
    person.page.evaluate(FILE.read_text())
