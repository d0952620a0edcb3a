"""Models from a server that speaks the Hugging Face Hub's interface: the cache, faults of the network, and refusals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from huggingface_hub import constants

from support.hub_server import Hub
from vpuformer.errors import CheckpointError, ConfigError, MissingDependencyError
from vpuformer.export.writing import export_graphs
from vpuformer.extras import EXTRAS
from vpuformer.inference.runtimes import load_network
from vpuformer.model.manifest import FILES, describe, locate, names_repository
from vpuformer.model.repository import download

NAME = "jane/leaves"


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}


@pytest.fixture
def leaves(hub: Hub, model: Path) -> Hub:
    """The server with a small model and a file that is never downloaded."""
    hub.commit(NAME, files_of(model) | {"training.pt": b"a pickle"})
    return hub


def test_a_model_is_downloaded_once_and_nothing_else_of_its_repository(leaves: Hub, model: Path) -> None:
    weights = locate(NAME)
    assert sorted(path.name for path in weights.parent.iterdir()) == ["config.json", "model.safetensors"]
    assert describe(NAME)["sha256"] == describe(model)["sha256"]
    assert not any("training.pt" in path for _, path, _ in leaves.requests)
    leaves.requests.clear()
    assert locate(NAME) == weights
    assert leaves.requests == []  # one question a process
    download.cache_clear()
    assert locate(NAME) == weights
    assert [method for method, _, _ in leaves.requests] == ["HEAD"]


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "torch"])
def test_the_bundled_model_runs_from_a_repository(hub: Hub, runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    hub.commit(NAME, files_of(locate("default").parent))
    network = load_network(NAME, "cpu", runtime)
    assert network.runtime == runtime


def test_revisions(leaves: Hub, model: Path) -> None:
    first = leaves.revision(NAME, "main")
    values = json.loads((model / "config.json").read_text()) | {"metadata": {"version": "2"}}
    second = leaves.commit(NAME, files_of(model) | {"config.json": json.dumps(values).encode()})
    assert describe(f"{NAME}@{first}")["metadata"] == {"dataset": "none"}
    assert describe(NAME)["metadata"] == describe(f"{NAME}@{second}")["metadata"] == {"version": "2"}
    with pytest.raises(CheckpointError, match=f"{NAME} has no revision 'v3'; choose a branch or tag of {leaves.url}"):
        locate(f"{NAME}@v3")
    leaves.requests.clear()
    download.cache_clear()
    locate(f"{NAME}@{first}")
    assert leaves.requests == []  # a commit never changes


def test_a_connection_that_is_cut_goes_on_where_it_was(
    leaves: Hub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", chunk := 100_000)
    leaves.cuts = 2
    assert locate(NAME).read_bytes() == (model / "model.safetensors").read_bytes()
    ranges = [wanted for method, path, wanted in leaves.requests if method == "GET" and path.endswith(".safetensors")]
    size = (model / "model.safetensors").stat().st_size
    assert len(ranges) == 3
    assert ranges[0] is None
    assert ranges[1] == f"bytes={size // 2 // chunk * chunk}-"


def test_a_server_that_cannot_be_reached(leaves: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        CheckpointError, match=r"cannot be downloaded from http://127.0.0.1:9 \(.*refused\); check the net"
    ):
        locate(NAME)
    monkeypatch.setattr(constants, "ENDPOINT", leaves.url)
    assert locate(NAME).is_file()


def test_offline(leaves: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = locate(NAME)
    download.cache_clear()
    leaves.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert locate(NAME) == weights
    with pytest.raises(
        CheckpointError, match=r"jane/cars is not in the cache .*, and HF_HUB_OFFLINE forbids downloads"
    ):
        locate("jane/cars")
    weights.unlink()
    download.cache_clear()
    with pytest.raises(CheckpointError, match="is not in the cache"):
        locate(NAME)
    assert leaves.requests == []


@pytest.mark.usefixtures("leaves")
def test_without_a_network_the_cache_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = locate(NAME)
    download.cache_clear()
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert locate(NAME) == weights


def test_weights_that_do_not_fit_their_digest(hub: Hub, model: Path) -> None:
    files = files_of(model)
    content = bytearray(files["model.safetensors"])
    content[-1] ^= 1
    hub.commit(NAME, files | {"model.safetensors": bytes(content)})
    with pytest.raises(CheckpointError, match=r"jane/leaves is broken: .* SHA-256 .* Remove .*models--jane--leaves to"):
        locate(NAME)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no config.json"),
        ({"config.json": b'{"model_type": "sam"}'}, "is not a model of VPUFormer: .* is of format None"),
    ],
)
def test_repositories_of_other_models(hub: Hub, files: dict[str, bytes], words: str) -> None:
    hub.commit(NAME, files | {"model.safetensors": b"x" * 1000})
    with pytest.raises(CheckpointError, match=words):
        locate(NAME)
    assert not any("safetensors" in path for _, path, _ in hub.requests)


def test_a_checkpoint_without_weights(hub: Hub, model: Path) -> None:
    hub.commit(NAME, {"config.json": (model / "config.json").read_bytes()})
    with pytest.raises(CheckpointError, match=r"jane/leaves is not a model of VPUFormer: .* no model\.safetensors"):
        locate(NAME)


def test_refusals(leaves: Hub) -> None:
    with pytest.raises(
        CheckpointError, match=r"neither a folder 'jane/tree' nor a repository .*, or it is private; check"
    ):
        locate("jane/tree")
    leaves.gated.add(NAME)
    with pytest.raises(
        CheckpointError, match=f"you may not read {NAME} yet: ask for access on {leaves.url}/{NAME}; to log"
    ):
        locate(NAME)
    leaves.private.add(NAME)
    with pytest.raises(CheckpointError, match="nor a repository"):
        locate(NAME)


def test_a_folder_of_this_name_wins(leaves: Hub, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir(parents=True)
    assert not names_repository(NAME)
    with pytest.raises(CheckpointError, match=r"jane/leaves/model\.safetensors does not exist"):
        locate(NAME)
    assert leaves.requests == []


@pytest.mark.usefixtures("leaves")
def test_graphs_do_not_go_into_the_cache() -> None:
    with pytest.raises(ConfigError, match="do not go into the cache of downloads; give another folder with -o"):
        export_graphs(NAME)


@pytest.mark.usefixtures("hub")
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "hub", ("huggingface_hub_that_is_missing",))
    with pytest.raises(MissingDependencyError, match=r"no folder 'jane/leaves', and .*pip install 'vpuformer\[hub\]'"):
        locate(NAME)


def test_the_variables_of_the_hub_and_of_a_proxy_are_honoured(leaves: Hub, tmp_path: Path) -> None:
    settings = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    settings |= {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": "http://hub.example"}
    command = [sys.executable, "-m", "vpuformer", "info", NAME, "--json"]
    online, offline = (
        subprocess.run(command, env=settings | more, capture_output=True, text=True, check=True)
        for more in ({"HTTP_PROXY": leaves.url}, {"HF_HUB_OFFLINE": "1"})
    )
    assert online.stdout == offline.stdout
    assert json.loads(online.stdout)["models"][NAME]["path"].startswith(str(tmp_path / "home"))
