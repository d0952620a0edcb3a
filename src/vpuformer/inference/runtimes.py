"""The choice of the runtime that a network runs in. Imports no torch."""

import os
import platform
import sys
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

from vpuformer.errors import CheckpointError, ConfigError, unknown_name
from vpuformer.extras import imported, missing, require
from vpuformer.inference.graphs import Graphs
from vpuformer.inference.network import Network
from vpuformer.memory import no_garbage_collection
from vpuformer.model.manifest import read_manifest

RUNTIMES = ("onnx", "openvino", "torch")
"""Names of the runtimes: ONNX Runtime and OpenVINO run exported graphs on the CPU, PyTorch any checkpoint anywhere."""

_ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "C:/Windows/System32/nvcuda.dll")
"""Device files of NVIDIA's and AMD's drivers, and of Windows' for Linux; NVIDIA's driver on Windows."""


class Choice(NamedTuple):
    """A runtime, and why it was chosen."""

    runtime: str
    reason: str
    """Words that go on after "torch, since "."""


def choose_runtime(
    name_or_path: str | os.PathLike[str] = "default",
    device: str | None = None,
    runtime: str | None = None,
    *,
    input_size: int | None = None,
) -> Choice:
    """The runtime for a checkpoint.

    PyTorch is chosen for every device but the CPU, and where an accelerator may be present; else ONNX Runtime, if the
    checkpoint has graphs of the input size; else PyTorch.

    >>> choose_runtime(device="cpu")
    Choice(runtime='onnx', reason='it is fast on the CPU')

    Args:
        name_or_path: see `vpuformer.model.manifest.read_manifest`.
        device: name of a device; None for the best one.
        runtime: a name of `RUNTIMES`, if the choice is made already.
        input_size: side of the network's input in pixels; None for its own.

    Raises:
        ConfigError: there is no such runtime, or it has no such device.
        CheckpointError: the checkpoint is broken; or the runtime needs graphs, and it has none of this size.
        MissingDependencyError: the runtime is not installed.
    """
    if runtime is not None and runtime not in RUNTIMES:
        raise ConfigError(unknown_name("runtime", runtime, RUNTIMES))
    if runtime in ("onnx", "openvino"):
        if device not in (None, "cpu"):
            raise ConfigError(f"the runtime {runtime} computes on the CPU, got the device {device!r}; use torch for it")
        _check_graphs(name_or_path, input_size)
        if runtime == "openvino":
            require("openvino", "the runtime openvino")
        return Choice(runtime, "it was asked for")
    if runtime == "torch" or device not in (None, "cpu"):
        require("torch", "the runtime torch" if device is None else f"the device {device}")
        return Choice("torch", "it was asked for" if runtime else f"the device {device} was asked for")
    if device is None and may_have_accelerator() and not missing("torch"):
        return Choice("torch", "there may be an accelerator")
    try:
        _check_graphs(name_or_path, input_size)
    except CheckpointError as error:
        read_manifest(name_or_path)  # raises for a broken checkpoint, which no runtime can run
        if missing("torch"):
            raise CheckpointError(f"{error}; or install PyTorch with: pip install 'vpuformer[torch]'") from error
        return Choice("torch", str(error))
    return Choice("onnx", "it is fast on the CPU")


def load_network(
    name_or_path: str | os.PathLike[str] = "default",
    device: str | None = None,
    runtime: str | None = None,
    *,
    input_size: int | None = None,
    threads: int | None = None,
) -> Network:
    """Load a checkpoint in the runtime of `choose_runtime`; see there for further errors.

    If PyTorch is chosen for an accelerator and finds none, the runtime is chosen again, for the CPU.

    Args:
        threads: number of threads for one operation on the CPU, at least 1; by default PyTorch's own, or one for every
            second core.

    Raises:
        ConfigError: `threads` is not a whole number of at least 1.
    """
    if threads is not None and not (isinstance(threads, Integral) and threads >= 1):
        raise ConfigError(f"threads={threads!r} should be a whole number of at least 1, or None for the usual number")
    chosen = choose_runtime(name_or_path, device, runtime, input_size=input_size).runtime
    if chosen == "onnx":
        from vpuformer.inference.onnx_network import OnnxNetwork

        return OnnxNetwork(name_or_path, threads=threads)
    if chosen == "openvino":
        from vpuformer.inference.openvino_network import OpenVinoNetwork

        return OpenVinoNetwork(name_or_path, threads=threads)
    with no_garbage_collection():
        imported("torch")
        from vpuformer.inference.torch_network import TorchNetwork
        from vpuformer.model.device import choose_device

    if device is None and runtime is None and (device := str(choose_device())) == "cpu":
        chosen = choose_runtime(name_or_path, device, input_size=input_size).runtime
        if chosen != "torch":
            return load_network(name_or_path, device, chosen, input_size=input_size, threads=threads)
    return TorchNetwork.from_pretrained(name_or_path, device, threads=threads)


def may_have_accelerator() -> bool:
    """Whether the machine may have an accelerator, as far as can be seen without PyTorch."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return any(Path(path).exists() for path in _ACCELERATORS)


def _check_graphs(name_or_path: str | os.PathLike[str], input_size: int | None) -> None:
    graphs = Graphs.read(name_or_path)
    if input_size is not None and input_size != graphs.input_size:
        raise CheckpointError(
            f"the graphs in {graphs.folder} take {graphs.input_size} x {graphs.input_size} pixels, wanted {input_size};"
            f" export others with: vpuformer export-network {name_or_path} -o FOLDER --input-size {input_size}"
        )
