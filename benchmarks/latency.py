"""Time and memory from a prompt to its mask: ours and other methods, in turns.

    python benchmarks/latency.py [--install] [--cold]

First, processes that start afresh, in turns: `vpuformer segment`, `vpuformer annotate` to its first mask, and one mask
of each method. Then all methods in this process, in turns of at least a second. A turn encodes the image and answers a
first prompt on one object, a first prompt on another object, and corrections of the first answer. Reports medians and
quartiles, ratios to Segment Anything, and whether each target is reached.

`--install` also measures `pip install` and `make demo` in empty folders, which needs the network; `--cold` also starts
the processes with the files of the packages on the disk, which works only for files that no other program uses. The
results of both are kept from the last run that had them. Writes `benchmarks/results/latency.json`. Run it on an idle
machine; plot_latency.py draws it.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from installing import installations
from methods import HEIGHT, RUNTIMES, WIDTH, methods, photograph
from processes import ROOT, annotate, imports, run

if TYPE_CHECKING:
    from vpuformer.arrays import RGB
    from vpuformer.inference.protocol import Segmenter
    from vpuformer.prompts import Click

RESULTS = ROOT / "benchmarks" / "results" / "latency.json"
SLOW = ("SAM ViT-B", "SAM 2.1-tiny", "SAM-HQ ViT-B")
"""Methods that take seconds for an image; one process of each is enough."""

LEAST_SECONDS = 1.0
"""Length of a method's turn; at least one image is encoded in it."""

CUP = (
    (242, 88, True),
    (305, 250, False),
    (180, 240, True),
    (120, 220, False),
    (250, 235, True),
    (330, 100, False),
)
"""Clicks on the first object, (x, y, positive): the first prompt and five corrections. The handle calls for another
crop, the others do not: 1.2 passes of the network a correction, as simulated users cause (`trust.json`)."""

SPOON = (305, 245, True)
"""The first prompt on the other object."""

FIRST, OTHER, CORRECTION = "new image, first prompt", "other object, first prompt", "correction"

TARGETS = {
    f"{FIRST}, of SAM ViT-B": (1 / 250, 1 / 500),
    f"{FIRST}, of SAM 2.1-tiny": (1 / 65, 1 / 130),
    "correction, of SAM ViT-B's": (0.18, 0.10),
    "first prompt on another object, of SAM ViT-B's": (0.35, 0.15),
    "vpuformer segment, seconds": (1.5, 0.8),
    "vpuformer segment, MiB": (350, 250),
    "pip install, MB": (350, 200),
    "pip install, seconds": (30, 30),
    "make demo, seconds": (40, 25),
}
"""What must be reached, and what is aimed at: each value at most this."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each method")
    parser.add_argument("--starts", type=int, default=7, help="starts of each program")
    parser.add_argument("--methods", nargs="*", metavar="NAME", help="these alone")
    parser.add_argument("--install", action="store_true", help="measure installations too")
    parser.add_argument("--cold", action="store_true", help="measure starts from the disk too")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    options = parser.parse_args()
    kept = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    load = os.getloadavg()[0]
    chosen = {name: make for name, make in methods().items() if options.methods is None or name in options.methods}

    # Before this process has grown: see `processes`.
    with tempfile.TemporaryDirectory() as folder:
        image = write_image(Path(folder))
        starts = started(list(chosen), image, options.starts)
        if options.cold:
            kept["starts from the disk"] = started([], image, options.starts, cold=True)
        imported = imports(segment_command(image))
    if options.install:
        kept["install"] = installations()
    answered = in_turns(chosen, options.rounds)
    from vpuformer.model.manifest import read_manifest

    weights = read_manifest("default").sha256
    if not options.cold and kept.get("weights_sha256") != weights:
        kept.pop("starts from the disk", None)
    content = {
        "command": "python benchmarks/latency.py",
        "weights_sha256": weights,
        "image": f"{WIDTH} x {HEIGHT}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "packages": {name: importlib.metadata.version(name) for name in packages()},
        "load at the start": round(load, 1),
        "runtime by default": default_runtime(),
        "rounds": options.rounds,
        "starts": starts,
        "imports of segment": imported,
        "answers": answered,
        "starts from the disk": kept.get("starts from the disk", {}),
        "install": kept.get("install", {}),
    }
    content["targets"] = targets(content)
    options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content["targets"], indent=2))


def packages() -> list[str]:
    """Distributions whose versions matter, as far as they are installed."""
    wanted = ("numpy", "opencv-python-headless", "onnxruntime", "openvino", "torch", "transformers", "scikit-image")
    installed = {each.metadata["Name"].lower() for each in importlib.metadata.distributions()}
    return [name for name in wanted if name in installed]


def default_runtime() -> str:
    """The name of the method that users get on a CPU."""
    from vpuformer.inference.runtimes import choose_runtime

    return f"ours, {RUNTIMES[choose_runtime('default', 'cpu').runtime]}"


def write_image(folder: Path) -> Path:
    """The photograph as a file, alone in a folder within this one."""
    from PIL import Image

    path = folder / "images" / "photograph.png"
    path.parent.mkdir()
    Image.fromarray(photograph()).save(path)
    return path


def segment_command(image: Path) -> list[str]:
    mask = str(image.parent.parent / "mask.png")
    return ["-m", "vpuformer", "segment", str(image), "--click", f"{CUP[0][0]},{CUP[0][1]}", "-o", mask]


def started(names: Sequence[str], image: Path, repeats: int, *, cold: bool = False) -> dict[str, Any]:
    """Seconds and MiB of new processes, in turns: the commands, and one mask of each method.

    Args:
        names: the methods.
        image: see `write_image`.
        repeats: starts of each; one of a slow method.
        cold: with the packages on the disk.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    peak: dict[str, list[float]] = defaultdict(list)
    commands = {"vpuformer segment": segment_command(image)}
    commands |= {name: ["benchmarks/methods.py", name] for name in names}
    for repeat in range(repeats):
        for name, command in commands.items():
            if repeat == 0 or name not in SLOW:
                finished = run(command, cold=cold)
                seconds[name].append(finished.seconds)
                peak[name].append(finished.peak_mib)
        for name, taken in annotate(image.parent, CUP[0][:2], cold=cold).items():
            seconds[name].append(taken)
        for stored in image.parent.glob("vpuformer.sqlite*"):
            stored.unlink()
    return {
        name: {"seconds": spread(taken)} | ({"MiB": spread(peak[name], 1)} if name in peak else {})
        for name, taken in seconds.items()
    }


def in_turns(makers: Mapping[str, Callable[[], "Segmenter"]], rounds: int) -> dict[str, Any]:
    """Seconds of each kind of prompt with each method."""
    image = photograph()
    segmenters = {name: make() for name, make in makers.items()}
    passes = {name: passes_of(segmenter, image) for name, segmenter in segmenters.items()}  # and warms up
    seconds: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in segmenters}
    for number in range(rounds):
        for name, segmenter in segmenters.items():
            begun = time.perf_counter()
            while True:
                for kind, taken in answers(segmenter, image):
                    seconds[name][kind].append(taken)
                if time.perf_counter() - begun >= LEAST_SECONDS:
                    break
            print(f"round {number + 1}, {name}: {time.perf_counter() - begun:.1f} s", flush=True)
    return {
        name: {kind: spread(taken) | passes[name].get(kind, {}) for kind, taken in kinds.items()}
        for name, kinds in seconds.items()
    }


def answers(segmenter: "Segmenter", image: "RGB") -> Iterable[tuple[str, float]]:
    """Prompts on a new image: the kind of each, and its seconds."""
    from vpuformer.inference.protocol import Query

    cup = clicks(CUP)
    begun = time.perf_counter()
    encoded = segmenter.encode(image)
    (answer,) = segmenter.segment([Query(encoded, cup[:1])])
    yield FIRST, time.perf_counter() - begun
    begun = time.perf_counter()
    segmenter.segment([Query(encoded, clicks([SPOON]))])
    yield OTHER, time.perf_counter() - begun
    for number in range(2, len(cup) + 1):
        begun = time.perf_counter()
        (answer,) = segmenter.segment([Query(encoded, cup[:number], answer)])
        yield CORRECTION, time.perf_counter() - begun


def clicks(places: Iterable[tuple[int, int, bool]]) -> list["Click"]:
    from vpuformer.prompts import Click

    return [Click(x, y, positive) for x, y, positive in places]


def passes_of(segmenter: "Segmenter", image: "RGB") -> dict[str, dict[str, float]]:
    """Mean passes of our network for each kind of prompt: image encoder, and the rest."""
    network = getattr(segmenter, "network", None)
    if network is None:
        list(answers(segmenter, image))
        return {}
    counts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with (
        patch.object(network, "encode", wraps=network.encode) as encode,
        patch.object(network, "decode", wraps=network.decode) as decode,
    ):
        seen = 0, 0
        for kind, _ in answers(segmenter, image):
            now = encode.call_count, decode.call_count
            counts[kind].append((now[0] - seen[0], now[1] - seen[1]))
            seen = now
    return {
        kind: {
            name: round(statistics.mean(each), 2)
            for name, each in zip(("encoded", "decoded"), zip(*pairs, strict=True), strict=True)
        }
        for kind, pairs in counts.items()
    }


def spread(values: Sequence[float], digits: int = 5) -> dict[str, Any]:
    """Median, quartiles and number of the values."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {
        "median": round(middle, digits),
        "quartiles": [round(low, digits), round(high, digits)],
        "number": len(values),
    }


def targets(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each target with what was measured, and whether that is enough.

    Targets of what was not measured are left out.
    """
    answered, default = content["answers"], content["runtime by default"]
    measured: dict[str, float] = {}
    for target, kind, rival in (
        (f"{FIRST}, of SAM ViT-B", FIRST, "SAM ViT-B"),
        (f"{FIRST}, of SAM 2.1-tiny", FIRST, "SAM 2.1-tiny"),
        ("correction, of SAM ViT-B's", CORRECTION, "SAM ViT-B"),
        ("first prompt on another object, of SAM ViT-B's", OTHER, "SAM ViT-B"),
    ):
        if default in answered and rival in answered:
            measured[target] = answered[default][kind]["median"] / answered[rival][kind]["median"]
    segment = content["starts"]["vpuformer segment"]
    measured["vpuformer segment, seconds"] = segment["seconds"]["median"]
    measured["vpuformer segment, MiB"] = segment["MiB"]["median"]
    if content["install"]:
        measured["pip install, MB"] = content["install"]["vpuformer"]["MB"]
        measured["pip install, seconds"] = content["install"]["vpuformer"]["seconds"]
        measured["make demo, seconds"] = content["install"]["make demo"]["seconds"]
    return {
        name: {
            "must": round(must, 5),
            "aim": round(aim, 5),
            "measured": round(measured[name], 5),
            "reached": measured[name] <= must,
        }
        for name, (must, aim) in TARGETS.items()
        if name in measured
    }


if __name__ == "__main__":
    main()
