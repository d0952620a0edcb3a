"""What the parts of the method are worth, at equal training: the same samples, prompts and number of passes for each.

    python benchmarks/ablation.py dense --data FOLDER --backbone-weights FILE --runs FOLDER
    python benchmarks/ablation.py table4 table5 dense --size 256 --seeds 0 1 --data FOLDER ...

Trains the network of every row of the tables named for about 25,000 network passes (one object, one interaction each),
validates it on the split's objects, and writes `benchmarks/results/ablation-SIZE.json`. What that file holds is not
trained again (take it out to repeat it), a run that was interrupted goes on, and rows of several tables that mean the
same network share one. Every run is a process of its own.
"""

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from vpuformer.atomic import replacing
from vpuformer.model.config import VPUFormerConfig
from vpuformer.training.recipe import Precision, Recipe
from vpuformer.training.state import NAME

RESULTS = Path(__file__).parent / "results"

ALONE: dict[str, Any] = {"dense_prompts": "none", "place_code": False}
"""No other way for a prompt to the mask than its token."""
DRAWN: dict[str, Any] = {"dma": False, "dense_prompts": "early"}
"""Prompts as maps in the image branch, as RITM has them; tokens, if any, serve P2CL alone."""

Row = dict[str, Any]
TABLES: dict[str, dict[str, Row]] = {
    "dense": {
        "late_add": {},
        "none_add": {"dense_prompts": "none"},
        "late_gate": {"add_tokens": False},
        "none_gate": {"dense_prompts": "none", "add_tokens": False},
        "middle_add": {"dense_prompts": "middle"},
        "early_add": {"dense_prompts": "early"},
    },
    "table4": {
        "distance_map": {**ALONE, "prompt_encoding": "distance-map"},
        "learned_vector": {**ALONE, "prompt_encoding": "learned-vector"},
        "pue": ALONE,
    },
    "table5": {
        "baseline": {**DRAWN, "p2cl": 0.0},
        "dma": {"p2cl": 0.0},
        "p2cl": DRAWN,
        "dma_p2cl": {},
    },
    "table6": {f"lambda_{value:g}": {"p2cl": value} for value in (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)},
    "parts": {
        "mask_early": {"mask_fusion": "early"},
        "no_gate": {"gate": False},
        "fixed_boxes": {"formula": "fixed-boxes"},
        "literal_scribbles": {"formula": "literal-scribbles"},
    },
    "contrast": {
        "sum_object": {},
        "sum_error": {"p2cl_target": "error"},
        "query_object": {"contrast_query": "self-attended"},
        "query_error": {"contrast_query": "self-attended", "p2cl_target": "error"},
        "linear_query_error": {"contrast_query": "self-attended", "linear_query": True, "p2cl_target": "error"},
    },
    "left_open": {
        "sines": {"place_code": False},
        "fourier": {"place_code": False, "position_code": "fourier"},
        "dice_squared": {"dice": "squared"},
    },
}
"""By table and row, what is changed in `BASE`, or (`OF_RECIPE`) in the recipe."""

BASE = VPUFormerConfig()
"""The variant `default`, with the prompts drawn after the image encoder: what it was when the rows were defined."""

# 782 steps of 16 objects with 2 interactions on average are 25,000 passes.
SHIPPED = json.loads((RESULTS / "training" / "recipe.json").read_text())
"""The recipe of the shipped weights; its sets are drawn as often here."""

SETTINGS: dict[str, Any] = {
    "steps": 782,
    "warmup": 60,
    "mask_drop": 0.0,
    "earlier": 0,
    "second_look": 0.0,
    "lone_click": 0.0,
    "exact": 0.0,
    "validate_every": 782,
    "validate_objects": 250,
}
OF_RECIPE = frozenset({"p2cl", "p2cl_target", "dice"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", choices=TABLES)
    parser.add_argument("--data", required=True, help="folder of COCO-format folders")
    parser.add_argument("--backbone-weights", required=True, help="pretrained image encoder, in timm's names")
    parser.add_argument("--runs", required=True, type=Path, help="where the runs are kept")
    parser.add_argument("--size", type=int, default=128, help="side of the crops in pixels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--precision", choices=get_args(Precision), default="32-true", help="of every run of this size")
    parser.add_argument("--only", nargs="*", help="these rows alone")
    parser.add_argument("--collect", action="store_true", help="train nothing, gather what is there")
    parser.add_argument("--here", metavar="SEED", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()

    here = settings(options.size, options.precision)
    if (there := written(options.size).get("settings", here)) != here:
        parser.error(f"{path(options.size).name} holds runs with other settings: {there}")
    rows = {name: row for table in options.tables for name, row in TABLES[table].items()}
    rows = {name: row for name, row in rows.items() if options.only is None or name in options.only}
    if options.here is not None:
        [row] = rows.values()
        run(row, options.here, options)
        return
    for seed in options.seeds:
        for name in rows:
            finished = scores(folder(options.runs, rows[name], options.size, seed)) is not None
            if not options.collect and not finished and not holds(options.size, name, seed):
                alone = ["--only", name, "--here", str(seed)]
                subprocess.run([sys.executable, __file__, *sys.argv[1:], *alone], check=True)
            write(options.runs, options.size, options.precision)
    print(path(options.size).read_text())


def folder(runs: Path, row: Row, size: int, seed: int | str) -> Path:
    """Of the run of a row: that of the first row, in any table, that means the same network and recipe."""
    every = {name: each for table in TABLES.values() for name, each in table.items()}
    same = next(name for name, each in every.items() if left(each) == left(row))
    return runs / f"{same}-{size}-{seed}"


def left(row: Row) -> Row:
    """What of a row is no default."""
    usual = Recipe(data="", output="").p2cl
    return {name: value for name, value in row.items() if (name, value) != ("p2cl", usual)}


def run(row: Row, seed: int, options: argparse.Namespace) -> None:
    # Imported late: gathering needs no torch.
    from vpuformer.memory import keep_freed_memory
    from vpuformer.training.loop import train

    network = {field: value for field, value in row.items() if field not in OF_RECIPE}
    output = folder(options.runs, row, options.size, seed)
    recipe = Recipe(
        data=options.data,
        output=str(output),
        backbone_weights=options.backbone_weights,
        model=replace(BASE, **network),
        size=options.size,
        seed=seed,
        precision=options.precision,
        **SETTINGS,
        **{name: SHIPPED[name] for name in ("set_weights", "region_sets")},
        **{field: value for field, value in row.items() if field in OF_RECIPE},
    )
    keep_freed_memory()
    train(recipe, resume=(output / NAME).exists())


def path(size: int) -> Path:
    return RESULTS / f"ablation-{size}.json"


def settings(size: int, precision: str) -> dict[str, Any]:
    return SETTINGS | {"size": size, "precision": precision, "objects per step": 16, "interactions": "1 to 3, uniform"}


def written(size: int) -> dict[str, Any]:
    """The results so far; empty if there are none."""
    file = path(size)
    return json.loads(file.read_text()) if file.exists() else {}


def holds(size: int, name: str, seed: int) -> bool:
    """Whether the results have this row with this seed."""
    return str(seed) in written(size).get("rows", {}).get(name, {}).get("seeds", {})


def write(runs: Path, size: int, precision: str) -> None:
    """Put the scores of every run that is finished into the results, beside what is there already."""
    results = written(size).get("rows", {})
    for table, rows in TABLES.items():
        for name, changes in rows.items():
            for path_of_run in sorted(runs.glob(folder(runs, changes, size, "*").name)):
                if (found := scores(path_of_run)) is not None:
                    row = results.setdefault(name, {"table": table, "changes": changes, "seeds": {}})
                    row["seeds"][path_of_run.name.rsplit("-", 1)[1]] = found
    content = {
        "command": f"python benchmarks/ablation.py TABLE --size {size} --precision {precision} --data DATA"
        " --backbone-weights MOBILENETV2 --runs RUNS",
        "settings": settings(size, precision),
        "network passes": 25_000,
        "measure": "mean IoU on validation objects",
        "rows": results,
    }
    with replacing(path(size)) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def scores(run: Path) -> dict[str, float] | None:
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
