"""Steps per second of training with the loader, compared with batches kept in memory.

    python benchmarks/loader.py --data FOLDER [--recipe default] [--set NAME=VALUE ...]

The two alternate in blocks on one network, so that other load on the machine affects both. The first steps of a block
are not counted, because batches were read ahead in the meantime. The target is a ratio of the medians of at least 0.85.
Writes `benchmarks/results/loader.json`.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from vpuformer.training.config_io import assign
from vpuformer.training.distributed import Processes
from vpuformer.training.loader import StepLoader, open_data
from vpuformer.training.loop import _Run
from vpuformer.training.recipe import Recipe
from vpuformer.training.recipes import recipe_named

RESULTS = Path(__file__).parent / "results" / "loader.json"
WANTED = 0.85
UNCOUNTED = 6
"""First steps of a block that are not counted; more than a worker reads ahead."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, action="append", help="as for vpuformer train")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="counted steps of a block")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        named = recipe_named(options.recipe, tuple(options.data), folder)
        recipe = Recipe.from_dict(assign(Recipe, named.to_dict(), options.set))
        rates = measure(recipe, options.blocks, options.steps)
    medians = {name: round(median(values), 3) for name, values in rates.items()}
    ratio = medians["loader"] / medians["kept"]
    result = {
        "command": f"python benchmarks/loader.py --data DATA --recipe {options.recipe}",
        "settings": options.set,
        "images": recipe.images_per_step,
        "objects": recipe.objects_per_image,
        "size": recipe.size,
        "workers": recipe.workers,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads of torch"
        f" {torch.__version__}",
        "load of the machine": round(os.getloadavg()[0], 1),
        "steps a second": medians,
        "loader / kept": round(ratio, 3),
        "wanted": WANTED,
        "reached": ratio >= WANTED,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def measure(recipe: Recipe, blocks: int, steps: int) -> dict[str, list[float]]:
    """Steps per second of every block, with the loader and with kept batches."""
    data, _ = open_data(recipe)
    run = _Run(recipe, Processes(recipe), 0)
    run.set_up({})
    loader = StepLoader(recipe, data, 0, 0, 1)
    kept = [loader.next_step() for _ in range(UNCOUNTED)]
    rates: dict[str, list[float]] = {"kept": [], "loader": []}
    for block in range(blocks):
        for name in rates:
            # Both use the same step numbers, which determine the number of interactions.
            run.done = block * (UNCOUNTED + steps)
            begun = time.perf_counter()
            for i in range(UNCOUNTED + steps):
                if i == UNCOUNTED:
                    begun = time.perf_counter()
                run.step(kept[i % UNCOUNTED] if name == "kept" else loader.next_step())
            rates[name].append(steps / (time.perf_counter() - begun))
    loader.close()
    return rates


if __name__ == "__main__":
    main()
