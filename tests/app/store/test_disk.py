"""A full disk, and image files that come and go while the server runs."""

import errno
import io
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from starlette.testclient import TestClient

from support.app_disks import Disks
from vpuformer.app.http.server import create_app
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import FILE, Store
from vpuformer.errors import StoreError
from vpuformer.formats import label_map_reading

_numbers = itertools.count(10_000_000)
CLICK = {"type": "click", "point": [30, 30]}


def key() -> str:
    return f"key-{next(_numbers)}"


def begin(client: TestClient, image: int = 1) -> dict[str, Any]:
    answer = client.post(f"/api/images/{image}/objects", json={"key": key()})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def full() -> Iterator[list[bool]]:
    """While this holds True, SQLite may use no further page, as on a full disk."""
    switch = [False]

    def limit(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if switch[0] else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(sa.Engine, "begin", limit)
    yield switch
    sa.event.remove(sa.Engine, "begin", limit)


def coco(count: int, names: list[str]) -> dict[str, Any]:
    """Masks that are large when they are packed."""
    rng = np.random.default_rng(0)
    annotations = []
    for number in range(count):
        x, y = rng.uniform(0, 120, 300), rng.uniform(0, 90, 300)
        polygon = [[float(value) for pair in zip(x, y, strict=True) for value in pair]]
        annotations.append({"id": number, "image_id": 1, "category_id": number % len(names), "segmentation": polygon})
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 90}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": annotations,
    }


def test_an_import_on_a_full_disk_keeps_nothing_and_can_be_sent_again(client: TestClient, full: list[bool]) -> None:
    sent = coco(20, ["cat", "dog"])
    before = client.get("/api/images/1").json()
    full[0] = True
    answer = client.post("/api/images/1/masks", json=sent)
    assert (answer.status_code, list(answer.json())) == (507, ["error"])
    assert "is full; nothing was stored, make room and try again" in answer.json()["error"]
    assert client.get("/api/images/1").json() == before
    assert client.get("/api/project").json()["labels"] == []
    full[0] = False
    answer = client.post("/api/images/1/masks", json=sent)
    assert (answer.status_code, len(answer.json()["objects"])) == (201, 20)


def test_a_step_on_a_full_disk_is_refused_and_taken_when_there_is_room(client: TestClient, full: list[bool]) -> None:
    state = begin(client)
    path = [[number % 119, number % 89] for number in range(9000)]
    sent = {"key": key(), "revision": 0, "step": {"type": "brush", "path": path, "radius": 1}}
    full[0] = True
    for _ in range(2):
        answer = client.post(f"/api/objects/{state['id']}/steps", json=sent)
        assert answer.status_code == 507
        assert "is full" in answer.json()["error"]
        assert client.get(f"/api/objects/{state['id']}").json() == state
        assert client.get("/api/images/1").json()["objects"] == []
    full[0] = False
    answer = client.post(f"/api/objects/{state['id']}/steps", json=sent)
    assert (answer.status_code, answer.json()["revision"]) == (200, 1)


def test_a_step_waits_for_a_store_that_was_moved(client: TestClient, tmp_path: Path) -> None:
    state = begin(client)
    sent = {"key": key(), "revision": 0, "step": CLICK}
    (tmp_path / "client.sqlite").rename(tmp_path / "backup.sqlite")
    answer = client.post(f"/api/objects/{state['id']}/steps", json=sent)
    assert answer.status_code == 507
    assert "was moved or replaced while it was open" in answer.json()["error"]
    (tmp_path / "backup.sqlite").rename(tmp_path / "client.sqlite")
    assert client.post(f"/api/objects/{state['id']}/steps", json=sent).json()["revision"] == 1


def test_no_room_for_a_file_on_the_way_is_a_sentence(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    Image.new("L", (120, 90), 255).save(content, "PNG")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/mask")

    for failing in ((Path, "write_bytes"), (label_map_reading.tempfile, "TemporaryDirectory")):
        with monkeypatch.context() as patch:
            patch.setattr(*failing, fail)
            answer = client.post("/api/images/1/masks", content=content.getvalue())
        assert answer.status_code == 507
        assert "the disk is full at /tmp/mask; nothing was stored" in answer.json()["error"]
    assert client.get("/api/images/1").json()["objects"] == []
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", fail)
        answer = client.get("/api/export?format=coco")
    assert answer.status_code == 422
    assert "the disk is full; make room and try again" in answer.json()["error"]


def test_other_failures_of_the_system_tell_nothing_of_the_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error", "/srv/secret")

    monkeypatch.setattr(Path, "write_bytes", fail)
    answer = client.post("/api/images/1/masks", content=b"\x89PNG")
    assert answer.status_code == 500
    assert "secret" not in answer.text


# Files that go


@pytest.mark.parametrize("broken", [False, True])
def test_a_image_whose_file_has_gone_leaves_no_empty_object(
    client: TestClient, image_folder: Path, broken: bool
) -> None:
    client.get("/api/images/1")
    if broken:
        (image_folder / "a.png").write_bytes(b"no image")
    else:
        (image_folder / "a.png").unlink()
    sent = {"key": key()}
    answer = client.post("/api/images/1/objects", json=sent)
    assert answer.status_code == 422
    assert "a.png" in answer.json()["error"]
    assert client.get("/api/objects/1").status_code == 404
    Image.new("RGB", (120, 90)).save(image_folder / "a.png")
    assert client.post("/api/images/1/objects", json=sent).status_code == 201


@pytest.mark.parametrize("content", [CLICK, {"type": "lasso", "path": [[0, 0], [20, 0], [20, 20]]}])
def test_a_image_that_goes_before_the_first_step_leaves_no_object_either(
    client: TestClient, image_folder: Path, content: dict[str, Any]
) -> None:
    state = begin(client)
    (image_folder / "a.png").unlink()
    sent = {"key": key(), "revision": 0, "step": content}
    assert client.post(f"/api/objects/{state['id']}/steps", json=sent).status_code == 422
    assert client.get(f"/api/objects/{state['id']}").json() == state
    Image.new("RGB", (120, 90)).save(image_folder / "a.png")
    assert client.get("/api/images/1").json()["objects"] == []
    assert client.get("/api/project").json()["images"][0]["unaccepted"] == 0
    assert client.post(f"/api/objects/{state['id']}/steps", json=sent).status_code == 200
    assert len(client.get("/api/images/1").json()["objects"]) == 1


# Files that come


def names(client: TestClient) -> list[str]:
    return [image["name"] for image in client.get("/api/project").json()["images"]]


def test_new_files_are_listed_without_a_restart(client: TestClient, image_folder: Path) -> None:
    assert names(client) == ["a.png", "b.jpg", "sub/c.png"]
    (image_folder / "new").mkdir()
    for name in ("a2.png", "new/d.png", "notes.txt", ".hidden.png"):
        Image.new("RGB", (60, 50)).save(image_folder / name, "PNG")
    assert names(client) == ["a2.png", "a.png", "b.jpg", "new/d.png", "sub/c.png"]
    ids = {image["name"]: image["id"] for image in client.get("/api/project").json()["images"]}
    assert [ids[name] for name in ("a.png", "b.jpg", "sub/c.png")] == [1, 2, 3]
    assert {ids["a2.png"], ids["new/d.png"]} == {4, 5}
    assert client.get(f"/api/images/{ids['a2.png']}").json()["name"] == "a2.png"
    assert client.get("/api/images/4/thumbnail").status_code == 200
    state = begin(client, 4)
    sent = {"key": key(), "revision": 0, "step": CLICK}
    assert client.post(f"/api/objects/{state['id']}/steps", json=sent).json()["area"] > 0


def test_files_that_went_stay_listed_until_the_next_start(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(image_folder, tmp_path / "x.sqlite", Disks())
    with TestClient(app, "http://127.0.0.1") as client:
        (image_folder / "b.jpg").unlink()
        assert names(client) == ["a.png", "b.jpg", "sub/c.png"]
        for path in ("a.png", "sub/c.png"):
            (image_folder / path).unlink()
        (image_folder / "sub").rmdir()
        image_folder.rename(tmp_path / "elsewhere")
        assert len(names(client)) == 3
    (tmp_path / "elsewhere").rename(image_folder)
    Image.new("RGB", (8, 8)).save(image_folder / "c.png")
    with TestClient(app, "http://127.0.0.1") as client:
        assert names(client) == ["c.png"]


def test_a_single_image_stays_alone(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(image_folder / "a.png", tmp_path / "x.sqlite", Disks())
    with TestClient(app, "http://127.0.0.1") as client:
        Image.new("RGB", (8, 8)).save(image_folder / "z.png")
        assert names(client) == ["a.png"]


def test_new_files_on_a_full_disk_wait_until_there_is_room(
    client: TestClient, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise StoreError("the disk of the store is full")

    Image.new("RGB", (8, 8)).save(image_folder / "z.png")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "sync", fail)
        assert names(client) == ["a.png", "b.jpg", "sub/c.png"]
    assert names(client) == ["a.png", "b.jpg", "sub/c.png", "z.png"]


def test_listing_does_not_write_where_nothing_is_new(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(image_folder, tmp_path / "x.sqlite", Disks())
    written: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        written.append(statement)

    with TestClient(app, "http://127.0.0.1") as client:
        names(client)
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            names(client)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert written
    assert not [statement for statement in written if not statement.lstrip().startswith(("SELECT", "BEGIN"))]
    assert "BEGIN IMMEDIATE" not in written


def test_the_folder_and_its_store_are_the_same_as_before(image_folder: Path) -> None:
    """A store that another version of this program has made is opened, with its objects."""
    store = Store(image_folder / FILE)
    store.sync(Folder(image_folder).names)
    store.close()
    with TestClient(create_app(image_folder, None, Disks()), "http://127.0.0.1") as client:
        assert json.loads(client.get("/api/project").content)["images"][0]["id"] == 1
