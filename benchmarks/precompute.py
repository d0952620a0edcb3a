"""Time that stored features save when an image is opened, and what they cost.

    python benchmarks/precompute.py

Encodes a photograph and an enlarged copy of 24 megapixels, without a store, with one that lacks the image, and with one
that holds it, in turns; writes the medians to `benchmarks/results/precompute.json`. The files of the store are in the
memory of the system. ViT-B has random weights.
"""

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from vpuformer.images import read_image
from vpuformer.inference.feature_store import FeatureStore
from vpuformer.inference.network import Network
from vpuformer.inference.runtimes import load_network
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "precompute.json"
PHOTO = ROOT / "examples" / "coffee.jpg"
LARGE = (6000, 4000)
REPEATS = 9


def main() -> None:
    vit = VPUFormer(VPUFormerConfig(backbone="vit_b", dense_prompts="late")).eval()
    networks: dict[str, Network] = {
        "bundled weights": load_network("default", "cpu"),
        "ViT-B": TorchNetwork(vit),
    }
    with tempfile.TemporaryDirectory() as folder:
        photos = [PHOTO, Path(folder) / "large.jpg"]
        Image.open(PHOTO).resize(LARGE, Image.Resampling.BICUBIC).save(photos[1], quality=90)
        rows = [
            measured(name, network, photo, Path(folder) / "store")
            for name, network in networks.items()
            for photo in photos
        ]
    content = {"command": "python benchmarks/precompute.py", "repeats": REPEATS, "rows": rows}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


def measured(name: str, network: Network, photo: Path, folder: Path) -> dict[str, Any]:
    store = FeatureStore(folder)
    without, stored = VPUFormerSegmenter(network), VPUFormerSegmenter(network, sha256="0", features=store)
    image = read_image(photo)
    ways: dict[str, Callable[[], object]] = {
        "read_file": lambda: read_image(photo),
        "compute": lambda: without.encode(image),
        "compute_and_write": lambda: stored.encode(image),
        "read_features": lambda: stored.encode(image),  # which the line above has written
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    size = 0
    for _ in range(1 + REPEATS):
        for way, work in ways.items():
            begun = time.perf_counter()
            work()
            seconds[way].append(time.perf_counter() - begun)
        size = store.nbytes
        shutil.rmtree(folder)
    return {
        "network": name,
        "runtime": network.runtime,
        "input_size": network.input_size,
        "width": image.shape[1],
        "height": image.shape[0],
        "bytes": size,
        "median_ms": {way: round(1000 * statistics.median(taken[1:]), 1) for way, taken in seconds.items()},
    }


if __name__ == "__main__":
    main()
