"""Plot the loss and the validation IoU of a training run, with scores of shipped weights.

    python benchmarks/plot_curve.py benchmarks/results/training/log.csv docs/images/curve.png

Needs matplotlib.
"""

import csv
import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

STAGES = Path("benchmarks/results/validation/stages.json")
"""Scores of shipped weights by `stages.py`: clicks, all validation objects, zoomed in."""
SHOWN = ("click@1", "box@1", "scribble@1", "click@3", "mixed@3")


def main(log: Path, image: Path) -> None:
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    steps, loss = curve(rows, "loss")
    width = max(1, len(loss) // 40)
    left.plot(steps, loss, color="0.8")
    left.plot(steps[width - 1 :], np.convolve(loss, np.ones(width) / width, "valid"), color="C0")
    left.set(xlabel="step", ylabel="training loss")
    for name in SHOWN:
        right.plot(*curve(rows, f"val_{name}"), marker=".", label=name)
    if STAGES.exists():
        stages = list(json.loads(STAGES.read_text())["stages"].values())
        for name in ("IoU@1", "IoU@3", "IoU@5"):
            # A step has sixteen samples in all of these runs.
            steps = [stage["samples"] // 16 for stage in stages]
            right.plot(steps, [stage[name] for stage in stages], "k--", marker="x", linewidth=0.8)
            right.annotate(
                f"shipped, {name}", (steps[0], stages[0][name]), (0, 4), textcoords="offset points", fontsize=8
            )
    right.set(xlabel="step", ylabel="validation IoU")
    right.legend()
    figure.tight_layout()
    figure.savefig(image, dpi=110)


def curve(rows: list[dict[str, str]], name: str) -> tuple[list[int], list[float]]:
    chosen = [row for row in rows if row.get(name)]
    return [int(row["step"]) for row in chosen], [float(row[name]) for row in chosen]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
