"""Time of a prompt by its parts: the network, and what is around it.

    python benchmarks/parts.py [--before FOLDER]

Answers a first prompt on a new image, and a correction, with the bundled weights on the CPU, at 500 x 350 pixels and at
24 megapixels. Python's profiler counts the time of every function of the package that the segmenter calls; its own time
goes into "the rest". Reports the means of several prompts, and of these the medians of several processes. `--before` is
another checkout of this repository, which is measured in turns with this one. Writes `benchmarks/results/parts.json`.
"""

import argparse
import cProfile
import json
import os
import platform
import pstats
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpuformer.inference.segment import VPUFormerSegmenter

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "parts.json"
SIZES = {"500 x 350": (500, 350), "24 megapixels": (6000, 4000)}
CLICKS = ((0.484, 0.25, True), (0.61, 0.71, False))
"""Clicks (x, y, positive) in shares of width and height: on the cup, and on the spoon beside it."""

REPEATS = {"500 x 350": 20, "24 megapixels": 3}

Milliseconds = dict[str, dict[str, dict[str, float]]]
"""Milliseconds by size, kind of prompt and part."""

LEAST_MS = 0.3
"""Smaller parts go into "the rest"."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="another checkout to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each checkout")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measured()))
        return
    checkouts = {"now": ROOT} if options.before is None else {"before": options.before.resolve(), "now": ROOT}
    runs: dict[str, list[Milliseconds]] = {name: [] for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
            command = [sys.executable, __file__, "--here"]
            finished = subprocess.run(command, check=True, capture_output=True, env=environment)
            runs[name].append(json.loads(finished.stdout))
    from vpuformer.model.manifest import read_manifest

    content = {
        "command": "python benchmarks/parts.py",
        "weights_sha256": read_manifest("default").sha256,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "milliseconds": {name: medians(each) for name, each in runs.items()},
    }
    options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2))


def medians(runs: Sequence[Milliseconds]) -> Milliseconds:
    """The median of each number; a part that some run lacks is 0 in it."""
    found: Milliseconds = {}
    for size, kinds in runs[0].items():
        for kind in kinds:
            names = dict.fromkeys(name for run in runs for name in run[size][kind])
            found.setdefault(size, {})[kind] = {
                name: round(statistics.median(run[size][kind].get(name, 0.0) for run in runs), 2) for name in names
            }
    return found


def measured() -> Milliseconds:
    """Milliseconds with the package that is imported."""
    import cv2

    from vpuformer.images import read_image
    from vpuformer.inference.protocol import Query
    from vpuformer.inference.segment import VPUFormerSegmenter
    from vpuformer.prompts import Click

    segmenter = VPUFormerSegmenter.from_pretrained("default", "cpu")
    watch_network(segmenter)
    photograph = read_image(ROOT / "examples" / "coffee.jpg")
    found: Milliseconds = {}
    for title, (width, height) in SIZES.items():
        image: Any = cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA)
        clicks = [Click(x * width, y * height, positive) for x, y, positive in CLICKS]
        (answer,) = segmenter.segment([Query(segmenter.encode(image), clicks[:1])])

        def first(image: Any = image, clicks: Any = clicks) -> None:
            segmenter.segment([Query(segmenter.encode(image), clicks[:1])])

        encoded = segmenter.encode(image)
        query = Query(encoded, clicks, answer)
        segmenter.segment([query])

        def correction(query: Any = query) -> None:
            segmenter.segment([query])

        found[title] = {
            "first prompt": profiled(first, REPEATS[title]),
            "correction": profiled(correction, REPEATS[title]),
        }
    return found


def watch_network(segmenter: "VPUFormerSegmenter") -> None:
    """Put functions of this file before the network, so that the profiler sees two names."""
    network: Any = segmenter.network

    def encode(*inputs: Any, of: Callable[..., Any] = network.encode) -> Any:
        return of(*inputs)

    def decode(*inputs: Any, of: Callable[..., Any] = network.decode) -> Any:
        return of(*inputs)

    network.encode, network.decode = encode, decode


def profiled(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """Mean milliseconds of the parts of this work, the largest first."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(repeats):
        work()
    profiler.disable()
    stats = pstats.Stats(profiler)
    parts: dict[str, float] = defaultdict(float)
    for (file, _, function), (_, _, _, _, callers) in stats.stats.items():
        module = Path(file).stem
        if module != "segment" and (file == __file__ or "vpuformer" in Path(file).parts):
            name = f"network, {function}" if file == __file__ else f"{module}.{function}"
            parts[name] += sum(each[3] for (caller, _, _), each in callers.items() if Path(caller).stem == "segment")
    shown = {name: 1000 * seconds / repeats for name, seconds in parts.items() if 1000 * seconds / repeats >= LEAST_MS}
    whole = 1000 * stats.total_tt / repeats
    shown["the rest"] = whole - sum(shown.values())
    ordered = sorted(shown.items(), key=lambda item: -item[1])
    return {name: round(milliseconds, 2) for name, milliseconds in ordered} | {"everything": round(whole, 2)}


if __name__ == "__main__":
    main()
