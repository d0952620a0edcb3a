"""Ablation of the method: one short training per row, with the same samples and prompts.

    python benchmarks/ablation.py tokens --data FOLDER --backbone-weights FILE --runs FOLDER
    python benchmarks/ablation.py table4 table5 --size 256 --seeds 0 1 --data FOLDER ...
    python benchmarks/ablation.py contrast --size 256 --precision bf16-mixed --init default --data FOLDER --runs FOLDER

Trains the network of every row of the named tables for about 25,000 network passes (one object, one interaction each),
validates it on the objects of the split, and writes `benchmarks/results/ablation-SIZE.json`. A row that this file holds
is skipped (remove it to repeat it), an interrupted run continues, and rows of several tables that mean the same network
share one run. Every run is a process of its own.

`benchmarks/results/drawn/` holds rows of an earlier design: its network also drew prompts after the image encoder.

With `--init` the rows start from the weights of a model (`WARM`) and go to `ablation-SIZE-warm.json`, so that not every
row has to learn from the beginning.
"""

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from vpuformer.files import write_file
from vpuformer.model.config import VPUFormerConfig
from vpuformer.training.recipe import LossSettings, Precision, Recipe
from vpuformer.training.state import NAME

RESULTS = Path(__file__).parent / "results"

PLAIN: dict[str, Any] = {"null_tokens": 0, "prior": "none", "fine_attention": "none", "mixing": False}
"""Tokens alone, as in the paper: a single prompt gets all attention everywhere."""
ALONE: dict[str, Any] = {"position_embedding": False, "prior": "none", "fine_attention": "none"}
"""The vector of a prompt encoding is all that the network knows of a prompt."""
BASELINE: dict[str, Any] = {"dma": False, "fine_attention": "none", "dense_prompts": "early"}
"""Prompts as maps in the image branch, as in RITM; tokens serve P2CL alone."""

Row = dict[str, Any]
TABLES: dict[str, dict[str, Row]] = {
    "tokens": {
        "plain": PLAIN,
        "null": {**PLAIN, "null_tokens": 4},
        "prior": {"fine_attention": "none", "mixing": False},
        "fine": {"mixing": False},
        "all": {},
        "early": {"dense_prompts": "early"},
    },
    "table4": {
        "distance_map": {**ALONE, "prompt_encoding": "distance-map"},
        "learned_vector": {**ALONE, "prompt_encoding": "learned-vector"},
        "pue": ALONE,
    },
    "table5": {
        "baseline": {**BASELINE, "p2cl_weight": 0.0},
        "dma": {"p2cl_weight": 0.0},
        "p2cl": BASELINE,
        "dma_p2cl": {},
    },
    "table6": {f"lambda_{value:g}": {"p2cl_weight": value} for value in (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)},
    "parts": {
        "mask_early": {"mask_fusion": "early"},
        "gates": {"filtering": True},
        "gates_alone": {"filtering": True, "add_tokens": False},
    },
    "contrast": {
        "sum_object": {},
        "sum_error": {"p2cl_target": "error"},
        "query_object": {"contrast_query": "self-attended"},
        "query_error": {"contrast_query": "self-attended", "p2cl_target": "error"},
        "linear_query_error": {"contrast_query": "self-attended", "linear_query": True, "p2cl_target": "error"},
    },
    "left_open": {
        "sines": {"position_embedding": False},
        "fourier": {"position_embedding": False, "position_code": "fourier"},
        "dice_squared": {"dice": "squared"},
    },
}
"""By table and row, the changes of the variant `default`, or of the loss for the fields in `OF_LOSS`."""

BASE = VPUFormerConfig()

SHIPPED = json.loads((RESULTS / "training" / "recipe.json").read_text())
"""Recipe of the shipped weights; the rows use its weights of the data sets."""

# 782 steps of 16 objects with 2 interactions on average are 25,000 passes.
SETTINGS: dict[str, Any] = {
    "steps": 782,
    "warmup": 60,
    "interaction": {
        "mask_drop": 0.0,
        "warmup_interactions": 0,
        "repeat_without_prompt_prob": 0.0,
        "single_first_click_prob": 0.0,
        "evaluation_prompt_prob": 0.0,
    },
    "validate_every": 782,
    "validate_objects": 250,
}
WARM: dict[str, Any] = {
    "steps": 300,
    "warmup": 50,
    "cooldown": 0.5,
    "lr": 4e-4,
    "backbone_lr": 0.25,
    "ema_decay": 0.99,
    "validate_every": 300,
    "validate_objects": 250,
}
"""Settings of the rows that start from trained weights."""
OF_LOSS = frozenset({"p2cl_weight", "p2cl_target", "dice"})
"""Fields of a row that belong to the loss, not to the network."""


@dataclass(frozen=True)
class Trials:
    """Settings that all rows of one results file share."""

    size: int
    precision: Precision
    init: str | None = None

    @property
    def results(self) -> Path:
        return RESULTS / f"ablation-{self.size}{'' if self.init is None else '-warm'}.json"

    @property
    def recipe(self) -> dict[str, Any]:
        return SETTINGS if self.init is None else WARM

    @property
    def settings(self) -> dict[str, Any]:
        start = {} if self.init is None else {"init": self.init}
        common = {"size": self.size, "precision": self.precision, "objects per step": 16}
        return self.recipe | start | common | {"interactions": "1 to 3, uniform"}

    @property
    def command(self) -> str:
        start = "--backbone-weights MOBILENETV2" if self.init is None else f"--init {self.init}"
        return (
            f"python benchmarks/ablation.py TABLE --size {self.size} --precision {self.precision} {start}"
            " --data DATA --runs RUNS"
        )

    def folder(self, runs: Path, row: Row, seed: int | str) -> Path:
        """Folder of a row's run, which it shares with every row of the same network and recipe."""
        every = {name: each for table in TABLES.values() for name, each in table.items()}
        same = next(name for name, each in every.items() if changes_of(each) == changes_of(row))
        return runs / f"{same}-{self.size}{'' if self.init is None else '-warm'}-{seed}"

    def written(self) -> dict[str, Any]:
        """Results so far, or an empty dictionary."""
        return json.loads(self.results.read_text()) if self.results.exists() else {}

    def holds(self, name: str, seed: int) -> bool:
        """Whether the results have this row with this seed."""
        return str(seed) in self.written().get("rows", {}).get(name, {}).get("seeds", {})

    def write(self, runs: Path, start: Row | None = None) -> None:
        """Add the scores of every finished run to the results.

        Args:
            start: scores of the weights that all rows start from, if measured now.
        """
        former = self.written()
        results = former.get("rows", {})
        start = start or former.get("start")
        for table, rows in TABLES.items():
            for name, changes in rows.items():
                for run in sorted(runs.glob(self.folder(runs, changes, "*").name)):
                    if (finished := scores(run, self.recipe["steps"])) is not None:
                        row = results.setdefault(name, {"table": table, "changes": changes, "seeds": {}})
                        row["seeds"][run.name.rsplit("-", 1)[1]] = finished
        content = {
            "command": self.command,
            "settings": self.settings,
            **({"network passes": 25_000} if self.init is None else {}),
            "measure": "mean IoU on validation objects",
            **({} if start is None else {"start": start}),
            "rows": results,
        }
        write_file(self.results, json.dumps(content, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", choices=TABLES)
    parser.add_argument(
        "--data", required=True, help="folder of COCO-format folders, with split.json in it or next to it"
    )
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("--backbone-weights", help="pretrained image encoder, in timm's names")
    weights.add_argument("--init", help="model to start from")
    parser.add_argument("--runs", required=True, type=Path, help="folder of the runs")
    parser.add_argument("--size", type=int, default=128, help="side of the crops in pixels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="32-true", help="precision of every run of this size"
    )
    parser.add_argument("--only", nargs="*", help="names of the rows to train")
    parser.add_argument("--start", action="store_true", help="first validate the weights of --init")
    parser.add_argument("--collect", action="store_true", help="do not train; collect the results of finished runs")
    parser.add_argument("--here", metavar="SEED", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()

    trials = Trials(options.size, options.precision, options.init)
    if (present := trials.written().get("settings", trials.settings)) != trials.settings:
        parser.error(f"{trials.results.name} holds runs with other settings: {present}")
    if options.start and "start" not in trials.written():
        trials.write(options.runs, start(trials, options.data))
    rows = {name: row for table in options.tables for name, row in TABLES[table].items()}
    rows = {name: row for name, row in rows.items() if options.only is None or name in options.only}
    if options.here is not None:
        [row] = rows.values()
        run(trials, row, options.here, options)
        return
    for seed in options.seeds:
        for name in rows:
            finished = scores(trials.folder(options.runs, rows[name], seed), trials.recipe["steps"]) is not None
            if not options.collect and not finished and not trials.holds(name, seed):
                alone = ["--only", name, "--here", str(seed)]
                subprocess.run([sys.executable, __file__, *sys.argv[1:], *alone], check=True)
            trials.write(options.runs)
    print(trials.results.read_text())


def changes_of(row: Row) -> Row:
    """Values of a row that differ from the defaults."""
    defaults = BASE.to_dict() | asdict(LossSettings())
    return {name: value for name, value in row.items() if value != defaults[name]}


def run(trials: Trials, row: Row, seed: int, options: argparse.Namespace) -> None:
    # Imported late, because collecting results needs no torch.
    from vpuformer.memory import keep_freed_memory
    from vpuformer.training.loop import train

    network = {field: value for field, value in row.items() if field not in OF_LOSS}
    output = trials.folder(options.runs, row, seed)
    recipe = Recipe.from_dict(
        {
            "data": options.data,
            "output": str(output),
            "backbone_weights": options.backbone_weights,
            "init": options.init,
            "model": BASE.to_dict() | network,
            "size": options.size,
            "seed": seed,
            "precision": options.precision,
            "loss": {field: value for field, value in row.items() if field in OF_LOSS},
            **trials.recipe,
            **{name: SHIPPED[name] for name in ("set_weights", "region_sets")},
        }
    )
    keep_freed_memory()
    train(recipe, resume=(output / NAME).exists())


def start(trials: Trials, data: str) -> dict[str, float]:
    """Validation scores of the weights that the rows start from."""
    from vpuformer.model.checkpoint import load_model
    from vpuformer.training.loader import open_data
    from vpuformer.training.validate import validate

    assert trials.init is not None
    recipe = Recipe.from_dict({"data": data, "output": "", "size": trials.size, **trials.recipe})
    return validate(load_model(trials.init), open_data(recipe)[1], trials.size).scores


def scores(run: Path, steps: int) -> dict[str, float] | None:
    """Validation scores after the last step of a run; None if it is unfinished."""
    log = run / "log.csv"
    if not log.is_file():
        return None
    with log.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val_click@1")]
    if not rows or int(rows[-1]["step"]) < steps:
        return None
    return {name.removeprefix("val_"): float(value) for name, value in rows[-1].items() if name.startswith("val_")}


if __name__ == "__main__":
    main()
