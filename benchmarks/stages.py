"""Scores of every generation of the bundled weights on validation, over the samples seen.

    python benchmarks/stages.py

Reads the records in the history of the repository and in the working tree, and writes
`benchmarks/results/validation/stages.json`. Each generation was measured with the code of its time, including its
zoom-in. Data sets that joined the validation split later are left out, so that all rows have the same objects.
"""

import csv
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from validation_objects import first_objects

SUMMARY = "benchmarks/results/validation/default-click/summary.json"
CONFIG = "src/vpuformer/weights/default/config.json"
RECORDS = "benchmarks/results/validation/default-click/records.jsonl.gz"
LOG = Path("benchmarks/results/training/log.csv")
RESULTS = Path("benchmarks/results/validation/stages.json")
MEASURES = ("IoU@1", "IoU@3", "IoU@5", "BIoU@5")


def main() -> None:
    commits = git("log", "--reverse", "--format=%H", "--", SUMMARY).split()
    generations = [(summary_at(each), json.loads(git("show", f"{each}:{CONFIG}"))) for each in commits]
    generations.append((first_objects(Path(SUMMARY)), json.loads(Path(CONFIG).read_text())))
    stages: dict[str, dict[str, Any]] = {}
    for summary, config in generations:
        if summary["weights_sha256"] == config["sha256"]:
            scores = {name: summary[name] for name in MEASURES if name in summary}
            samples = int(config["metadata"]["samples"])
            stages[config["sha256"]] = {"samples": samples, "objects": summary["objects"], **scores}
    content = {"command": "python benchmarks/stages.py", "hours": round(hours(), 1), "stages": stages}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(stages, indent=2))


def summary_at(commit: str) -> dict[str, Any]:
    """Summary of the clicks at a commit, for the first objects."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (SUMMARY, RECORDS):
            shown = subprocess.run(["git", "show", f"{commit}:{path}"], check=True, capture_output=True).stdout
            Path(folder, Path(path).name).write_bytes(shown)
        return first_objects(Path(folder, Path(SUMMARY).name))


def hours() -> float:
    """Hours of all training so far, from its log; a step has eight images."""
    with LOG.open(newline="") as file:
        rows = [(int(row["step"]), float(row["images/s"])) for row in csv.DictReader(file) if row["images/s"]]
    starts = [0, *(step for step, _ in rows)]
    return sum((step - start) * 8 / rate for (step, rate), start in zip(rows, starts, strict=False)) / 3600


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
