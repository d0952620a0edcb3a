"""A network in OpenVINO, on the CPU. Imports no torch."""

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.extras import imported, require
from vpuformer.inference.cores import half_the_cores
from vpuformer.inference.graph_network import Arrays, Graph, GraphNetwork
from vpuformer.model.manifest import WEIGHTS_FILE


class OpenVinoNetwork(GraphNetwork):
    """The graphs of a checkpoint in OpenVINO, in float32; see `Network`.

    Args:
        name_or_path: a checkpoint with graphs.
        threads: number of threads for one operation; by default one for every second core.

    Raises:
        CheckpointError: the checkpoint is missing or broken, or has no graphs.
        MissingDependencyError: OpenVINO is missing, or cannot be imported.
    """

    runtime = "openvino"

    def __init__(self, name_or_path: str | os.PathLike[str] = "default", *, threads: int | None = None) -> None:
        require("openvino", "the runtime openvino")
        super().__init__(name_or_path, partial(_graph, threads=threads or half_the_cores()))


def _graph(path: Path, threads: int) -> Graph:
    openvino = imported("openvino")
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    # In a thread of its own: OpenVINO leaves its thread with a stack for signals that it frees later, and the next
    # signal, such as Ctrl-C, would end the program.
    with _without_links(path) as path, ThreadPoolExecutor(1) as thread:
        compiled = thread.submit(lambda: openvino.Core().compile_model(path, "CPU", settings)).result()
    names = [each.any_name for each in compiled.inputs]

    def run(inputs: Arrays) -> Sequence[npt.NDArray[Any]]:
        # A request belongs to one thread at a time, and so do the arrays it answers with.
        request = compiled.create_infer_request()
        request.infer({name: inputs[name] for name in names})
        return [np.array(request.get_output_tensor(i).data) for i in range(len(compiled.outputs))]

    return run


@contextmanager
def _without_links(path: Path) -> Iterator[Path]:
    """The graph beside its weights as plain files: OpenVINO refuses links, of which the cache of the Hub consists."""
    if not path.with_name(WEIGHTS_FILE).is_symlink():
        yield path
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in (path.name, WEIGHTS_FILE):
            shutil.copyfile(path.with_name(name), Path(folder, name))
        yield Path(folder, path.name)
