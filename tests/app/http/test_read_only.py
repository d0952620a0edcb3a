"""A read-only view: it shows everything, needs no network, and refuses every change."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from support.app_disks import Disks
from vpuformer.app.http.server import create_app

MARK = {"X-VPUFormer": "1"}


class Missing(Disks):
    """A network that answers nothing, such as one without memory."""

    def segment(self, queries: Any) -> Any:
        raise MemoryError(f"{len(queries)} queries")


def served(folder: Path, segmenter: Disks | None) -> TestClient:
    return TestClient(create_app(folder, None, segmenter), base_url="http://127.0.0.1", headers=MARK)


def click(client: TestClient, key: str) -> dict[str, Any]:
    state = client.post("/api/images/1/objects", json={"key": f"{key}-0001"}).json()
    step = {"key": f"{key}-0002", "revision": 0, "step": {"type": "click", "point": [20, 20]}}
    client.post(f"/api/objects/{state['id']}/steps", json=step)
    return client.get(f"/api/objects/{state['id']}").json()


def test_it_shows_objects_and_answers_no_step(image_folder: Path) -> None:
    with served(image_folder, Disks()) as client:
        answered = click(client, "answered")
    with TestClient(
        create_app(image_folder, None, Missing()), "http://127.0.0.1", raise_server_exceptions=False, headers=MARK
    ) as client:
        click(client, "waiting")
    with served(image_folder, None) as client:
        project = client.get("/api/project").json()
        assert (project["read_only"], project["hints"], project["model"]) == (True, False, "")
        assert client.get("/api/network").json()["state"] == "ready"
        first, second = client.get("/api/images/1").json()["objects"]
        assert (first["area"], second["area"]) == (answered["area"], 0)
        assert client.get(f"/api/objects/{second['id']}").json()["answered"] == 0
        assert client.get("/api/export", params={"format": "png"}).status_code == 200
    with served(image_folder, Disks()) as client:
        assert client.get("/api/images/1").json()["objects"][1]["area"] > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/images/1/objects"),
        ("PATCH", "/api/images/1"),
        ("POST", "/api/objects/1/steps"),
        ("POST", "/api/labels"),
        ("DELETE", "/api/labels/1"),
        ("PUT", "/api/place"),
        ("POST", "/api/import?dry_run=true"),
        ("PUT", "/api/nothing"),
    ],
)
def test_it_refuses_every_change(image_folder: Path, method: str, path: str) -> None:
    with served(image_folder, None) as client:
        answer = client.request(method, path, json={})
    assert answer.status_code == 403
    assert "start the server without --read-only" in answer.json()["error"]
