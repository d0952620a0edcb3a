"""Fine-tuning from the page: the process, its failures, and the use of its result."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from support import fake_finetune
from support.app_disks import Disks
from support.outlined import LAYOUTS
from vpuformer.app.annotation import finetune_process, finetuning
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.http.server import create_app
from vpuformer.app.store.store import FILE

TESTS = Path(__file__).parents[2]
MARK = {"X-VPUFormer": "window-1"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    LAYOUTS["app"][1](tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Starts another program in place of the command, which does what the argument says."""
    monkeypatch.setattr(finetune_process, "COMMAND", (sys.executable, str(Path(fake_finetune.__file__))))
    return lambda kind: monkeypatch.setenv("FAKE", kind)


def serve(folder: Path, model: str = "default", **settings: Any) -> TestClient:
    app = create_app(folder, None, BackgroundSegmenter(model, "cpu"), **settings)
    return TestClient(app, base_url="http://127.0.0.1", headers=MARK)


def state(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/finetuning")
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(client: TestClient, act: str = "", **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/finetuning{act}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(client: TestClient, wanted: Callable[[dict[str, Any]], object], seconds: float = 300) -> dict[str, Any]:
    """The state once it is as wanted."""
    deadline = time.monotonic() + seconds
    while not wanted(now := state(client)):
        assert time.monotonic() < deadline, now
        assert now["run"] is None or now["run"]["problem"] is None, now
        time.sleep(0.02)
    return now


def ended(now: dict[str, Any]) -> bool:
    return now["run"] is None or now["run"]["state"] not in ("running", "stopping")


def is_training(now: dict[str, Any]) -> bool:
    return now["run"]["stage"] == "training"


def click(client: TestClient, key: str) -> dict[str, Any]:
    """A new object on the first image after a click on its disk."""
    made = client.post("/api/images/1/objects", json={"key": f"{key}-object"}).json()
    step = {"key": f"{key}-step", "revision": 0, "step": {"type": "click", "point": [20, 16]}}
    answer = client.post(f"/api/objects/{made['id']}/steps", json=step)
    assert answer.status_code == 200, answer.text
    return answer.json()


def models_of(folder: Path, identity: int) -> list[str | None]:
    """Digests of the weights that made the masks of an object."""
    from vpuformer.app.store.store import Store

    store = Store(folder / FILE)
    try:
        _, steps = store.history(identity)
        return [answer.model for step in steps if (answer := store.answer_of(step.id)) is not None]
    finally:
        store.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_is_fine_tuned_interrupted_continued_stopped_and_used(
    photos: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_process, "COMMAND", (sys.executable, "-m", "support.finetune_child", "finetune"))
    monkeypatch.setattr(finetune_process, "_NICE", 0)  # or the tests that run beside it slow it down
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]))
    folder = photos / finetuning.MODELS / "photos-model"
    with serve(photos, str(model)) as client:
        assert client.get("/api/project").json()["finetuning"] is True
        assert send(client, "/check")["data"]["ready"] is False
        first = until(client, lambda now: now["data"]["ready"])
        assert (first["model"], first["run"], first["result"]) == ("tiny", None, None)
        assert first["data"] | {"done": 6, "total": 6, "images": 6, "objects": 12, "prompts": 6} == first["data"]
        assert send(client, minutes=9)["run"]["state"] == "running"
        again = client.post("/api/finetuning", json={"minutes": 9})
        assert (again.status_code, "is going on" in again.json()["error"]) == (409, True)
        training = until(client, is_training)
        assert 0 < training["run"]["seconds_left"] <= 540
        former = click(client, "former")
    # The server has ended, and so has the process: it holds nothing open, and its state is saved.
    assert (folder / "training" / "last.safetensors").is_file()
    assert not (folder / "report.json").exists()

    with serve(photos, str(model)) as client:
        assert state(client)["run"] | {"state": "interrupted", "resumable": True} == state(client)["run"]
        send(client, "/resume")
        until(client, is_training)
        assert send(client, "/stop")["run"]["state"] in ("stopping", "running")
        done = until(client, ended)
        result = done["result"]
        assert (done["run"], result["model"], result["start"]) == (None, "photos-model", "tiny")
        assert [row["name"] for row in result["rows"]][-2:] == ["NoC@85", "NoC@90"]
        assert (result["images"], result["objects"], result["in_use"]) == (2, 4, False)
        assert result["command"] == f"vpuformer annotate {photos} --model {folder}"
        used = client.put("/api/finetuning/model", json={"use": "result"}).json()
        assert (used["model"], used["first"], used["result"]["in_use"]) == ("photos-model", "tiny", True)
        assert client.get("/api/project").json()["model"] == "photos-model"
        assert client.get(f"/api/objects/{former['id']}").json()["mask"] == former["mask"]
        later = click(client, "later")
        assert client.put("/api/finetuning/model", json={"use": "first"}).json()["model"] == "tiny"
    assert models_of(photos, former["id"]) == [first["model_sha256"]]
    assert models_of(photos, later["id"]) == [used["model_sha256"]]


@pytest.mark.parametrize(
    ("kind", "problem", "resumable"),
    [
        ("full", "No space left on device; make room", False),
        ("killed", "the process was killed (SIGKILL), perhaps because the memory was full", True),
        ("crash", "the program failed (ValueError: three); the log of the server has the details", True),
    ],
)
def test_a_failure_is_one_sentence_and_the_server_goes_on(
    photos: Path, fake: Callable[[str], None], kind: str, problem: str, resumable: bool
) -> None:
    fake(kind)
    with serve(photos) as client:
        number = client.get("/api/project").json()["news"]
        send(client, minutes=30)
        while not ended(now := state(client)):
            time.sleep(0.02)
        assert problem in now["run"]["problem"]
        assert (now["run"]["state"], now["run"]["resumable"]) == ("failed", resumable)
        assert click(client, "after")["area"] > 0
        news = client.get("/api/news", params={"window": "window-2", "since": number}).json()
        assert {"image": None, "object": None} in news["changes"], "the pages of others ask for the state"
        fake("works")
        if resumable:
            send(client, "/resume")
            assert until(client, ended)["result"]["model"] == "photos-model"
            send(client, minutes=30)
            assert until(client, ended)["result"]["model"] == "photos-model-2", "nothing is overwritten"
        else:
            assert client.post("/api/finetuning/resume").status_code == 409


def test_too_few_images_are_reported_by_the_check(photos: Path, fake: Callable[[str], None]) -> None:
    fake("few")
    with serve(photos) as client:
        send(client, "/check")
        now = until(client, lambda now: now["data"]["ready"])
        assert now["data"]["problem"].endswith("and fine-tuning takes at least 4")
        assert client.put("/api/finetuning/model", json={"use": "result"}).status_code == 409


def test_what_was_stopped_before_the_training_leaves_nothing(photos: Path, fake: Callable[[str], None]) -> None:
    fake("early")
    with serve(photos, models=photos.parent / "models") as client:
        send(client, minutes=30)
        until(client, lambda now: now["run"]["stage"])
        send(client, "/stop")
        now = until(client, ended)
        assert (now["run"]["state"], now["run"]["resumable"], now["result"]) == ("stopped", False, None)
        assert list((photos.parent / "models").iterdir()) == []


def test_without_pytorch_the_page_gets_the_line_that_installs_it(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "missing", lambda extra: ["torch"] if extra == "train" else [])
    with serve(photos) as client:
        assert state(client)["missing"] == "pip install 'vpuformer[train,export]'"
        answer = client.post("/api/finetuning", json={"minutes": 1})
        assert answer.status_code == 409
        assert "pip install" in answer.json()["error"]


@pytest.mark.parametrize("minutes", [0, -1, 1e9, "soon"])
def test_a_time_out_of_range_is_refused(photos: Path, minutes: object) -> None:
    with serve(photos) as client:
        assert client.post("/api/finetuning", json={"minutes": minutes}).status_code == 422
        assert client.post("/api/finetuning", json={"output": "/tmp/elsewhere"}).status_code == 422


@pytest.mark.parametrize(("segmenter", "status"), [(None, 403), (Disks(), 404)])
def test_a_read_only_view_and_a_method_of_ones_own_offer_none(
    image_folder: Path, segmenter: Disks | None, status: int
) -> None:
    app = create_app(image_folder, None, segmenter)
    with TestClient(app, base_url="http://127.0.0.1", headers=MARK) as client:
        assert client.get("/api/project").json()["finetuning"] is False
        assert client.post("/api/finetuning", json={"minutes": 1}).status_code == status
        assert client.get("/api/finetuning").status_code == 404


def test_a_broken_report_of_an_earlier_run_is_passed_over(photos: Path) -> None:
    folder = photos / finetuning.MODELS / "photos-model"
    folder.mkdir(parents=True)
    (folder / "finetune.json").write_text("{}")
    with serve(photos) as client:
        assert (state(client)["run"], state(client)["result"]) == (None, None)
    (folder / "report.json").write_text(json.dumps({"rows": 3}))
    with serve(photos) as client:
        assert state(client)["result"] is None
