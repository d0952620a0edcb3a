"""A network in ONNX Runtime, on the CPU. Imports no torch."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from vpuformer.extras import imported
from vpuformer.inference.cores import half_the_cores
from vpuformer.inference.graph_network import Arrays, Graph, GraphNetwork


class OnnxNetwork(GraphNetwork):
    """The graphs of a checkpoint in ONNX Runtime; see `vpuformer.inference.network.Network`.

    Args:
        name_or_path: a checkpoint with graphs.
        threads: number of threads for one operation; by default one for every second core.

    Raises:
        CheckpointError: the checkpoint is missing or broken, or has no graphs.
        MissingDependencyError: ONNX Runtime cannot be imported.
    """

    runtime = "onnx"

    def __init__(self, name_or_path: str | os.PathLike[str] = "default", *, threads: int | None = None) -> None:
        super().__init__(name_or_path, partial(_graph, threads=threads or half_the_cores()))


def _graph(path: Path, threads: int) -> Graph:
    onnxruntime = imported("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # A thread that spins while it waits takes the core from the browser, or from the thread it waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # An arena would keep the memory of the largest batch, and saves no time here.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors: warnings are about graphs, and no user can act on them
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(inputs: Arrays) -> Sequence[npt.NDArray[Any]]:
        return session.run(None, {name: inputs[name] for name in names})

    return run
