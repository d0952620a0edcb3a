"""The network that is loaded in the background: its state, who waits for it, and failures."""

import gc
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from support.app_disks import Disks
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter, LoadState
from vpuformer.app.http.server import create_app
from vpuformer.errors import CheckpointError
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.prompts import Click

_CLICK = {"type": "click", "point": [30, 20]}
_numbers = itertools.count(10_000_000)


class Held:
    """Replaces the loading of a network: waits for `go`, then returns `Disks` or raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.calls, self.error = threading.Event(), 0, None
        self.error: Exception | None
        monkeypatch.setattr(BackgroundSegmenter, "_loaded", self)

    def __call__(self) -> Segmenter:
        self.calls += 1
        assert self.go.wait(20)
        if self.error is not None:
            raise self.error
        return Disks()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    made = Held(monkeypatch)
    yield made
    made.go.set()


@pytest.fixture
def client(image_folder: Path, held: Held) -> Iterator[TestClient]:
    app = create_app(image_folder, None, BackgroundSegmenter())
    with TestClient(app, "http://127.0.0.1", headers={"X-VPUFormer": "1"}) as opened:
        yield opened
        held.go.set()


def network(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/network")
    assert answer.status_code == 200
    return answer.json()


def click(client: TestClient) -> Any:
    state = client.post("/api/images/1/objects", json={"key": f"key-{next(_numbers)}"}).json()
    sent = {"key": f"key-{next(_numbers)}", "revision": state["revision"], "step": _CLICK}
    return client.post(f"/api/objects/{state['id']}/steps", json=sent)


def test_a_network_is_loaded_once_and_answers(model: Path, image: np.ndarray) -> None:
    segmenter = BackgroundSegmenter(str(model))
    assert segmenter.state == LoadState("loading", 0.0)
    first = segmenter.start()
    assert segmenter.start() is first
    encoded = segmenter.encode(image)
    [prediction] = segmenter.segment([Query(encoded, [Click(30, 20)])])
    assert prediction.mask.shape == (48, 64)
    assert segmenter.load() is first.result()
    assert segmenter.state == LoadState("ready", 1.0)
    assert gc.isenabled()


def test_progress_only_grows(model: Path) -> None:
    segmenter = BackgroundSegmenter(str(model))
    states = []
    loading = segmenter.start()
    while not loading.done():
        states.append(segmenter.state)
    states.append(segmenter.state)
    shares = [state.progress for state in states]
    assert shares == sorted(shares)
    assert states[-1] == LoadState("ready", 1.0)
    assert all(0 <= state.progress < 1 for state in states if state.state == "loading")


def test_the_server_loads_the_network_before_anybody_asks_for_a_mask(client: TestClient, held: Held) -> None:
    state = network(client)
    assert state["state"] == "loading"
    assert 0 <= state["progress"] < 1
    assert held.calls == 1


def test_prompts_wait_for_the_network(client: TestClient, held: Held) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(click, client) for _ in range(3)]
        assert network(client)["state"] == "loading"
        assert not any(answer.done() for answer in answers)
        held.go.set()
        for answer in answers:
            assert answer.result(20).status_code == 200
            assert answer.result().json()["area"] > 0
    assert network(client) == {"state": "ready", "progress": 1.0, "message": None}
    assert held.calls == 1


def test_a_failure_is_one_sentence_to_all_who_wait_and_the_next_prompt_tries_again(
    client: TestClient, held: Held
) -> None:
    held.error = CheckpointError("the weights are broken; copy them again")
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(click, client) for _ in range(3)]
        held.go.set()
        for answer in answers:
            assert answer.result(20).status_code == 500
            assert answer.result().json() == {"error": "the weights are broken; copy them again"}
    message = "the weights are broken; copy them again"
    assert network(client) == {"state": "failed", "progress": 0.0, "message": message}
    assert click(client).json() == {"error": message}
    held.error = None
    again = click(client)
    assert again.status_code == 200
    assert network(client)["state"] == "ready"
    assert client.get("/api/objects/1").json()["area"] > 0  # the prompt was stored, and is answered now


@pytest.mark.parametrize("error", [ImportError("libcudart.so:\ncannot open"), MemoryError(), OSError(5, "broken")])
def test_a_failure_of_another_library_says_what_to_do(held: Held, error: Exception) -> None:
    held.error = error
    held.go.set()
    segmenter = BackgroundSegmenter()
    with pytest.raises(CheckpointError, match=r"the network 'default' failed to load \(\w+.*; mend that") as raised:
        segmenter.load()
    assert "\n" not in str(raised.value)
    assert segmenter.state == LoadState("failed", 0.0, str(raised.value))
    held.error = None
    assert isinstance(segmenter.load(), Disks)


def test_another_segmenter_is_always_ready(image_folder: Path) -> None:
    with TestClient(create_app(image_folder, None, Disks()), "http://127.0.0.1") as client:
        assert network(client)["state"] == "ready"
