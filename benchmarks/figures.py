"""Write the figures of `benchmarks/results/` into the pages that quote them, between their markers.

python benchmarks/figures.py
"""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
PAGES = ("README.md", "docs/network.md", "src/vpuformer/weights/default/README.md")

RUNS = {
    "default-click": "ours, clicks",
    "opencv-grabcut-click": "OpenCV GrabCut, clicks",
    "default-box-first": "ours, a box first",
    "default-scribble-first": "ours, a scribble first",
}
MEASURES = ("NoC@85", "NoC@90", "NoF@90", "IoU@1", "IoU@3", "IoU@5")


def main() -> None:
    blocks = {"figures": grabcut(), "ablation": ablation()}
    for name in PAGES:
        page = ROOT / name
        text = page.read_text(encoding="utf-8")
        for marker, block in blocks.items():
            between = rf"(?<=<!-- {marker} -->\n).*?(?=<!-- /{marker} -->)"
            text = re.sub(between, lambda _: f"\n{block}\n\n", text, flags=re.DOTALL)  # noqa: B023
        page.write_text(text, encoding="utf-8")


def grabcut() -> str:
    """The 50 pictures of GrabCut: a row for every run that is there, the command of each below."""
    lines = ["| GrabCut, 50 pictures | " + " | ".join(MEASURES) + " |", "|---|" + "--:|" * len(MEASURES)]
    commands = []
    for run, title in RUNS.items():
        path = RESULTS / "grabcut" / run / "summary.json"
        if path.exists():
            summary = json.loads(path.read_text())
            lines.append(f"| {title} | " + " | ".join(cell(summary, measure) for measure in MEASURES) + " |")
            commands.append(summary["command"])
    return "\n".join([*lines, "", "```bash", *commands, "```"])


def cell(summary: dict[str, Any], measure: str) -> str:
    # How many prompts it takes is no question to a run that was given fewer than twenty.
    if measure not in summary or (measure.startswith("No") and summary["max_interactions"] < 20):
        return "-"
    value = f"{summary[measure]:.3g}"
    interval = summary["intervals"].get(measure)
    return value if interval is None else f"{value} ({interval[0]:.3g} to {interval[1]:.3g})"


def ablation() -> str:
    path = RESULTS / "ablation.json"
    if not path.exists():
        return "Not measured yet."
    result = json.loads(path.read_text())
    scores: dict[str, dict[str, float]] = result["mean IoU on validation objects"]
    names = list(next(iter(scores.values())))
    lines = ["| changed in `default` | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    for run, row in scores.items():
        changes = ", ".join(f"`{field}={value}`" for field, value in result["networks"][run].items()) or "nothing"
        lines.append(f"| {changes} | " + " | ".join(f"{row[name]:.3f}" for name in names) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
