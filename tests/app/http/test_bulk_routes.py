"""Routes of copies, and of boxes that wait for the network."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from support.app_disks import Disks
from vpuformer.app.http.server import create_app
from vpuformer.app.store.imports import ImportedObject
from vpuformer.app.store.store import FILE, Store

HEADERS = {"x-vpuformer": "1"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (60, 40)).save(tmp_path / name)
    app = create_app(tmp_path, None, Disks(radius=5))
    with TestClient(app, base_url="http://127.0.0.1", headers=HEADERS) as client:
        yield client


def answered(client: TestClient) -> dict[str, int]:
    """The counts of boxes once none waits."""
    deadline = time.monotonic() + 20
    while (state := client.get("/api/boxes").json())["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return state


def boxes() -> bytes:
    images = [{"id": i, "file_name": name, "width": 60, "height": 40} for i, name in enumerate(("a.png", "b.png"))]
    found = [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 10, 20, 20]} for i in range(2)]
    return json.dumps({"images": images, "annotations": found, "categories": [{"id": 1, "name": "cup"}]}).encode()


def test_imported_boxes_are_answered_without_opening_an_image(client: TestClient, tmp_path: Path) -> None:
    assert client.post("/api/import?name=boxes.json&dry_run=true", content=boxes()).json()["waiting"] == 2
    report = client.post("/api/import?name=boxes.json", content=boxes()).json()
    assert (report["new"], report["waiting"]) == (2, 2)
    answered(client)
    store = Store(tmp_path / FILE)
    assert len(store.current_masks([1, 2])) == 2
    store.close()


def test_boxes_that_waited_when_the_server_stopped_are_answered_by_the_next(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    store = Store(tmp_path / FILE)
    store.sync(["a.png"])
    store.import_objects(1, [ImportedObject(None, (10, 10, 30, 30))], size=(40, 60))
    with TestClient(create_app(tmp_path, None, Disks(radius=5)), base_url="http://127.0.0.1", headers=HEADERS):
        deadline = time.monotonic() + 20
        while not store.current_masks([1]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    store.close()


def test_objects_are_copied_once_per_key(client: TestClient) -> None:
    made = client.post("/api/images/1/objects", json={"key": "object-one"}).json()
    click = {"key": "step-0001", "revision": 0, "step": {"type": "click", "point": [20, 20]}}
    client.post(f"/api/objects/{made['id']}/steps", json=click)
    body = {"key": "copy-0001", "objects": [made["id"]]}
    first, again = (client.post("/api/images/2/copies", json=body) for _ in range(2))
    assert (first.status_code, first.json()["objects"]) == (201, again.json()["objects"])
    (copy,) = first.json()["objects"]
    assert (copy["image"], copy["area"]) == (2, 81)
    assert client.post("/api/images/2/copies", json=body | {"objects": [99], "key": "copy-0002"}).status_code == 404
    assert client.post("/api/images/2/copies", json=body | {"objects": []}).status_code == 422
