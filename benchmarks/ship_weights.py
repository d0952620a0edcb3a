"""Bundle a training run's weights: half precision, input size, graphs, hash in the card.

    python benchmarks/ship_weights.py RUN --input-size 256 [--continues] [--average] [--set filtering=false]

Writes `src/vpuformer/weights/default/` (weights, configuration, graphs, and the hash in the card), and copies the run's
recipe and log to `benchmarks/results/training/`. With `--continues`, for a run that started from the bundled weights,
its steps, samples and log are added to theirs. With `--average`, the mean of both weights is bundled. `--set` changes
fields of the network; what a part without trained values starts with stays.
"""

import argparse
import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vpuformer.export.writing import export_graphs
from vpuformer.model.checkpoint import load_model, save_checkpoint
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.manifest import describe
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.training.config_io import assign

ROOT = Path(__file__).parent.parent
DEFAULT = ROOT / "src" / "vpuformer" / "weights" / "default"
TRAINING = Path(__file__).parent / "results" / "training"
PRIVATE = ("data", "split", "output", "backbone_weights", "init")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--input-size", type=int, required=True)
    parser.add_argument(
        "--continues", action="store_true", help="the run started from the weights that are bundled now"
    )
    parser.add_argument("--average", action="store_true", help="bundle the mean of these weights and the bundled ones")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="fields of the network to change")
    options = parser.parse_args()

    model = load_model(options.run / "weights")
    trained = model.state_dict()
    if options.average:
        trained = mean(trained, load_model("default").state_dict())
    config = VPUFormerConfig.from_dict(assign(VPUFormerConfig, model.config.to_dict(), options.set))
    model = VPUFormer(replace(config, input_size=options.input_size)).eval()
    model.load_state_dict(model.state_dict() | trained)
    metadata = describe(options.run / "weights")["metadata"]
    rows = read_log(options.run / "log.csv")
    if options.continues:
        before = describe(DEFAULT)["metadata"]
        done = int(before["steps"])
        rows = read_log(TRAINING / "log.csv") + [{**row, "step": str(int(row["step"]) + done)} for row in rows]
        metadata = {name: str(int(before[name]) + int(value)) for name, value in metadata.items()}
    save_checkpoint(model, DEFAULT, metadata=metadata, dtype=torch.float16)
    export_graphs(DEFAULT)

    card = DEFAULT / "README.md"
    if card.exists():
        digest = describe(DEFAULT)["sha256"]
        card.write_text(re.sub(r"(?<=SHA-256: `)[0-9a-f]*(?=`)", digest, card.read_text()))
    TRAINING.mkdir(parents=True, exist_ok=True)
    write_log(TRAINING / "log.csv", rows)
    recipe = json.loads((options.run / "recipe.json").read_text())
    # Paths of one machine mean nothing elsewhere.
    public = {name: value for name, value in recipe.items() if name not in PRIVATE}
    (TRAINING / "recipe.json").write_text(json.dumps(public, indent=2) + "\n")
    print(json.dumps(describe(DEFAULT), indent=2, default=str))


def mean(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of each tensor of two networks of the same shape."""
    return {key: ((value.double() + other[key]) / 2).to(value.dtype) for key, value in one.items()}


def read_log(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_log(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file, dict.fromkeys(name for row in rows for name in row), restval="", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
