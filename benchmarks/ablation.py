"""What the parts of the network are worth, at equal training: the same samples, prompts and number of passes for each.

    python benchmarks/ablation.py --data FOLDER --backbone-weights FILE --runs FOLDER

Trains each network of `NETWORKS` for about 25,000 network passes (one object, one interaction each) on small crops,
validates it on the split's objects, and writes `benchmarks/results/ablation.json`. A run that is there already is not
repeated, one that was interrupted goes on.
"""

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from vpuformer.model.config import VARIANTS
from vpuformer.training.recipe import Recipe
from vpuformer.training.state import NAME

RESULTS = Path(__file__).parent / "results" / "ablation.json"
NETWORKS: dict[str, dict[str, Any]] = {
    "late_add": {},
    "none_add": {"dense_prompts": "none"},
    "late_gate": {"add_tokens": False},
    "none_gate": {"dense_prompts": "none", "add_tokens": False},
    "early_add": {"dense_prompts": "early"},
}
"""By name, what is changed in the variant `default`: where prompts are drawn (late, not at all, early), and whether the
updated image tokens are added to the gated features or not."""

# 782 steps of 16 objects with 2 interactions on average are 25,000 passes.
SETTINGS: dict[str, Any] = {
    "size": 128,
    "steps": 782,
    "warmup": 60,
    "mask_drop": 0.0,
    "validate_every": 782,
    "validate_objects": 250,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of COCO-format folders")
    parser.add_argument("--backbone-weights", required=True, help="pretrained image encoder, in timm's names")
    parser.add_argument("--runs", required=True, type=Path, help="where the runs are kept")
    parser.add_argument("--only", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--collect", action="store_true", help="train nothing, gather what is there")
    options = parser.parse_args()

    for name in options.only:
        if options.collect or name in collected(options.runs)["networks"]:
            continue
        # Training is imported late: gathering needs no torch.
        from vpuformer.training.loop import train

        recipe = Recipe(
            data=options.data,
            output=str(options.runs / name),
            backbone_weights=options.backbone_weights,
            model=replace(VARIANTS["default"], **NETWORKS[name]),
            **SETTINGS,
        )
        train(recipe, resume=(options.runs / name / NAME).exists())
    RESULTS.write_text(json.dumps(collected(options.runs), indent=2) + "\n")
    print(RESULTS.read_text())


def collected(runs: Path) -> dict[str, Any]:
    """Settings and the scores of every run that is finished, here or in the results that are there already."""
    key = "mean IoU on validation objects"
    scores: dict[str, Any] = json.loads(RESULTS.read_text())[key] if RESULTS.exists() else {}
    scores |= {name: row for name in NETWORKS if (row := final_row(runs / name)) is not None}
    return {
        "command": "python benchmarks/ablation.py --data DATA --backbone-weights MOBILENETV2 --runs RUNS",
        "settings": SETTINGS | {"objects per step": 16, "interactions": "1 to 3, uniform", "network passes": 25_000},
        "networks": {name: NETWORKS[name] for name in scores},
        key: scores,
    }


def final_row(run: Path) -> dict[str, float] | None:
    """The validation scores at the last step of a run; None if it has not got there."""
    log = run / "log.csv"
    if not log.is_file():
        return None
    with log.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val_click@1")]
    if not rows or int(rows[-1]["step"]) < SETTINGS["steps"]:
        return None
    return {name.removeprefix("val_"): float(value) for name, value in rows[-1].items() if name.startswith("val_")}


if __name__ == "__main__":
    main()
