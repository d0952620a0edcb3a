"""Plot the times of `latency.json`.

    python benchmarks/plot_latency.py

Needs matplotlib. Writes `docs/images/latency.png`.
"""

import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parent.parent
KINDS = {
    "new image, first prompt": "new image and\nfirst prompt",
    "other object, first prompt": "first prompt on\nanother object",
    "correction": "correction",
}


def main() -> None:
    latency = json.loads((ROOT / "benchmarks/results/latency.json").read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, len(KINDS), figsize=(10, 3.6), sharey=True)
    names = [*latency["answers"]][::-1]
    for axis, (kind, title) in zip(axes, KINDS.items(), strict=True):
        rows = [latency["answers"][name][kind] for name in names]
        medians = [row["median"] for row in rows]
        low, high = ([abs(row["quartiles"][i] - row["median"]) for row in rows] for i in range(2))
        colours = ["C0" if name.startswith("ours") else "0.7" for name in names]
        axis.barh(names, medians, xerr=(low, high), color=colours, error_kw={"linewidth": 0.8})
        axis.set(xscale="log", xlim=(0.004, 60), xlabel="seconds", title=title)
        axis.grid(axis="x", linewidth=0.4)
        axis.set_axisbelow(True)
    figure.tight_layout()
    figure.savefig(ROOT / "docs/images/latency.png", dpi=110)


if __name__ == "__main__":
    main()
