"""`create_app`: opens nothing early, serves several folders, runs as the docs show."""

import queue
import re
import sys
import types
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from support.app_disks import Disks
from vpuformer.app.http import serving
from vpuformer.app.http.server import create_app
from vpuformer.app.http.serving import bind, serve
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import FILE, Store
from vpuformer.errors import InputError

DOCS = Path(__file__).parents[3] / "docs" / "annotate.md"
CLICK = {"type": "click", "point": [5, 5]}


class Untouched:
    """Fails whoever uses it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Untouched
        raise AssertionError(f"{name} was asked for")


def images(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (40, 30)).save(folder / name)
    return folder


def running(app: Any) -> TestClient:
    return TestClient(app, "http://127.0.0.1", headers={"X-VPUFormer": "1"})


def names_of(client: TestClient) -> list[str]:
    return [image["name"] for image in client.get("/api/project").json()["images"]]


def area_of_a_click(client: TestClient, key: str = "key-00000001") -> int:
    made = client.post("/api/images/1/objects", json={"key": key}).json()
    sent = {"key": key, "revision": 0, "step": CLICK}
    answer = client.post(f"/api/objects/{made['id']}/steps", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()["area"]


def test_a_store_that_fails_does_so_before_the_address_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(Store, "sync", full)
    folder, store, said = Folder(images(tmp_path / "in", "a.png")), Store(tmp_path / "x.sqlite"), list[str]()
    with closing(store), bind("127.0.0.1", 0) as socket, pytest.raises(InputError, match="the disk is full"):
        serve(folder, store, Disks(), socket, browser=False, say=said.append)
    assert said == []


def test_the_browser_does_not_get_the_token_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, store, said = Folder(images(tmp_path / "in", "a.png")), Store(tmp_path / "x.sqlite"), list[str]()
    opened, apps = queue.Queue[str](), list[Any]()
    server = types.SimpleNamespace(run=lambda **_: said.append(opened.get(timeout=20)), should_exit=False)
    monkeypatch.setattr(serving, "open_page", opened.put)
    monkeypatch.setattr(serving.uvicorn, "Server", lambda config: apps.append(config.app) or server)
    with closing(store), bind("127.0.0.1", 0) as socket:
        serve(folder, store, Disks(), socket, say=said.append)
    printed, address, _ = said
    token, once = (re.findall(r"\?token=(\S+)", each)[0] for each in (printed, address))
    assert token != once
    with TestClient(apps[0], "http://127.0.0.1") as client:
        assert client.get("/", params={"token": once}).status_code == 200
        assert client.get("/api/project").status_code == 200


def test_nothing_is_opened_before_the_application_runs(tmp_path: Path) -> None:
    create_app(tmp_path / "missing", tmp_path / "missing" / "x.sqlite", Untouched())  # type: ignore[arg-type]
    app = create_app(tmp_path / "later", None, Disks())
    assert list(tmp_path.iterdir()) == []
    images(tmp_path / "later", "a.png")
    with running(app) as client:
        assert names_of(client) == ["a.png"]
        assert (tmp_path / "later" / FILE).is_file()


def test_opened_ones_are_not_touched_before_the_application_runs(tmp_path: Path) -> None:
    folder = Folder(images(tmp_path / "images", "a.png"))
    store = Store(tmp_path / "x.sqlite")
    create_app(folder, store, Disks())
    assert store.images() == []
    store.close()


def test_an_application_that_was_ended_can_run_again(tmp_path: Path) -> None:
    app = create_app(images(tmp_path, "a.png"), None, Disks())
    with running(app) as client:
        area = area_of_a_click(client)
    with running(app) as client:
        (kept,) = client.get("/api/images/1").json()["objects"]
        assert kept["area"] == area
        assert area_of_a_click(client, "key-00000002") == area


def test_two_applications_of_one_process_do_not_disturb_each_other(tmp_path: Path) -> None:
    one = create_app(images(tmp_path / "one", "a.png"), None, Disks(5), token="the-first-secret")
    two = create_app(images(tmp_path / "two", "b.png", "c.png"), None, Disks(3), token="the-second-secret")
    with running(two) as second:
        second.headers["Authorization"] = "Bearer the-second-secret"
        with running(one) as first:
            assert second.get("/api/project").status_code == 200
            assert first.get("/api/project", headers={"Authorization": "Bearer the-second-secret"}).status_code == 401
            first.headers["Authorization"] = "Bearer the-first-secret"
            names = [
                [each["name"] for each in client.get("/api/project").json()["images"]] for client in (first, second)
            ]
            assert names == [["a.png"], ["b.png", "c.png"]]
            assert area_of_a_click(first) > area_of_a_click(second) > 0
            for client in (first, second):
                assert 'vpuformer_steps_total{type="click"} 1.0' in client.get("/metrics").text
        assert area_of_a_click(second, "key-00000002") > 0  # although the first one has ended


def test_the_example_of_a_model_of_ones_own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colours = np.zeros((30, 40, 3), np.uint8)
    colours[5:15, 8:28] = (200, 40, 40)
    (tmp_path / "holiday").mkdir()
    Image.fromarray(colours).save(tmp_path / "holiday" / "a.png")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.S) if "Mine" in block)
    served: list[Any] = []
    options: dict[str, Any] = {}
    monkeypatch.setitem(
        sys.modules,
        "uvicorn",
        types.SimpleNamespace(run=lambda app, **more: (served.append(app), options.update(more))),
    )
    monkeypatch.chdir(tmp_path)
    exec(compile(code, DOCS.name, "exec"), {"__name__": "__main__"})
    assert options["timeout_graceful_shutdown"]  # else an open page, which reads a stream, keeps the server from ending
    with running(served[0]) as client:
        assert client.get("/api/project").status_code == 401
        (token,) = re.findall(r'token="(.*?)"', code)
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/project").json()["model"] == "mine"
        made = client.post("/api/images/1/objects", json={"key": "key-00000001"}).json()
        areas = []
        for revision, step in enumerate(
            (
                {"type": "click", "point": [10, 10]},
                {"type": "brush", "path": [[35, 25]], "radius": 1},
                {"type": "box", "box": [30, 20, 39, 29], "positive": False},
                {"type": "remove", "step": 2},
            )
        ):
            sent = {"key": f"key-0000001{revision}", "revision": revision, "step": step}
            answer = client.post(f"/api/objects/{made['id']}/steps", json=sent)
            assert answer.status_code == 200, answer.text
            areas.append(answer.json()["area"])
        assert areas == [200, 205, 205, 205]  # the stroke outlives the box
        assert client.get(f"/api/objects/{made['id']}/probability").status_code == 200
