"""Mean paired difference of IoU between other weights and the bundled ones, on validation.

    python benchmarks/paired.py lite2-longer

Compares `benchmarks/results/experiments/NAME-KINDS` with `benchmarks/results/validation/default-KINDS` on the natural
objects of both, and writes `benchmarks/results/experiments/NAME.json` with the standard errors and the hashes of both
weights. A difference below two standard errors is not significant.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from validation_objects import NATURAL, VALIDATION, validation_group

from vpuformer.evaluation.records import read_records
from vpuformer.files import write_file
from vpuformer.metrics import iou_at

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="name of the runs in benchmarks/results/experiments")
    name = parser.parse_args().name
    rows = {
        title: compared(name, kinds, k) for title, (kinds, k) in VALIDATION.items() if longest(f"{name}-{kinds}") >= k
    }
    content = {
        "command": f"python benchmarks/paired.py {name}",
        "measure": "mean IoU, and that of the pairs",
        "weights_sha256": {
            "bundled": weights("validation/default-click"),
            "other": weights(f"experiments/{name}-click"),
        },
        "rows": rows,
    }
    write_file(RESULTS / "experiments" / f"{name}.json", json.dumps(content, indent=2) + "\n")
    print(json.dumps(rows, indent=2))


def longest(run: str) -> int:
    """The most prompts that an experiment gave an object; 0 if it was not run."""
    path = RESULTS / "experiments" / run / "records.jsonl.gz"
    return read_records(path)[0].max_interactions if path.exists() else 0


def weights(folder: str) -> str:
    """Hash of the weights that a run was made with."""
    return read_records(RESULTS / folder / "records.jsonl.gz")[0].weights_sha256


def compared(name: str, kinds: str, k: int) -> dict[str, float]:
    """Both means after k prompts, their difference, and its standard error."""
    bundled = scores(f"validation/default-{kinds}", k)
    other = scores(f"experiments/{name}-{kinds}", k)
    pairs = np.array([(bundled[each], other[each]) for each in other if each in bundled])
    change = pairs[:, 1] - pairs[:, 0]
    return {
        "objects": len(pairs),
        "bundled": round(float(pairs[:, 0].mean()), 4),
        "other": round(float(pairs[:, 1].mean()), 4),
        "difference": round(float(change.mean()), 4),
        "standard error": round(float(change.std(ddof=1)) / len(pairs) ** 0.5, 4),
    }


def scores(folder: str, k: int) -> dict[str, float]:
    """IoU of each natural object after k prompts."""
    _, objects = read_records(RESULTS / folder / "records.jsonl.gz")
    return {each.name: iou_at(each.ious, k) for each in objects if validation_group(each.name) == NATURAL}


if __name__ == "__main__":
    main()
