"""Throughput of `vpuformer predict`, beside that of its network alone.

    python benchmarks/predict.py --root data/GrabCut

Photographs of GrabCut, each with the box of its object, and with eight boxes. The passes of the network are recorded
once. Then, in turns, all images are predicted and exported (`predict_folder`, without the start of the program), and
the recorded passes are made again by as many threads. CPU seconds are those of all threads: other programs on the
machine change the seconds, and these hardly. Writes the medians to `benchmarks/results/predict.json`.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vpuformer import open_benchmark
from vpuformer.geometry import Crop
from vpuformer.inference.cores import usable_cores
from vpuformer.inference.network import Network
from vpuformer.inference.runtimes import load_network
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.memory import keep_freed_memory
from vpuformer.model.manifest import read_manifest
from vpuformer.prediction.run import predict_folder
from vpuformer.prompts import Box, prompt_to_dict

RESULTS = Path(__file__).parent / "results" / "predict.json"


class Recorder:
    """A network that keeps the calls of its methods."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.calls: list[Callable[[], Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def encode(self, *arguments: Any) -> Any:
        self.calls.append(lambda: self.network.encode(*arguments))
        return self.network.encode(*arguments)

    def decode(self, features: Sequence[Any], *arguments: Any) -> Any:
        self.calls.append(lambda: self.network.decode(features, *arguments))
        return self.network.decode(features, *arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="GrabCut")
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    keep_freed_memory()
    network = load_network("default", "cpu", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(network, given, objects, Path(folder, str(objects))) for objects in (1, 8)]
    content = {
        "command": f"python benchmarks/predict.py --root data/GrabCut --images {given.images}",
        "weights_sha256": read_manifest("default").sha256,
        "runtime": network.runtime,
        "workers": usable_cores(),
        "repeats": given.repeats,
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


def measure(network: Network, given: argparse.Namespace, objects: int, folder: Path) -> dict[str, Any]:
    """Throughput on all images with so many objects each, and of the network alone."""
    boxes = write_images(given, objects, folder)
    recorder = Recorder(network)
    predict(recorder, folder, "recorded")
    taken: dict[str, list[tuple[float, float]]] = {"command": [], "network": []}
    for repeat in range(given.repeats):
        taken["command"].append(seconds(lambda name=str(repeat): predict(network, folder, name)))
        taken["network"].append(seconds(lambda: replay(recorder.calls)))
    medians = {way: [statistics.median(each) for each in zip(*times, strict=True)] for way, times in taken.items()}
    passes = len(recorder.calls)
    return {
        "images": given.images,
        "objects": boxes,
        "passes": passes,
        "passes_per_second": {way: round(passes / wall, 2) for way, (wall, _) in medians.items()},
        "passes_per_cpu_second": {way: round(passes / cpu, 2) for way, (_, cpu) in medians.items()},
        "share_per_core": round(medians["network"][1] / medians["command"][1], 3),
        "objects_per_second": round(boxes / medians["command"][0], 2),
    }


def write_images(given: argparse.Namespace, objects: int, folder: Path) -> int:
    """Write the photographs and their prompts; the number of objects."""
    (folder / "images").mkdir(parents=True)
    rng, lines = np.random.default_rng(0), []
    for number, sample in enumerate(open_benchmark("grabcut", given.root)[: given.images]):
        name = f"{number:03}.jpg"
        Image.fromarray(sample.image()).save(folder / "images" / name, quality=90)
        whole = Crop.around(sample.truth() == 1)
        assert whole is not None
        height, width = sample.truth().shape
        boxes = [Box(*whole.edges)]
        while len(boxes) < objects:
            x, y = rng.uniform(0, width * 0.7), rng.uniform(0, height * 0.7)
            boxes.append(Box(x, y, x + width * rng.uniform(0.1, 0.3), y + height * rng.uniform(0.1, 0.3)))
        lines += [json.dumps({"image": name, "prompts": [prompt_to_dict(box)]}) + "\n" for box in boxes]
    (folder / "prompts.jsonl").write_text("".join(lines))
    return len(lines)


def predict(network: Any, folder: Path, name: str) -> None:
    segmenter = VPUFormerSegmenter(network)
    predict_folder(folder / "images", folder / "prompts.jsonl", folder / name, segmenter, workers=usable_cores())


def replay(calls: Sequence[Callable[[], Any]]) -> None:
    with ThreadPoolExecutor(usable_cores()) as threads:
        for future in [threads.submit(call) for call in calls]:
            future.result()


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and seconds of CPU."""
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - cpu


if __name__ == "__main__":
    main()
