"""Routes of labels, attributes and tags."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from support.app_disks import Disks
from vpuformer.app.http.server import create_app

CLICK = {"key": "step-0001", "revision": 0, "step": {"type": "click", "point": [4, 4]}}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    Image.fromarray(np.zeros((12, 16, 3), np.uint8)).save(tmp_path / "a.png")
    app = create_app(tmp_path, None, Disks())
    with TestClient(app, base_url="http://127.0.0.1", headers={"x-vpuformer": "1"}) as client:
        yield client


def project(client: TestClient) -> dict:
    return client.get("/api/project").json()


def test_labels_are_grouped_and_put_in_order(client: TestClient) -> None:
    for name in ("cup", "dog", "cat"):
        client.post("/api/labels", json={"name": name})
    assert client.patch("/api/labels/2", json={"group": "animals"}).json()["group"] == "animals"
    assert client.put("/api/labels/order", json={"labels": [3, 99, 1, 3]}).status_code == 204
    assert [label["name"] for label in project(client)["labels"]] == ["cat", "cup", "dog"]
    client.post("/api/labels", json={"name": "bird"})
    assert [label["name"] for label in project(client)["labels"]] == ["cat", "cup", "dog", "bird"]
    assert client.patch("/api/labels/2", json={"group": ""}).json()["group"] == ""


def test_attributes_of_a_label_and_of_all(client: TestClient) -> None:
    colour = {"name": "colour", "kind": "choice", "choices": ["red", "blue"]}
    doors = {"name": "doors", "kind": "number", "choices": []}
    client.post("/api/labels", json={"name": "car"})
    assert client.patch("/api/labels/1", json={"attributes": [colour]}).json()["attributes"] == [colour]
    settings = {"attributes": [doors], "tags": ["night", "night"], "label_required": False}
    stored = client.put("/api/labels/settings", json=settings).json()
    assert stored == settings | {"tags": ["night"]} == project(client)["label_settings"]
    bad = {"attributes": [doors | {"kind": "range"}], "tags": [], "label_required": False}
    assert client.put("/api/labels/settings", json=bad).status_code == 422


def test_an_object_has_attributes_and_an_image_tags(client: TestClient) -> None:
    client.post("/api/images/1/objects", json={"key": "object-001"})
    first = client.post("/api/objects/1/steps", json=CLICK).json()
    assert first["attributes"] == {}
    values = {"colour": "red", "doors": 4.5}
    changed = client.patch("/api/objects/1", json={"attributes": values}).json()
    assert (changed["attributes"], changed["revision"]) == (values, first["revision"] + 1)
    for wrong in ({"doors": True}, {"doors": None}, {"": "x"}, {"doors": [4]}):
        assert client.patch("/api/objects/1", json={"attributes": wrong}).status_code == 422
    assert client.patch("/api/objects/1", json={"accepted": True}).json()["attributes"] == values
    assert client.patch("/api/objects/1", json={"attributes": {}}).json()["attributes"] == {}

    assert client.patch("/api/images/1", json={"tags": ["night", "fog", "night"]}).json()["tags"] == ["night", "fog"]
    assert client.patch("/api/images/1", json={}).json()["tags"] == ["night", "fog"]
    assert client.patch("/api/images/1", json={"done": True}).json()["tags"] == ["night", "fog"]
    assert client.patch("/api/images/1", json={"tags": []}).json() == project(client)["images"][0]


def test_an_object_is_not_accepted_without_a_required_label(client: TestClient) -> None:
    client.post("/api/labels", json={"name": "car"})
    for number in (1, 2):
        client.post("/api/images/1/objects", json={"key": f"object-00{number}"})
        client.post(f"/api/objects/{number}/steps", json=CLICK | {"key": f"step-000{number}"})
    client.patch("/api/objects/2", json={"accepted": True})
    client.put("/api/labels/settings", json={"attributes": [], "tags": [], "label_required": True})
    refused = client.patch("/api/objects/1", json={"accepted": True})
    assert refused.status_code == 422
    assert "needs a label" in refused.json()["error"]
    assert client.patch("/api/objects/1", json={"accepted": True, "label": 1}).json()["accepted"]
    assert client.patch("/api/objects/1", json={"label": None}).status_code == 422
    assert client.patch("/api/objects/1", json={"label": None, "accepted": False}).status_code == 200
    assert client.patch("/api/objects/2", json={"deleted": True}).status_code == 200, "accepted before, it stays so"


def files(client: TestClient, form: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(client.get(f"/api/export?format={form}").content))


def test_attributes_and_tags_are_exported_and_come_back(client: TestClient) -> None:
    client.post("/api/images/1/objects", json={"key": "object-001"})
    client.post("/api/objects/1/steps", json=CLICK)
    client.patch("/api/objects/1", json={"attributes": {"colour": "red", "doors": 4}, "accepted": True})
    client.patch("/api/images/1", json={"tags": ["night"]})
    content = json.loads(files(client, "coco").read("annotations.json"))
    (image,), (annotation,) = content["images"], content["annotations"]
    assert (image["tags"], annotation["attributes"]) == (["night"], {"colour": "red", "doors": 4})
    notes = files(client, "yolo").read("NOTES.txt").decode()
    assert "1 object with attributes, which this format cannot hold and which are left out: a.png." in notes
    assert "1 image with tags, which this format cannot hold and which are left out: a.png." in notes

    annotation |= {"segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]], "attributes": {"colour": "blue"}}
    image["tags"] = ["fog"]
    imported = client.post("/api/images/1/masks?name=a.json", content=json.dumps(content)).json()
    assert [each["attributes"] for each in imported["objects"]] == [{"colour": "blue"}]
    assert imported["tags"] == ["night", "fog"]
    assert "tags of the image: fog" in imported["notes"]
    content |= {"annotations": [], "images": [image | {"tags": ["rain"]}]}
    imported = client.post("/api/images/1/masks?name=a.json", content=json.dumps(content)).json()
    assert (imported["objects"], imported["tags"]) == ([], ["night", "fog", "rain"])
