"""The runtime that is chosen, and why."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpuformer.errors import CheckpointError, ConfigError, MissingDependencyError
from vpuformer.inference import runtimes
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.runtimes import choose_runtime, load_network
from vpuformer.model.manifest import GRAPHS_FILE, locate
from vpuformer.prompts import Click


@pytest.fixture(autouse=True)
def _no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "may_have_accelerator", lambda: False)


@pytest.fixture
def without_graphs(tmp_path: Path) -> Path:
    folder = shutil.copytree(locate("default").parent, tmp_path / "weights")
    (folder / GRAPHS_FILE).unlink()
    return folder


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def require(extra: str, purpose: str) -> None:
        raise MissingDependencyError(f"{purpose} needs {extra}")

    monkeypatch.setattr(runtimes, "missing", lambda _: ["torch"])
    monkeypatch.setattr(runtimes, "require", require)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_the_bundled_weights_run_without_torch(device: str | None) -> None:
    assert choose_runtime(device=device).runtime == "onnx"
    network = load_network(device=device)
    assert (network.runtime, network.device) == ("onnx", "cpu")


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_a_runtime_that_is_asked_for(runtime: str) -> None:
    assert choose_runtime(device="cpu", runtime=runtime) == (runtime, "it was asked for")
    assert load_network(device="cpu", runtime=runtime, threads=1).runtime == runtime


@pytest.mark.parametrize("threads", [0, -1, "4", 1.5])
def test_a_number_of_threads_is_a_whole_number_of_at_least_one(threads: Any) -> None:
    with pytest.raises(ConfigError, match=f"threads={threads!r} should be a whole number of at least 1"):
        load_network(device="cpu", threads=threads)


def test_an_accelerator_is_used_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_runtime(device="cuda") == ("torch", "the device cuda was asked for")
    monkeypatch.setattr(runtimes, "may_have_accelerator", lambda: True)
    assert choose_runtime().runtime == "torch"
    assert choose_runtime(device="cpu").runtime == "onnx"


def test_without_a_usable_accelerator_the_cpu_has_its_fast_runtime(
    monkeypatch: pytest.MonkeyPatch, without_graphs: Path
) -> None:
    monkeypatch.setattr(runtimes, "may_have_accelerator", lambda: True)
    monkeypatch.setattr("vpuformer.model.device.choose_device", lambda *_: torch.device("cpu"))
    monkeypatch.setattr("vpuformer.inference.torch_network.choose_device", lambda *_: torch.device("cpu"))
    assert load_network().runtime == "onnx"
    assert load_network(runtime="torch").runtime == "torch"
    assert load_network(without_graphs).runtime == "torch"


@pytest.mark.usefixtures("without_torch")
def test_an_accelerator_is_nothing_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "may_have_accelerator", lambda: True)
    assert choose_runtime().runtime == "onnx"
    for words in ({"device": "cuda"}, {"runtime": "torch"}):
        with pytest.raises(MissingDependencyError, match="needs torch"):
            choose_runtime(**words)


def test_without_graphs_torch_runs_it(without_graphs: Path) -> None:
    chosen = choose_runtime(without_graphs)
    assert chosen.runtime == "torch"
    assert f"vpuformer export-network {without_graphs}" in chosen.reason
    assert choose_runtime(input_size=384).runtime == "torch"


@pytest.mark.usefixtures("without_torch")
def test_without_graphs_and_torch_the_error_says_what_to_run(without_graphs: Path) -> None:
    for model, size in ((without_graphs, None), ("default", 384)):
        with pytest.raises(CheckpointError, match=r"vpuformer export-network .*pip install 'vpuformer\[torch\]'"):
            choose_runtime(model, input_size=size)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="no runtime called 'onx'"):
        choose_runtime(runtime="onx")
    with pytest.raises(ConfigError, match="the runtime onnx computes on the CPU, got the device 'cuda'"):
        choose_runtime(device="cuda", runtime="onnx")
    with pytest.raises(CheckpointError, match="take 192 x 192 pixels, wanted 384"):
        choose_runtime(runtime="onnx", input_size=384)
    with pytest.raises(CheckpointError, match="no model called"):
        choose_runtime("defalt")


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_a_predictor_goes_to_another_process(runtime: str) -> None:
    predictor = Predictor.from_pretrained("default", "cpu", runtime=runtime, threads=1)
    copy = pickle.loads(pickle.dumps(predictor))
    for each in (predictor, copy):
        each.set_image(np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3))
    ours, theirs = (each.predict([Click(30, 20)]).probability for each in (copy, predictor))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("runtime", "module"), {"onnx": "onnxruntime", "openvino": "openvino", "torch": "torch"}.items()
)
def test_a_runtime_that_cannot_be_imported_is_named(runtime: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(runtimes, "require", lambda *_: None)
    monkeypatch.setattr("vpuformer.inference.openvino_network.require", lambda *_: None)
    with pytest.raises(MissingDependencyError, match=f"{module} cannot be imported .* --force-reinstall {module}"):
        load_network(runtime=runtime)


SIGNALLED = """
import gc, os, signal
from vpuformer import Predictor
caught = []
signal.signal(signal.SIGINT, lambda *_: caught.append(1))
predictor = Predictor.from_pretrained("default", "cpu", runtime="openvino")
del predictor
gc.collect()
os.kill(os.getpid(), signal.SIGINT)
assert caught
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_signals_arrive_after_openvino() -> None:
    subprocess.run([sys.executable, "-c", SIGNALLED], check=True, timeout=60)


FORKED = """
import os
import numpy as np
from vpuformer import Click, Predictor
predictor = Predictor.from_pretrained("default", "cpu", runtime="onnx", threads=2)
predictor.set_image(np.zeros((40, 60, 3), np.uint8))
expected = predictor.predict([Click(30, 20)]).probability
if child := os.fork():
    status = os.waitpid(child, 0)[1]
    assert status == 0, status
else:
    os._exit(0 if np.array_equal(predictor.predict([Click(30, 20)]).probability, expected) else 1)
assert np.array_equal(predictor.predict([Click(30, 20)]).probability, expected)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_forked_process_answers_too() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60)
