"""Speed of the evaluation: one by one, in blocks, and the passes of the network alone.

    python benchmarks/harness.py --root data/DAVIS [--objects 32] [--repeats 3] [--output FILE]

Evaluates the same objects of DAVIS in three ways, in turns, with clicks and with mixed prompts:

* plain: one object after the other, PyTorch on all cores;
* blocks: as `vpuformer evaluate` does;
* ceiling: the passes of the network that the blocks made, repeated on prepared tensors and as many threads.

Reports medians of objects per minute, and the blocks as a share of the ceiling. Run it on an idle machine.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from watching import watched

from vpuformer.data.kinds.benchmarks import open_benchmark
from vpuformer.data.sample import Sample
from vpuformer.evaluation import BATCH
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.inference.cores import usable_cores
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.memory import keep_freed_memory
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import KINDS, Kind

Pass = tuple[str, tuple[Any, ...]]
MIXES: tuple[tuple[Kind, ...], ...] = (("click",), KINDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder of DAVIS")
    parser.add_argument("--objects", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=torch.get_num_threads())
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/harness.json"))
    arguments = parser.parse_args()
    keeps_memory = keep_freed_memory()

    everything = open_benchmark("davis", arguments.root)
    samples = everything[:: len(everything) // arguments.objects][: arguments.objects]
    network = TorchNetwork.from_pretrained("default", "cpu", threads=1)
    result = {
        "weights_sha256": read_manifest("default").sha256,
        "prompts": {
            "+".join(kinds): compared(network, samples, kinds, arguments.workers, arguments.repeats) for kinds in MIXES
        },
        "objects": len(samples),
        "prompts_an_object": 20,
        "batch": BATCH,
        "workers": arguments.workers,
        "freed_memory_is_kept": keeps_memory,
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["prompts"], indent=2))


def compared(
    network: TorchNetwork, samples: Sequence[Sample], kinds: Sequence[Kind], workers: int, repeats: int
) -> dict[str, Any]:
    """Objects per minute of the three ways, their ratios, and all times."""
    passes = recorded(network, samples, kinds)
    segmenter, user = VPUFormerSegmenter(network), SimulatedUser(tuple(kinds))
    alone = VPUFormerSegmenter(TorchNetwork.from_pretrained("default", "cpu", threads=usable_cores()))
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: list(evaluate(samples, alone, user, batch=1)),
        "blocks": lambda: list(evaluate(samples, segmenter, user, workers=workers)),
        "ceiling": lambda: replay(network, passes, workers),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
            print(f"{'+'.join(kinds)}, {name}: {seconds[name][-1]:.1f} s", flush=True)
    rates = {name: 60 * len(samples) / statistics.median(times) for name, times in seconds.items()}
    return {
        "objects_per_minute": rates,
        "share_of_ceiling": rates["blocks"] / rates["ceiling"],
        "times_as_fast_as_plain": rates["blocks"] / rates["plain"],
        "seconds": seconds,
    }


def recorded(network: TorchNetwork, samples: Sequence[Sample], kinds: Sequence[Kind]) -> list[list[Pass]]:
    """Passes of each block: names of network methods, and their arguments."""
    blocks: list[list[Pass]] = []
    for start in range(0, len(samples), BATCH):
        blocks.append([])
        with watched(network.model, lambda *each, block=blocks[-1]: block.append(each)):
            user = SimulatedUser(tuple(kinds))
            list(evaluate(samples[start : start + BATCH], VPUFormerSegmenter(network), user))
    return blocks


def replay(network: TorchNetwork, passes: Sequence[Sequence[Pass]], workers: int) -> None:
    """Repeat all passes block by block, on the threads that `evaluate` uses."""

    def block(calls: Sequence[Pass]) -> None:
        with torch.inference_mode():
            for name, inputs in calls:
                getattr(network.model, name)(*inputs)

    with ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(1)) as threads:
        list(threads.map(block, passes))


if __name__ == "__main__":
    main()
