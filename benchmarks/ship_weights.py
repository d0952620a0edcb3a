"""Make the weights of a training run the bundled ones: half precision, the network's input size, the hash in the card.

    python benchmarks/ship_weights.py RUN --input-size 256

Writes `src/vpuformer/weights/default/` (model.safetensors, config.json; in the card the line that names the hash) and
copies the run's recipe and log to `benchmarks/results/training/`.
"""

import argparse
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from vpuformer.model.checkpoint import describe, load_model, save_checkpoint

ROOT = Path(__file__).parent.parent
DEFAULT = ROOT / "src" / "vpuformer" / "weights" / "default"
TRAINING = Path(__file__).parent / "results" / "training"
PRIVATE = ("data", "split", "output", "backbone_weights", "init")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--input-size", type=int, required=True)
    options = parser.parse_args()

    model = load_model(options.run / "weights")
    model.config = replace(model.config, input_size=options.input_size)
    metadata = describe(options.run / "weights")["metadata"]
    save_checkpoint(model, DEFAULT, metadata=metadata, dtype=torch.float16)

    card = DEFAULT / "README.md"
    if card.exists():
        digest = describe(DEFAULT)["sha256"]
        card.write_text(re.sub(r"(?<=SHA-256: `)[0-9a-f]*(?=`)", digest, card.read_text()))
    TRAINING.mkdir(parents=True, exist_ok=True)
    shutil.copy(options.run / "log.csv", TRAINING / "log.csv")
    recipe = json.loads((options.run / "recipe.json").read_text())
    # Paths of the machine say nothing to others.
    kept = {name: value for name, value in recipe.items() if name not in PRIVATE}
    (TRAINING / "recipe.json").write_text(json.dumps(kept, indent=2) + "\n")
    print(json.dumps(describe(DEFAULT), indent=2, default=str))


if __name__ == "__main__":
    main()
