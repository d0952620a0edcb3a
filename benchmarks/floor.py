"""How far each stage of the network is from the limits of the machine.

    python benchmarks/floor.py

Runs the graphs of the bundled weights in ONNX Runtime with its profiler, on one image and one click. Counts the
multiply-adds of convolutions and matrix products, and the bytes of what each node reads and writes. Measures how many
multiply-adds a core does in its best matrix product, and how many bytes it copies within its cache. The floor of a
stage is the longer of both times: less is impossible in float32, whatever the software. All times are the shortest of
several repeats. Writes `benchmarks/results/floor.json`. Run it on an idle machine.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.graph_network import Arrays, Graph, GraphNetwork
from vpuformer.inference.graphs import Graphs
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import Click

RESULTS = Path(__file__).parent / "results" / "floor.json"

STAGES = {
    "prompts and mask": ("pue", "dense", "embed_prompt"),
    "attention": ("dma",),
    "decoder": ("decoder",),
    "upsampler": ("sharpen",),
}
"""Stages of the graph `decode` in their order, and the modules of the network whose weights belong to each."""

ENCODER = "image encoder"
"""The graph `encode`: once for an image or a crop."""

SHAPES = ((1024, 1024, 1024), (4096, 64, 64), (1024, 192, 192), (256, 128, 128))
"""Matrix products (rows, inner, columns), among which the best counts."""

Events = Sequence[Mapping[str, Any]]
"""What the profiler reports of each run of each node."""

LEAST_SHARE = 0.08
"""Share of a stage's time above which a kind of node is reported."""

KERNEL = "_kernel_time"
"""End of the names of events that report one run of a node."""

CACHED, LARGE = 2**21, 2**28
"""Bytes of an array that lies in the cache, and of one that does not."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    options = parser.parse_args()
    cores = sorted({1, os.cpu_count() or 1})
    ceilings = {
        threads: {
            "GMAC a second": round(products(threads) / 1e9, 1),
            "GB a second in the cache": round(copies(threads, CACHED) / 1e9, 1),
            "GB a second in memory": round(copies(threads, LARGE) / 1e9, 1),
        }
        for threads in cores
    }
    measured = {threads: profile(threads, options.repeats) for threads in cores}
    rows = {}
    for stage, one in measured[1].items():
        arithmetic = one["MMAC"] / ceilings[1]["GMAC a second"]
        transport = one["MB"] / ceilings[1]["GB a second in the cache"]
        rows[stage] = {
            "nodes": one["nodes"],
            "MMAC": round(one["MMAC"], 2),
            "MB": round(one["MB"], 2),
            "arithmetic ms": round(arithmetic, 3),
            "transport ms": round(transport, 3),
            "ms": {threads: round(stages[stage]["ms"], 3) for threads, stages in measured.items()},
            "shares": {kind: share for kind, share in one["shares"].items() if share >= LEAST_SHARE},
            "times its floor": round(one["ms"] / max(arithmetic, transport), 2) if arithmetic + transport else None,
        }
    content = {
        "command": "python benchmarks/floor.py",
        "weights_sha256": read_manifest("default").sha256,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "onnxruntime": onnxruntime.__version__,
        "input size": Graphs.read("default").input_size,
        "ceilings by threads": ceilings,
        "stages": rows,
    }
    options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2))


def profile(threads: int, repeats: int) -> dict[str, dict[str, Any]]:
    """Multiply-adds, bytes, nodes and milliseconds of each stage on so many threads."""
    graphs = Graphs.read("default")
    side = graphs.input_size
    pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    mask = np.zeros((1, side, side), np.float32)
    prompts = [([Click(100, 100)], FrameMap.to_canonical(Crop.whole((side, side))))]
    with tempfile.TemporaryDirectory() as folder:
        profiled, plain = Sessions(threads, Path(folder)), Sessions(threads)
        as_written = Sessions(threads, Path(folder) / "as_written", as_written=True)
        for sessions in (as_written, *(profiled, plain) * repeats):
            network = sessions.network
            network.decode(network.encode(pixels, mask, prompts), mask, prompts)
        reports, shapes = profiled.reports(), as_written.reports()
        (encode,), decode = (
            stages_in(path, reports[path], shapes[path], parts)
            for path, parts in ((graphs.encode, [()]), (graphs.decode, [*STAGES.values()]))
        )
    stages = {ENCODER: encode} | dict(zip(STAGES, decode, strict=True))
    between = sum(map(min, plain.milliseconds.values())) - sum(each["ms"] for each in stages.values())
    return stages | {"between the nodes": {"nodes": 0, "MMAC": 0.0, "MB": 0.0, "ms": max(0.0, between), "shares": {}}}


class Sessions:
    """The bundled network in ONNX Runtime, with the milliseconds of each run of a graph.

    Args:
        threads: number of threads of one node.
        profiles: folder for profiles; None to run without the profiler, which takes time itself.
        as_written: run the nodes of the files, of which the runtime otherwise fuses some and renames others.
    """

    def __init__(self, threads: int, profiles: Path | None = None, *, as_written: bool = False) -> None:
        self._threads, self._profiles, self._as_written = threads, profiles, as_written
        self._sessions: dict[Path, Any] = {}
        self.milliseconds: dict[Path, list[float]] = defaultdict(list)
        self.network = GraphNetwork("default", self._load)

    def _load(self, path: Path) -> Graph:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = self._threads, 1
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        settings.enable_cpu_mem_arena = False
        settings.log_severity_level = 3
        if self._profiles is not None:
            self._profiles.mkdir(exist_ok=True)
            settings.enable_profiling, settings.profile_file_prefix = True, str(self._profiles / path.stem)
        if self._as_written:
            settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        self._sessions[path] = session
        names = [each.name for each in session.get_inputs()]

        def run(inputs: Arrays) -> Any:
            begun = time.perf_counter()
            outputs = session.run(None, {name: inputs[name] for name in names})
            self.milliseconds[path].append(1000 * (time.perf_counter() - begun))
            return outputs

        return run

    def reports(self) -> dict[Path, Events]:
        """What the profiler has reported of each graph. Ends the profiles."""
        return {
            path: [
                event
                for event in json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
                if event["name"].endswith(KERNEL)
            ]
            for path, session in self._sessions.items()
        }


def stages_in(path: Path, profile: Events, as_written: Events, parts: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """What profiles report of a graph, by stage: see `main`.

    Args:
        path: the graph.
        profile: of the nodes as the runtime runs them, some fused, others renamed.
        as_written: of the nodes of the file, for the shapes of what they read and write.
        parts: the modules of each stage.
    """
    graph = onnx.load(str(path), load_external_data=False).graph
    stages = stages_of(graph, parts)
    found: list[dict[str, Any]] = [
        {"nodes": 0, "MMAC": mmac, "MB": 0.0, "ms": 0.0, "shares": defaultdict(float)}
        for mmac in operations(graph, as_written, stages, len(parts))
    ]
    microseconds: dict[str, list[float]] = defaultdict(list)
    arguments: dict[str, dict[str, Any]] = {}
    for event in profile:
        microseconds[event["name"]].append(event["dur"])
        arguments[event["name"]] = event["args"]
    stage = 0
    for name, taken in microseconds.items():
        own = name.removesuffix(KERNEL).partition("/")[0].removesuffix("_nchwc").removeprefix("node_")
        stage = stages.get(own, stage)  # a node that the runtime has added follows another one
        row, args, milliseconds = found[stage], arguments[name], min(taken) / 1000
        row["nodes"] += 1
        row["MB"] += sum(int(args[f"{part}_size"]) for part in ("activation", "parameter", "output")) / 1e6
        row["ms"] += milliseconds
        row["shares"][args["op_name"]] += milliseconds
    for row in found:
        row["shares"] = {
            kind: round(taken / row["ms"], 3)
            for kind, taken in sorted(row["shares"].items(), key=lambda item: -item[1])
        }
    return found


def stages_of(graph: onnx.GraphProto, parts: Sequence[Sequence[str]]) -> dict[str, int]:
    """The stage of each node, by its outputs and by its name without `node_`.

    A node belongs to the stage of its weights; without weights, to the last stage among its inputs.
    """
    modules = {module: number for number, part in enumerate(parts) for module in part}
    stages = {
        each.name: modules[head]
        for each in graph.initializer
        if (head := each.name.removeprefix("file.").partition(".")[0]) in modules
    }
    weights = set(stages)
    for node in graph.node:
        own = [stages[name] for name in node.input if name in weights]
        names = [*node.output, node.name.removeprefix("node_")]
        stages |= dict.fromkeys(names, max(own or [stages.get(name, 0) for name in node.input], default=0))
        if own and node.op_type in ("Cast", "Transpose"):  # still the weights, in another form
            weights |= set(node.output)
    return stages


def operations(graph: onnx.GraphProto, profile: Events, stages: Mapping[str, int], count: int) -> list[float]:
    """Million multiply-adds in each stage.

    Products with a constant do not count: they enlarge maps, the faster of two ways to interpolate.
    """
    nodes = {node.name: node for node in graph.node}
    constants = {node.output[0] for node in graph.node if node.op_type == "Constant"}
    sums = [0.0] * count
    for event in profile:
        node = nodes.get(event["name"].removesuffix(KERNEL))
        if node is None or node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm"):
            continue
        if constants.isdisjoint(node.input):
            read, written = (
                [size for tensor in event["args"][f"{side}_type_shape"] for size in tensor.values()]
                for side in ("input", "output")
            )
            elements = read[0] if node.op_type == "ConvTranspose" else written[0]
            inner = prod(read[1][1:]) if "Conv" in node.op_type else read[0][-1]
            sums[stages[node.output[0]]] += prod(elements) * inner / 1e6
    return sums


def products(threads: int) -> float:
    """Multiply-adds a second in the best of the matrix products `SHAPES`."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    rates = []
    for rows, inner, columns in SHAPES:
        sizes = {"a": (rows, inner), "c": (rows, columns)}
        a, c = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size) for name, size in sizes.items())
        b = onnx.numpy_helper.from_array(np.ones((inner, columns), np.float32), "b")
        graph = onnx.helper.make_graph([onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "product", [a], [c], [b])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        inputs = {"a": np.ones((rows, inner), np.float32)}
        rates.append(rows * inner * columns / fastest(lambda session=session, inputs=inputs: session.run(None, inputs)))
    return max(rates)


def copies(threads: int, size: int) -> float:
    """Bytes a second that threads read and write, each copying an array of `size` bytes."""
    pairs = [(np.ones(size, np.uint8), np.zeros(size, np.uint8)) for _ in range(threads)]
    times = max(1, LARGE // size)

    def copy(pair: tuple[Any, Any]) -> None:
        for _ in range(times):
            np.copyto(pair[1], pair[0])

    with ThreadPoolExecutor(threads) as pool:
        return 2 * size * times * threads / fastest(lambda: list(pool.map(copy, pairs)))


def fastest(work: Callable[[], object], repeats: int = 30) -> float:
    """Seconds of the fastest of several repeats: a limit is what the machine can do."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


if __name__ == "__main__":
    main()
