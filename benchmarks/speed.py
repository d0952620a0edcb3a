"""Seconds per prompt, with and without reuse of the image features.

    python benchmarks/speed.py

Measures on a bundled photograph with the bundled weights: encoding the image, a first prompt on its features, a second
prompt on a crop, and the whole network for one prompt. In addition it measures the vectors of 90 clicks alone, and with
a scribble over every pixel. Writes medians of `--repeats` alternating rounds to `benchmarks/results/speed.json`.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.pue import prompt_vectors
from vpuformer.geometry import CANONICAL, Crop, FrameMap
from vpuformer.images import read_image
from vpuformer.inference.predictor import Predictor
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import Box, Click, Prompt, Scribble

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "speed.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()

    predictor = Predictor.from_pretrained("default", device="cpu")
    image = read_image(ROOT / "examples" / "coffee.jpg")
    prompts = [Box(165, 15, 410, 325), Click(290, 100)]
    predictor.set_image(image)
    first = predictor.predict(prompts[:1])

    def everything() -> None:
        predictor.set_image(image)
        predictor.predict(prompts[:1])

    frame = FrameMap.to_canonical(Crop.whole((CANONICAL, CANONICAL)))
    clicks = [Click(41 * i % CANONICAL, 97 * i % CANONICAL) for i in range(90)]
    rows = [[(0, y), (CANONICAL - 1, y)] for y in range(CANONICAL)]
    dense = Scribble([point for i, row in enumerate(rows) for point in (row if i % 2 == 0 else row[::-1])])

    def vectors(prompts: list[Prompt]) -> None:
        prompt_vectors(PromptBatch.collate([prompts], [frame]))

    ways: dict[str, Callable[[], object]] = {
        "set_image": lambda: predictor.set_image(image),
        "first prompt, features kept": lambda: predictor.predict(prompts[:1]),
        "second prompt, same crop": lambda: predictor.predict(prompts, mask=first.probability, crop=first.crop),
        "everything for a prompt": everything,
        "vectors of 90 clicks": lambda: vectors([*clicks]),
        "vectors of 90 clicks and a dense scribble": lambda: vectors([*clicks, dense]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begun)
    medians = {name: round(median(times), 4) for name, times in seconds.items()}
    result = {
        "command": "python benchmarks/speed.py",
        "image": f"{image.shape[1]}x{image.shape[0]}",
        "network input": read_manifest("default").config.input_size,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "median seconds": medians,
        "everything / features kept": round(
            medians["everything for a prompt"] / medians["first prompt, features kept"], 2
        ),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
