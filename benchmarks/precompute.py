"""Time that stored features save, and what they cost.

    python benchmarks/precompute.py

Measures the image encoder of the bundled weights, and ViT-B with random weights; storing features and reading them
back, from the memory of the system; and what every image costs in any case: reading and resizing a photograph, and an
enlarged copy of 24 megapixels. All of it in turns. Writes the medians to `benchmarks/results/precompute.json`.
"""

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vpuformer.images import read_image
from vpuformer.inference.feature_store import FeatureStore, feature_key
from vpuformer.inference.network import Network
from vpuformer.inference.resample import stretch
from vpuformer.inference.runtimes import load_network
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.manifest import read_manifest
from vpuformer.model.vpuformer import VPUFormer

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "precompute.json"
PHOTO = ROOT / "examples" / "coffee.jpg"
LARGE = (6000, 4000)
REPEATS = 9


def main() -> None:
    vit = VPUFormer(VPUFormerConfig(backbone="vit_b")).eval()
    networks = {"bundled weights": load_network("default", "cpu"), "ViT-B": TorchNetwork(vit)}
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        Image.open(PHOTO).resize(LARGE, Image.Resampling.BICUBIC).save(large, quality=90)
        content = {
            "command": "python benchmarks/precompute.py",
            "weights_sha256": read_manifest("default").sha256,
            "repeats": REPEATS,
            "networks": {name: network_times(network, Path(folder) / name) for name, network in networks.items()},
            "images": [image_times(path) for path in (PHOTO, large)],
        }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")


def network_times(network: Network, folder: Path) -> dict[str, Any]:
    """Milliseconds of the image encoder, of storing its features, and of reading them."""
    store, side = FeatureStore(folder), network.input_size
    pixels, mask = stretch(read_image(PHOTO), (side, side))[None], np.zeros((1, side, side), np.float32)
    (features,) = network.encode(pixels, mask, [])
    size = 0

    def write() -> None:
        nonlocal size
        shutil.rmtree(folder, ignore_errors=True)
        store.put(feature_key("", pixels[0]), network.to_arrays(features))
        size = store.nbytes

    def read() -> None:
        arrays = store.get(feature_key("", pixels[0]))
        assert arrays is not None
        network.from_arrays(arrays)

    times = in_turns({"compute": lambda: network.encode(pixels, mask, []), "write": write, "read": read})
    return {"runtime": network.runtime, "input_size": side, "bytes": size, "median_ms": times}


def image_times(path: Path) -> dict[str, Any]:
    """Milliseconds to read an image, and to resize it for the bundled weights."""
    image = read_image(path)
    times = in_turns({"read": lambda: read_image(path), "resize": lambda: stretch(image, (256, 256))})
    return {"width": image.shape[1], "height": image.shape[0], "median_ms": times}


def in_turns(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of each, taken in rounds of which the first does not count."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(1 + REPEATS):
        for way, work in ways.items():
            begun = time.perf_counter()
            work()
            seconds[way].append(time.perf_counter() - begun)
    return {way: round(1000 * statistics.median(taken[1:]), 1) for way, taken in seconds.items()}


if __name__ == "__main__":
    main()
