"""What the page exports it imports again, and an import says what it guessed and left out."""

import json
from io import BytesIO
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from vpuformer.formats import FORMATS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

SQUARE = [[10, 10, 40, 10, 40, 40, 10, 40]]


def coco(name: str, **annotation: Any) -> dict[str, Any]:
    kept = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": SQUARE}
    return {
        "images": [{"id": 1, "file_name": name, "width": 120, "height": 90}],
        "annotations": [kept, {**kept, "id": 2, **annotation}],
        "categories": [{"id": 1, "name": "cell"}],
    }


def post(client: TestClient, content: bytes, image: int = 1, name: str = "") -> Any:
    return client.post(f"/api/images/{image}/masks?name={quote(name)}", content=content)


@pytest.mark.parametrize("form", FORMATS)
def test_twenty_objects_are_exported_and_imported_again(form: str, client: TestClient) -> None:
    values = np.zeros((90, 120), np.uint8)
    for number in range(20):
        top, left = divmod(number, 5)
        values[3 + 21 * top : 20 + 21 * top, 4 + 23 * left : 22 + 23 * left] = number + 1
    content = b"P5 120 90 255\n" + values.tobytes()
    made = post(client, content).json()["objects"]
    assert [state["area"] for state in made] == [17 * 18] * 20
    for number, state in enumerate(made):
        label = client.post("/api/labels", json={"name": f"label {number}"}).json()["id"]
        client.patch(f"/api/objects/{state['id']}", json={"accepted": True, "label": label})
    archive = client.get(f"/api/export?format={form}").content
    for state in made:
        client.patch(f"/api/objects/{state['id']}", json={"deleted": True})
    answer = post(client, archive, name=f"{form}.zip")
    assert answer.status_code == 201, answer.text
    names = {label["id"]: label["name"] for label in client.get("/api/project").json()["labels"]}
    back = answer.json()["objects"]
    assert [names[state["label"]] for state in back] == [f"label {number}" for number in range(20)]
    assert [state["mask"] for state in back] == [state["mask"] for state in made]


def test_masks_that_the_image_already_has_are_skipped(client: TestClient) -> None:
    cat = client.post("/api/labels", json={"name": "cat"}).json()["id"]
    (square,) = post(client, json.dumps(coco("a.png", iscrowd=1)).encode()).json()["objects"]
    client.patch(f"/api/objects/{square['id']}", json={"label": cat, "accepted": True})
    archive = client.get("/api/export?format=coco").content
    again = post(client, archive, name="coco.zip")
    assert (again.status_code, again.json()["objects"]) == (201, [])
    assert "1 object skipped, which the image already has with the same label" in again.json()["notes"]
    client.patch(f"/api/objects/{square['id']}", json={"label": None})
    assert [state["label"] for state in post(client, archive, name="coco.zip").json()["objects"]] == [cat]
    assert post(client, archive, name="coco.zip").json()["objects"] == []
    assert len(client.get("/api/images/1").json()["objects"]) == 2


def test_masks_that_differ_a_little_are_left_out_and_counted(client: TestClient) -> None:
    post(client, json.dumps(coco("a.png", iscrowd=1)).encode(), name="a.json")
    wider = [[10, 10, 41, 10, 41, 40, 10, 40]]
    again = post(client, json.dumps(coco("a.png", segmentation=wider)).encode(), name="b.json")
    assert again.json()["objects"] == []
    assert [note for note in again.json()["notes"] if "skipped" in note or "left out" in note] == [
        "1 object skipped, which the image already has with the same label",
        "1 object left out: the image has one with the same label and nearly the same mask (IoU of 0.95 or more)",
    ]


def test_what_an_import_left_out_or_guessed_is_in_the_answer(client: TestClient) -> None:
    names = [image["name"] for image in client.get("/api/project").json()["images"]]
    assert names[:1] == ["a.png"]
    answer = post(client, json.dumps(coco("old.png", iscrowd=1)).encode())
    assert answer.status_code == 201
    assert len(answer.json()["objects"]) == 1
    notes = answer.json()["notes"]
    assert notes[0] == "the COCO file has no image a.png; these are the masks of old.png"
    assert "1 annotation left out: crowds" in notes[1]


def test_labels_that_are_called_otherwise_are_told(client: TestClient) -> None:
    for name, words in [
        (" cell", None),
        ("a\nb", "'a\\nb' as 'a b'"),
        ("x" * 300, f"'{'x' * 79} as '{'x' * 79}"),
        ("\0", "'\\x00' as no label"),
    ]:
        content = coco("a.png")
        content["categories"][0]["name"] = name
        notes = post(client, json.dumps(content).encode()).json()["notes"]
        assert notes == ([] if words is None else [f"labels with another name than in the file: {words}"])


def test_masks_of_another_image_of_the_folder_are_refused(client: TestClient) -> None:
    images = {image["name"]: image for image in client.get("/api/project").json()["images"]}
    answer = post(client, json.dumps(coco("a.png")).encode(), image=images["b.jpg"]["id"])
    assert answer.status_code == 422
    assert "the COCO file has masks of a.png, which may be a.png of this folder" in answer.json()["error"]
    assert client.get(f"/api/images/{images['b.jpg']['id']}").json()["objects"] == []


@pytest.mark.parametrize("folder", ["", "masks/", "a/"])
def test_masks_of_single_objects_are_those_of_the_open_image(folder: str, client: TestClient) -> None:
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        for number, stem in enumerate(("1", "cup") if folder == "a/" else ("a_1", "a_cup", "b_1"), 1):
            mask = np.zeros((90, 120), np.uint8)
            mask[: 10 * number, :10] = 255
            with file.open(f"{folder}{stem}.png", "w") as entry:
                Image.fromarray(mask).save(entry, "PNG")
    answer = post(client, archive.getvalue(), name="masks.zip")
    assert answer.status_code == 201, answer.text
    assert [state["area"] for state in answer.json()["objects"]] == [100, 200]
    assert not any("these are the masks of" in note for note in answer.json()["notes"])


@pytest.mark.parametrize(("value", "said"), [(0, "without a pixel"), (255, "object 1: every pixel is object")])
def test_a_mask_of_no_pixel_is_refused_and_one_of_every_pixel_told(client: TestClient, value: int, said: str) -> None:
    answer = post(client, b"P5 120 90 255\n" + bytes([value]) * (120 * 90))
    if value:
        assert answer.status_code == 201
        assert said in answer.json()["notes"]
    else:
        assert answer.status_code == 422
        assert said in answer.json()["error"]
