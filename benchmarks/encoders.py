"""Parameters, operations and time of the network with each image encoder.

    python benchmarks/encoders.py [NAME ...]

Counts parameters and floating-point operations (a multiply-add counts as two) at 448 px, measures the seconds of an
image and of a prompt on one CPU thread (medians), and writes `benchmarks/results/encoders.json`. The weights are
random.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.encoders import BACKBONES
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Click

RESULTS = Path(__file__).parent / "results" / "encoders.json"
SIZE = 448
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(BACKBONES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(RESULTS.read_text())["encoders"] if RESULTS.exists() else {}
    for name in options.names:
        rows[name] = measured(name)
        print(name, rows[name])
    content = {
        "command": "python benchmarks/encoders.py",
        "variant": "default",
        "size": SIZE,
        "torch": torch.__version__,
        "processor": platform.machine(),
        "encoders": {name: rows[name] for name in BACKBONES if name in rows} | rows,
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")


@torch.inference_mode()
def measured(name: str) -> dict[str, Any]:
    model = VPUFormer(VPUFormerConfig(backbone=name, input_size=SIZE)).eval()
    model = model.to(memory_format=torch.channels_last)
    image = torch.rand(1, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    mask = torch.zeros(1, 1, SIZE, SIZE)
    prompts = PromptBatch.collate([[Click(100, 100)]], [FrameMap.to_canonical(Crop.whole((SIZE, SIZE)))])
    features = model.encode(image)
    return {
        "encoder_parameters": parameters(model.backbone),
        "parameters": parameters(model),
        "first_gflops": gflops(lambda: model(image, mask, prompts)),
        "next_gflops": gflops(lambda: model.decode(features, mask, prompts)),
        "image_seconds": seconds(lambda: model.encode(image)),
        "prompt_seconds": seconds(lambda: model.decode(features, mask, prompts)),
    }


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def gflops(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


def seconds(work: Callable[[], object]) -> float:
    work()
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
