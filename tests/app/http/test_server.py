"""The server's routes, called as the page calls them: answers and errors."""

import base64
import codecs
import io
import itertools
import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sqlalchemy as sa
from PIL import Image
from starlette.testclient import TestClient

import vpuformer
from support.app_disks import Disks
from support.app_states import whole
from vpuformer.app.annotation.network_queue import MAX_WAITING
from vpuformer.app.http.routes import images
from vpuformer.app.http.server import create_app
from vpuformer.app.images.folder import Folder, version_of
from vpuformer.app.images.open_images import OpenImage
from vpuformer.app.step_schemas import RleMask
from vpuformer.app.store import rle
from vpuformer.app.store.store import Store
from vpuformer.arrays import BoolMask
from vpuformer.formats import FORMATS

State = dict[str, Any]

_numbers = itertools.count(10_000_000)
_CLICK = {"type": "click", "point": [50, 50]}
_DISK = 1257  # pixels within 20 of a pixel's centre


def key() -> str:
    return f"key-{next(_numbers)}"


def begin(client: TestClient, image: int = 1, **more: Any) -> State:
    answer = client.post(f"/api/images/{image}/objects", json={"key": key(), **more})
    assert answer.status_code == 201
    return answer.json()


def step(client: TestClient, state: State, content: dict[str, Any], **more: Any) -> State:
    sent = {"key": key(), "revision": state["revision"], "step": content, **more}
    answer = client.post(f"/api/objects/{state['id']}/steps", json=sent)
    assert answer.status_code == 200, answer.text
    return whole(state, answer.json())


def turn(client: TestClient, state: State, which: str) -> State:
    answer = client.post(f"/api/objects/{state['id']}/{which}", json={"revision": state["revision"]})
    assert answer.status_code == 200, answer.text
    return whole(state, answer.json())


def mask_of(state: State) -> BoolMask:
    runs = RleMask(**state["mask"])
    return rle.from_message(runs, (runs.height, runs.width))


def png(pixels: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pixels_of(content: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


# The project


def test_the_project_before_anything_was_done(client: TestClient) -> None:
    answer = client.get("/api/project")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    names = ["a.png", "b.jpg", "sub/c.png"]
    project = answer.json()
    assert project.pop("time") == pytest.approx(time.time(), abs=60)
    assert project.pop("news") > 0
    assert project.pop("id") == client.get("/api/project").json()["id"] is not None
    assert project == {
        "folder": "images",
        "model": "disks",
        "model_sha256": "0" * 64,
        "version": vpuformer.__version__,
        "read_only": False,
        "hints": False,
        "finetuning": False,
        "labels": [],
        "label_settings": {"attributes": [], "tags": [], "label_required": False},
        "images": [
            {
                "id": n,
                "name": name,
                "done": False,
                "objects": 0,
                "unaccepted": 0,
                "labels": [],
                "changed": None,
                "review": None,
                "tags": [],
            }
            for n, name in enumerate(names, 1)
        ],
        "number": 3,
        "formats": [{"name": e.name, "title": e.title, "summary": e.summary} for e in FORMATS.values()],
        "place": None,
        "shared": False,
    }


def test_a_page_of_another_project_is_refused_and_changes_nothing(client: TestClient) -> None:
    own = {"X-VPUFormer-Project": client.get("/api/project").json()["id"]}
    other = {"X-VPUFormer-Project": "another"}
    for refused in (
        client.get("/api/project", headers=other),
        client.post("/api/images/1/objects", json={"key": key()}, headers=other),
        client.patch("/api/images/1", json={"done": True}, headers=other),
    ):
        assert refused.status_code == 421
        assert "reload the page" in refused.json()["error"]
    assert not client.get("/api/project", headers=own).json()["images"][0]["done"]
    assert client.get("/api/images/1", headers=own).json()["objects"] == []


def test_a_list_of_what_has_changed_has_nothing_else(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.app.http.routes.project._LATEST", 0)

    def changed(since: float) -> tuple[list[int], float]:
        project = client.get("/api/project", params={"since": since}).json()
        assert project["number"] == 3
        return [image["id"] for image in project["images"]], project["time"]

    step(client, begin(client), _CLICK)
    _, now = changed(0)
    assert changed(now)[0] == []
    state = step(client, begin(client, 2), _CLICK)
    assert changed(now)[0] == [2]
    client.patch("/api/images/3", json={"done": True})
    both, now = changed(now)
    assert both == [2, 3]
    client.patch(f"/api/objects/{state['id']}", json={"deleted": True})
    assert changed(now)[0] == [2]


def test_the_place_is_remembered(client: TestClient) -> None:
    for image in (2, 3):
        answer = client.put("/api/place", json={"image": image})
        assert (answer.status_code, answer.content) == (204, b"")
        assert client.get("/api/project").json()["place"] == image


def test_labels_are_made_changed_and_taken_away(client: TestClient) -> None:
    plain = {"group": "", "attributes": []}
    cat = client.post("/api/labels", json={"name": " cat ", "colour": "#00ff7f"})
    assert (cat.status_code, cat.json()) == (201, {"id": 1, "name": "cat", "colour": "#00ff7f"} | plain)
    dog = client.post("/api/labels", json={"name": "dog"}).json()
    assert dog["colour"].startswith("#")
    changed = client.patch("/api/labels/1", json={"name": "Kätzchen 🐈"})
    assert (changed.status_code, changed.json()) == (200, {"id": 1, "name": "Kätzchen 🐈", "colour": "#00ff7f"} | plain)
    assert client.patch("/api/labels/1", json={}).json() == changed.json()
    assert client.get("/api/project").json()["labels"] == [changed.json(), dog]
    gone = client.delete("/api/labels/1")
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get("/api/project").json()["labels"] == [dog]


@pytest.mark.parametrize(
    "name", ["👩\N{ZERO WIDTH JOINER}🔬", "می\N{ZERO WIDTH NON-JOINER}خواهم", "קטן", "<b>&amp;</b>"]
)
def test_labels_of_any_script_are_kept_exported_and_imported(client: TestClient, name: str) -> None:
    label = client.post("/api/labels", json={"name": name}).json()
    assert label["name"] == name
    found = step(client, begin(client, label=label["id"]), {"type": "click", "point": [5, 5]})
    client.patch(f"/api/objects/{found['id']}", json={"accepted": True})
    archives = {form: client.get("/api/export", params={"format": form}).content for form in FORMATS}
    for form, content in archives.items():
        client.patch(f"/api/objects/{found['id']}", json={"deleted": True})
        answer = client.post("/api/images/1/masks", params={"name": "export.zip"}, content=content)
        assert [read["label"] for read in answer.json()["objects"]] == [label["id"]], (form, answer.json())
        (found,) = answer.json()["objects"]
    assert len(client.get("/api/project").json()["labels"]) == 1


@pytest.mark.parametrize("form", list(FORMATS))
def test_an_export_without_objects_is_no_import(client: TestClient, form: str) -> None:
    client.patch("/api/images/1", json={"done": True})
    content = client.get("/api/export", params={"format": form}).content
    answer = client.post("/api/images/1/masks", params={"name": "export.zip"}, content=content)
    assert answer.status_code == 422, answer.text


def test_names_that_look_alike_are_one_label(client: TestClient) -> None:
    assert client.post("/api/labels", json={"name": "cafe\N{COMBINING ACUTE ACCENT}"}).json()["name"] == "café"
    assert client.post("/api/labels", json={"name": "café"}).status_code == 409


@pytest.mark.parametrize("name", [" ", "a\nb", "a\x1bb", "\N{ZERO WIDTH JOINER}", "a\N{RIGHT-TO-LEFT OVERRIDE}b"])
def test_a_label_that_cannot_be_read_is_refused_in_a_sentence(client: TestClient, name: str) -> None:
    answer = client.post("/api/labels", json={"name": name})
    sentence = f"the label {name!r} is blank or holds a character that cannot be seen; rename it"
    assert (answer.status_code, answer.json()) == (422, {"error": sentence})


def test_a_label_that_objects_have_stays_until_they_are_deleted(client: TestClient) -> None:
    client.post("/api/labels", json={"name": "cat"})
    begin(client, label=1)
    assert client.delete("/api/labels/1").status_code == 204  # nothing has been done to that object
    client.post("/api/labels", json={"name": "cat"})
    state = step(client, begin(client, label=1), _CLICK)
    refused = client.delete("/api/labels/1")
    assert (refused.status_code, refused.json()) == (
        409,
        {"error": "the label 'cat' is on 1 object; change that first"},
    )
    client.patch(f"/api/objects/{state['id']}", json={"deleted": True})
    assert client.delete("/api/labels/1").status_code == 204


# Images


def test_a_image_is_opened(client: TestClient) -> None:
    done, _ = begin(client), begin(client)  # one to which nothing was ever done is nothing to show
    done = step(client, done, _CLICK)
    begin(client, 2)
    answer = client.get("/api/images/1").json()
    assert (answer["width"], answer["height"], answer["levels"], answer["range"]) == (120, 90, 1, None)
    assert (answer["name"], answer["done"], answer["notes"]) == ("a.png", False, [])
    assert answer["objects"] == [done | {"review": None}]


def test_a_image_is_marked_as_done_and_counts_its_objects(client: TestClient) -> None:
    for change in ({"accepted": True}, {"accepted": True, "deleted": True}, {"accepted": False}):
        client.patch(f"/api/objects/{step(client, begin(client), _CLICK)['id']}", json=change)
    begin(client)
    expected = {"id": 1, "name": "a.png", "done": True, "objects": 1, "unaccepted": 1}
    expected |= {"labels": [None], "review": None, "tags": []}
    answer = client.patch("/api/images/1", json={"done": True}).json()
    assert answer == expected | {"changed": answer["changed"]}
    assert client.get("/api/project").json()["images"][0] == answer
    assert client.get("/api/images/1").json()["done"] is True


def test_an_image_is_reviewed(client: TestClient) -> None:
    def review(verdict: str | None, comment: str = "") -> State:
        change = {"review": {"verdict": verdict, "comment": comment}}
        answer = client.patch("/api/images/1", json=change).json()
        assert client.get("/api/images/1").json()["review"] == change["review"] | {"person": None, "outdated": False}
        return answer

    client.patch("/api/images/1", json={"done": True})
    rejected = review("rejected", "The handle is missing.")
    assert (rejected["review"], rejected["done"]) == ("rejected", False)
    client.patch("/api/images/1", json={"done": True})
    opened = client.get("/api/images/1").json()
    assert opened["review"] == {"verdict": None, "comment": "The handle is missing.", "person": None, "outdated": False}
    accepted = review("accepted")
    assert (accepted["review"], accepted["done"]) == ("accepted", True)
    removed = review(None)
    assert (removed["review"], removed["done"]) == (None, True)
    assert client.patch("/api/images/1", json={"review": {"verdict": "good"}}).status_code == 422


def test_a_tile_is_the_image_itself_and_kept_for_ever(client: TestClient, image_folder: Path) -> None:
    version = client.get("/api/images/1").json()["version"]
    answer = client.get(f"/api/images/1/tiles/{version}/0/0/0")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    np.testing.assert_array_equal(pixels_of(answer.content), np.asarray(Image.open(image_folder / "a.png")))


def test_a_tile_of_another_version_is_not_kept(client: TestClient, image_folder: Path) -> None:
    version = client.get("/api/images/1").json()["version"]
    Image.new("RGB", (30, 20), (1, 2, 3)).save(image_folder / "a.png")
    answer = client.get(f"/api/images/1/tiles/{version}/0/0/0")
    assert answer.headers["cache-control"] == "no-store"
    assert (pixels_of(answer.content) == (1, 2, 3)).all()
    assert client.get("/api/images/1").json()["version"] != version


def test_a_file_that_was_replaced_by_one_of_the_same_size_takes_no_object(
    client: TestClient, image_folder: Path
) -> None:
    seen = client.get("/api/images/1").json()["version"]
    assert begin(client, version=seen)["image"] == 1
    with Image.open(image_folder / "a.png") as image:
        mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    (image_folder / "a.png").unlink()
    mirrored.save(image_folder / "a.png")
    answer = client.post("/api/images/1/objects", json={"key": key(), "version": seen})
    assert (answer.status_code, answer.json()["error"]) == (422, "the file of a.png was replaced; open it again")
    assert begin(client)["image"] == 1  # a program need not say what it has seen


def test_a_tile_is_kept_under_the_version_of_its_own_pixels(
    client: TestClient, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, later = image_folder / "a.png", image_folder / "later"
    Image.new("RGB", (30, 20)).save(later, "PNG")
    former, present = version_of(path), version_of(later)
    draw = OpenImage.tile

    def replaced(image: OpenImage, *place: Any, **window: Any) -> Any:
        if later.exists():
            later.replace(path)
        return draw(image, *place, **window)

    monkeypatch.setattr(OpenImage, "tile", replaced)
    answer = client.get(f"/api/images/1/tiles/{present}/0/0/0")
    assert pixels_of(answer.content).shape == (90, 120, 3)  # the file was replaced after it had been read
    assert answer.headers["cache-control"] == "no-store"
    assert former != present == version_of(path)
    answer = client.get(f"/api/images/1/tiles/{present}/0/0/0")
    assert pixels_of(answer.content).shape == (20, 30, 3)
    assert "immutable" in answer.headers["cache-control"]


def test_a_window_of_a_deep_image(client: TestClient, image_folder: Path) -> None:
    Image.fromarray(np.array([[0, 1000], [2000, 65535]], np.uint16)).save(image_folder / "a.png")
    opened = client.get("/api/images/1").json()
    assert opened["range"] == [0, 65535]
    answer = client.get(f"/api/images/1/tiles/{opened['version']}/0/0/0?low=0&high=2000")
    assert pixels_of(answer.content).tolist() == [[0, 128], [255, 255]]


def test_a_thumbnail(client: TestClient) -> None:
    answer = client.get("/api/images/1/thumbnail")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "private, max-age=600"
    assert pixels_of(answer.content).shape == (90, 120, 3)


# Objects and steps


def test_thumbnails_leave_threads_to_other_requests(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    running, go_on = threading.Semaphore(0), threading.Event()

    def slow(_: Path) -> bytes:
        running.release()
        assert go_on.wait(60)
        return b"small"

    monkeypatch.setattr(images, "thumbnail", slow)
    with ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(client.get, "/api/images/1/thumbnail") for _ in range(45)]
        try:
            assert running.acquire(timeout=30)
            time.sleep(0.5)  # until the others have arrived
            assert pool.submit(client.get, "/api/project").result(10).status_code == 200
        finally:
            go_on.set()
        assert [answer.result().content for answer in waiting] == [b"small"] * 45


def test_a_new_object_is_empty_and_one_key_makes_one(client: TestClient) -> None:
    sent = {"key": key()}
    first, second = (client.post("/api/images/2/objects", json=sent) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.json() == {
        "id": 1,
        "image": 2,
        "label": None,
        "accepted": False,
        "deleted": False,
        "attributes": {},
        "revision": 0,
        "at": 0,
        "answered": 0,
        "since": 0,
        "live": [],
        "steps": [],
        "mask_known": False,
        "mask": None,
        "area": 0,
        "seconds": None,
        "choice": None,
        "others": [],
        "order": None,
        "review": {"verdict": None, "comment": "", "person": None, "outdated": False},
    }
    assert client.get("/api/images/2").json()["objects"] == []  # until something is done to it
    clicked = step(client, first.json(), {"type": "click", "point": [9, 9]})
    assert client.get("/api/images/2").json()["objects"] == [clicked | {"review": None}]


@pytest.mark.parametrize(
    ("content", "area"),
    [
        (_CLICK, _DISK),
        ({**_CLICK, "positive": False}, 0),
        ({"type": "box", "box": [9.5, 9.5, 19.5, 29.5]}, 10 * 20),
        ({"type": "scribble", "path": [[5, 5], [5.25, 5]]}, 137 + 9),
        ({"type": "brush", "path": [[1, 1], [3, 1]], "radius": 0.5}, 3),
        ({"type": "lasso", "path": [[0, 0], [2, 0], [2, 2], [0, 2]]}, 9),
        (
            {"type": "mask", "mask": rle.to_message(rle.encode(np.ones((90, 120), bool)), (90, 120)).model_dump()},
            90 * 120,
        ),
        ({"type": "clear"}, 0),
    ],
)
def test_every_type_of_step(client: TestClient, content: dict[str, Any], area: int) -> None:
    state = step(client, begin(client), content)
    if content["type"] == "scribble":
        y, x = np.mgrid[:90, :120]
        area = int((((x - 5) ** 2 + (y - 5) ** 2 <= 400 / 9) | ((x - 5.25) ** 2 + (y - 5) ** 2 <= 400 / 9)).sum())
    assert (state["area"], state["at"], state["revision"]) == (area, 1, 1)
    assert (state["mask"] is None) == (area == 0)
    assert area == 0 or mask_of(state).sum() == area
    (kept,) = state["steps"]
    assert kept["live"] is (content["type"] in ("click", "box", "scribble"))
    for name, value in content.items():
        assert name == "mask" or kept[name] == value
    assert client.get(f"/api/objects/{state['id']}").json() == state


def test_a_mask_is_where_the_click_was(client: TestClient) -> None:
    y, x = np.mgrid[:90, :120]
    expected = (x - 50) ** 2 + (y - 50) ** 2 <= 400
    np.testing.assert_array_equal(mask_of(step(client, begin(client), _CLICK)), expected)


def test_steps_go_on_from_each_other_back_and_forth(client: TestClient) -> None:
    first = step(client, begin(client), _CLICK)
    second = step(client, first, {"type": "brush", "path": [[110, 80]], "radius": 2})
    assert second["area"] == _DISK + 13
    third = step(client, second, {"type": "box", "box": [-0.5, -0.5, 119.5, 49.5], "positive": False})
    assert (mask_of(third)[50:] == mask_of(second)[50:]).all()
    assert not mask_of(third)[:50].any()
    back = turn(client, turn(client, third, "undo"), "undo")
    assert (back["mask"], back["at"], back["revision"], len(back["steps"])) == (first["mask"], 1, 5, 3)
    assert [kept["live"] for kept in back["steps"]] == [True, False, False]
    assert turn(client, turn(client, back, "redo"), "redo")["mask"] == third["mask"]


def test_a_step_after_undo_gives_up_what_was_undone(client: TestClient) -> None:
    state = step(client, step(client, begin(client), _CLICK), {"type": "clear"})
    state = step(client, turn(client, state, "undo"), {"type": "box", "box": [0, 0, 1, 1]})
    assert [kept["type"] for kept in state["steps"]] == ["click", "box"]
    assert state["area"] == _DISK + 4


def test_a_prompt_is_taken_away(client: TestClient) -> None:
    state = step(client, step(client, begin(client), _CLICK), {"type": "box", "box": [0, 0, 1, 1]})
    state = step(client, state, {"type": "remove", "step": 0})
    assert state["area"] == 4
    assert [kept["live"] for kept in state["steps"]] == [False, True, False]
    assert step(client, state, {"type": "remove", "step": 1})["mask"] is None


@pytest.mark.parametrize("content", [_CLICK, {"type": "remove", "step": 0}, {"type": "clear"}])
def test_a_step_sent_twice_counts_once(client: TestClient, disks: Disks, content: dict[str, Any]) -> None:
    state = step(client, begin(client), {"type": "box", "box": [0, 0, 1, 1]})
    sent = {"key": key(), "revision": state["revision"], "step": content}
    first, second = (client.post(f"/api/objects/{state['id']}/steps", json=sent) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert whole(state, first.json()) == second.json()  # sent again, for who knows what has become of the first answer
    assert len(second.json()["steps"]) == 2
    assert len(disks.asked) == (2 if content == _CLICK else 1)


def test_an_object_is_accepted_labelled_and_deleted(client: TestClient) -> None:
    client.post("/api/labels", json={"name": "cat"})
    state = step(client, begin(client), _CLICK)
    path = f"/api/objects/{state['id']}"
    for revision, (change, expected) in enumerate(
        [
            ({"accepted": True}, (None, True, False)),
            ({"label": 1}, (1, True, False)),
            ({"accepted": None, "deleted": None}, (1, True, False)),
            ({"label": None, "accepted": False}, (None, False, False)),
            ({"deleted": True}, (None, False, True)),
            ({"deleted": False}, (None, False, False)),
        ],
        2,
    ):
        state = client.patch(path, json=change).json()
        assert (state["label"], state["accepted"], state["deleted"]) == expected
        assert state["revision"] == revision
        shown = client.get("/api/images/1").json()["objects"]
        assert shown == ([] if state["deleted"] else [state | {"review": None}])


def test_the_probability_map(client: TestClient) -> None:
    state = step(client, begin(client), _CLICK)
    answer = client.get(f"/api/objects/{state['id']}/probability")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    grey = pixels_of(answer.content)
    assert ((grey > 124) == mask_of(state)).all()
    assert (grey[50, 50], grey[0, 0]) == (229, 26)  # .9 and .1 of 255, as the stored logits have them
    erased = step(client, state, {"type": "brush", "path": [[50, 50]], "radius": 3, "positive": False})
    grey = pixels_of(client.get(f"/api/objects/{state['id']}/probability").content)
    assert (grey[~mask_of(erased)] < 128).all()
    assert (grey[mask_of(erased)] > 124).all()


# Masks from elsewhere


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/json", None])
def test_a_mask_file_becomes_an_object(client: TestClient, kind: str | None) -> None:
    client.post("/api/labels", json={"name": "cat"})
    mask = np.zeros((90, 120), np.uint8)
    mask[10:20, 30:50] = 255
    headers = {} if kind is None else {"content-type": kind}
    answer = client.post("/api/images/1/masks?label=1", content=png(mask), headers=headers)
    assert answer.status_code == 201
    (state,) = answer.json()["objects"]
    assert answer.json()["notes"] == ["the file was read as a binary mask of 0 and 255"]
    assert (state["image"], state["label"], state["area"], state["at"]) == (1, 1, 200, 1)
    np.testing.assert_array_equal(mask_of(state), mask > 0)
    assert client.get("/api/images/1").json()["objects"] == [state | {"review": None}]
    # And can be gone on from.
    assert step(client, state, {"type": "box", "box": [-0.5, -0.5, 0.5, 0.5]})["area"] == 201


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_the_annotations_of_a_coco_file_become_objects(client: TestClient, kind: str) -> None:
    client.post("/api/labels", json={"name": "cat"})
    square = [[9.5, 9.5, 19.5, 9.5, 19.5, 19.5, 9.5, 19.5]]
    file = {
        "images": [{"id": 7, "file_name": "a.png", "width": 120, "height": 90}],
        "categories": [{"id": 3, "name": "dog"}, {"id": 4, "name": "cat"}],
        "annotations": [
            {"id": n, "image_id": 7, "category_id": category, "segmentation": square, "iscrowd": 0}
            for n, category in enumerate((3, 4), 1)
        ],
    }
    answer = client.post("/api/images/1/masks", json=file, headers={"content-type": kind})
    assert answer.status_code == 201, answer.text
    names = {label["id"]: label["name"] for label in client.get("/api/project").json()["labels"]}
    assert [names[state["label"]] for state in answer.json()["objects"]] == ["dog", "cat"]
    assert len(names) == 2
    for state in answer.json()["objects"]:
        assert abs(state["area"] - 100) <= 21  # how a polygon's edge is filled is the format's affair
    assert len(client.get("/api/images/1").json()["objects"]) == 2


def test_annotations_that_begin_with_a_byte_order_mark_are_read(client: TestClient) -> None:
    file = {
        "images": [{"id": 7, "file_name": "a.png", "width": 120, "height": 90}],
        "annotations": [{"id": 1, "image_id": 7, "segmentation": [[0, 0, 10, 0, 10, 10, 0, 10]]}],
    }
    answer = client.post("/api/images/1/masks", content=codecs.BOM_UTF8 + json.dumps(file).encode())
    assert answer.status_code == 201, answer.text
    assert [state["area"] for state in answer.json()["objects"]] == [100]


def test_an_import_for_a_label_that_there_is_not_makes_nothing(client: TestClient) -> None:
    square = [[0, 0, 10, 0, 10, 10, 0, 10]]
    file = {
        "images": [{"id": 7, "file_name": "a.png", "width": 120, "height": 90}],
        "categories": [{"id": 3, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": square},
            {"id": 2, "image_id": 7, "segmentation": square},
        ],
    }
    answer = client.post("/api/images/1/masks?label=9", json=file)
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no label 9; choose a label from the list"})
    assert client.get("/api/project").json()["labels"] == []
    assert client.get("/api/images/1").json()["objects"] == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png(np.zeros((64, 64), np.uint8)), "the file is 64 pixels wide and 64 high, its image 120 wide and 90 high"),
        (b"", "empty|no mask|cannot be read"),
        (b"GIF89a nothing", "the file is of no format that is read; give annotations"),
        (b"{", "JSON"),
        (b"[]", "no format that is read"),
        (b'{"images": [], "annotations": [], "categories": []}', "no mask of a.png|a.png"),
        (b'{"images": ' + b"[" * 100_000, "JSON|nested"),
    ],
    ids=["another size", "empty", "no image", "cut off", "a list", "no annotation", "nested"],
)
def test_what_is_no_mask_of_the_image_is_refused(client: TestClient, content: bytes, sentence: str) -> None:
    answer = client.post("/api/images/1/masks", content=content)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"]
    assert re.search(sentence, answer.json()["error"]), answer.json()
    assert client.get("/api/images/1").json()["objects"] == []


# What goes wrong


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with the image a.png, two labels and an empty object."""
    root = tmp_path_factory.mktemp("images")
    Image.fromarray(np.zeros((90, 120, 3), np.uint8)).save(root / "a.png")
    app = create_app(Folder(root), Store(root / "kept.sqlite"), Disks())
    with TestClient(app, "http://127.0.0.1", headers={"X-VPUFormer": "1"}) as client:
        for name in ("cat", "dog"):
            client.post("/api/labels", json={"name": name})
        begin(client)
        yield client


def _huge_runs() -> dict[str, Any]:
    return {"width": 120, "height": 90, "runs": base64.b64encode(bytes([5])).decode()}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("GET", "/api/images/9", None, 404, "there is no image 9; open one from the list"),
        ("GET", "/api/images/9/thumbnail", None, 404, "there is no image 9; open one from the list"),
        ("GET", "/api/images/9/tiles/x/0/0/0", None, 404, "there is no image 9; open one from the list"),
        ("PATCH", "/api/images/9", {"done": True}, 404, "there is no image 9; open one from the list"),
        ("PUT", "/api/place", {"image": 9}, 404, "there is no image 9; open one from the list"),
        ("POST", "/api/images/9/objects", {"key": "12345678"}, 404, "there is no image 9; open one from the list"),
        ("POST", "/api/images/9/masks", {}, 404, "there is no image 9; open one from the list"),
        ("GET", "/api/objects/9", None, 404, "there is no object 9; open its image again"),
        ("GET", "/api/objects/9/probability", None, 404, "there is no object 9; open its image again"),
        ("PATCH", "/api/objects/9", {"accepted": True}, 404, "there is no object 9; open its image again"),
        ("POST", "/api/objects/9/undo", {"revision": 0}, 404, "there is no object 9; open its image again"),
        ("POST", "/api/objects/9/redo", {"revision": 0}, 404, "there is no object 9; open its image again"),
        ("PATCH", "/api/labels/9", {"name": "x"}, 404, "there is no label 9; choose a label from the list"),
        ("DELETE", "/api/labels/9", None, 404, "there is no label 9; choose a label from the list"),
        ("PATCH", "/api/objects/1", {"label": 9}, 404, "there is no label 9; choose a label from the list"),
        (
            "POST",
            "/api/images/1/objects",
            {"key": "12345678", "label": 9},
            404,
            "there is no label 9; choose a label from the list",
        ),
        (
            "GET",
            "/api/objects/1/probability",
            None,
            404,
            "the object has no answer yet; give a prompt first",
        ),
        ("POST", "/api/labels", {"name": "cat"}, 409, "there is already a label 'cat'; choose another name"),
        ("PATCH", "/api/labels/2", {"name": "cat"}, 409, "there is already a label 'cat'; choose another name"),
        ("GET", "/api/nothing", None, 404, "Not Found; see /docs for all addresses"),
        ("DELETE", "/api/images/1", None, 405, "Method Not Allowed; see /docs for all addresses"),
    ],
)
def test_what_there_is_not(
    refusing: TestClient, method: str, path: str, body: dict[str, Any] | None, status: int, sentence: str
) -> None:
    answer = refusing.request(method, path, json=body)
    assert (answer.status_code, answer.json()) == (status, {"error": sentence})


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/api/labels", {"name": ""}, "body.name: "),
        ("/api/labels", {"name": "x" * 201}, "body.name: "),
        ("/api/labels", {"name": "x", "colour": "red"}, "body.colour: "),
        ("/api/labels", {"name": "x", "color": "#000000"}, "body.color: Extra inputs are not permitted"),
        ("/api/images/1/objects", {"key": "short"}, "body.key: "),
        ("/api/images/1/objects", {"key": "12345678", "label": 2**31}, "body.label: "),
        ("/api/images/0/objects", {"key": "12345678"}, "path.identity: "),
        ("/api/images/1e3/objects", {"key": "12345678"}, "path.identity: "),
        (f"/api/images/{2**63}/objects", {"key": "12345678"}, "path.identity: "),
        ("/api/objects/1/undo", {"revision": -1}, "body.revision: "),
        ("/api/objects/1/undo", {}, "body.revision: Field required"),
        ("/api/objects/1/undo", [], "body: "),
        ("/api/objects/1/undo", None, "body: Field required"),
    ],
)
def test_requests_of_another_form(refusing: TestClient, path: str, body: Any, sentence: str) -> None:
    answer = refusing.post(path, json=body) if body is not None else refusing.post(path)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(sentence)
    assert answer.json()["error"].endswith("; see /docs for this request")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"type": "star"}, "body.step: "),
        ({"type": "click"}, "body.step.click.point: Field required"),
        ({"type": "click", "point": [1, 2, 3]}, "body.step.click.point"),
        ({"type": "click", "point": [1, 2], "radius": 3}, "body.step.click.radius: Extra inputs"),
        ({"type": "click", "point": [1, 2e6]}, "body.step.click.point.1: "),
        ({"type": "click", "point": [120.5, 2]}, "120.5, 2"),
        ({"type": "click", "point": [1, -0.51]}, "-0.51"),
        ({"type": "box", "box": [5, 5, 5, 4]}, "box"),
        ({"type": "scribble", "path": []}, "body.step.scribble.path: "),
        ({"type": "scribble", "path": [[1, 1]] * 10_001}, "body.step.scribble.path: "),
        ({"type": "brush", "path": [[1, 1]], "radius": 0}, "body.step.brush.radius: "),
        ({"type": "lasso", "path": [[500, 500]]}, "the lasso encloses no pixel of the image; draw it around"),
        ({"type": "remove", "step": 0}, "step 0 is not an active prompt; remove one of []"),
        ({"type": "remove", "step": 10**30}, "is not an active prompt"),
        (
            {"type": "mask", "mask": {"width": 12, "height": 9, "runs": ""}},
            "the mask is 12x9 pixels, its image 120x90",
        ),
        (
            {"type": "mask", "mask": {"width": 120, "height": 90, "runs": "?"}},
            "the run lengths of the mask are not base64",
        ),
        ({"type": "mask", "mask": _huge_runs()}, "runs"),
    ],
)
def test_steps_that_do_not_fit_leave_no_trace(refusing: TestClient, content: dict[str, Any], sentence: str) -> None:
    state = refusing.get("/api/objects/1").json()
    answer = refusing.post("/api/objects/1/steps", json={"key": key(), "revision": 0, "step": content})
    assert (answer.status_code, list(answer.json())) == (422, ["error"])
    assert sentence in answer.json()["error"]
    assert refusing.get("/api/objects/1").json() == state
    assert state["steps"] == []


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("steps", {"key": "another-key", "revision": 0, "step": _CLICK}, "its revision is 1, not 0; look at it and"),
        ("steps", {"key": "another-key", "revision": 2, "step": _CLICK}, "its revision is 1, not 2; look at it and"),
        ("undo", {"revision": 7}, "its revision is 1, not 7"),
        ("redo", {"revision": 0}, "its revision is 1, not 0"),
        ("redo", {"revision": 1}, "nothing to redo on this object"),
    ],
)
def test_a_conflict_tells_the_present_state(client: TestClient, path: str, body: Any, sentence: str) -> None:
    state = step(client, begin(client), _CLICK)
    answer = client.post(f"/api/objects/1/{path}", json=body)
    assert answer.status_code == 409
    assert sentence in answer.json()["error"]
    assert answer.json()["state"] == state


def test_nothing_to_undo(client: TestClient) -> None:
    begin(client)
    answer = client.post("/api/objects/1/undo", json={"revision": 0})
    assert (answer.status_code, answer.json()["error"]) == (409, "nothing to undo on this object")


def test_a_key_belongs_to_one_object_alone(client: TestClient) -> None:
    first, second = begin(client), begin(client)
    step(client, first, _CLICK, key="the-one-key")
    sent = {"key": "the-one-key", "revision": 0, "step": _CLICK}
    answer = client.post(f"/api/objects/{second['id']}/steps", json=sent)
    assert answer.status_code == 409
    assert "belongs to a step of another object" in answer.json()["error"]
    client.post("/api/images/1/objects", json={"key": "the-image-key"})
    answer = client.post("/api/images/2/objects", json={"key": "the-image-key"})
    assert answer.json() == {"error": "this key belongs to an object on another image; use a new key"}
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("0/1/0", 404, "there is no tile 1, 0 on level 0; columns are 0 to 0, rows 0 to 0"),
        (f"0/0/{10**30}", 404, f"there is no tile 0, {10**30} on level 0; columns are 0 to 0, rows 0 to 0"),
        ("1/0/0", 404, "there is no level 1; the image has the levels 0 to 0"),
        ("99/0/0", 404, "there is no level 99; the image has the levels 0 to 0"),
        (
            "0/0/0?low=0&high=9",
            422,
            "the image has 8 bits per channel and is shown as it is; leave out low and high",
        ),
    ],
)
def test_tiles_that_there_are_not(refusing: TestClient, path: str, status: int, sentence: str) -> None:
    answer = refusing.get(f"/api/images/1/tiles/any/{path}")
    assert (answer.status_code, answer.json()) == (status, {"error": sentence})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["-1/0/0", "0/-1/0", "0/0/x", "0/0/0?low=nan", "0/0/0?high=inf"])
def test_tiles_asked_for_in_another_form(refusing: TestClient, path: str) -> None:
    answer = refusing.get(f"/api/images/1/tiles/any/{path}")
    assert answer.status_code == 422
    assert "see /docs for this request" in answer.json()["error"]


def test_a_image_whose_file_is_gone(client: TestClient, image_folder: Path) -> None:
    state = begin(client)
    (image_folder / "a.png").unlink()
    for path in ("/api/images/1", "/api/images/1/thumbnail", "/api/images/1/tiles/any/0/0/0"):
        answer = client.get(path)
        assert answer.status_code == 422
        assert answer.json()["error"].endswith("check the path, or put it back")
    answer = client.post("/api/objects/1/steps", json={"key": key(), "revision": 0, "step": _CLICK})
    assert answer.status_code == 422
    assert client.get("/api/objects/1").json() == state
    assert len(client.get("/api/project").json()["images"]) == 3


def test_a_body_that_is_too_long(client: TestClient) -> None:
    answer = client.post("/api/images/1/masks", content=b"x", headers={"content-length": "32000001"})
    assert answer.status_code == 413
    assert answer.json() == {"error": "a request has at most 32 MB; send less at a time"}


def test_too_many_questions_at_once_are_sent_away_and_can_be_sent_again(client: TestClient, disks: Disks) -> None:
    states = [begin(client) for _ in range(MAX_WAITING + 4)]
    sent = [{"key": key(), "revision": 0, "step": _CLICK} for _ in states]
    go = threading.Event()
    disks.before = lambda: go.wait(20)

    def ask(place: int) -> Any:
        return client.post(f"/api/objects/{states[place]['id']}/steps", json=sent[place])

    with ThreadPoolExecutor(len(states)) as threads:
        under_way = [threads.submit(ask, place) for place in range(len(states))]
        busy = _first_done(under_way, 4)
        assert client.get("/healthz").json() == {"status": "ok"}  # although the network stands still
        assert f"vpuformer_waiting {MAX_WAITING}.0" in client.get("/metrics").text
        assert client.get("/api/images/1/thumbnail").status_code == 200
        go.set()
        answers = [future.result(20) for future in under_way]
    assert all(future in under_way for future in busy)
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(503)) == (MAX_WAITING, 4)
    refused = statuses.index(503)
    assert answers[refused].headers["retry-after"] == "1"
    assert answers[refused].json() == {
        "error": f"{MAX_WAITING} prompts are already waiting for the network; try again in a second"
    }
    again = ask(refused)
    assert (again.status_code, again.json()["area"], again.json()["revision"]) == (200, _DISK, 1)


def _first_done(futures: list[Any], count: int) -> list[Any]:
    done = threading.Semaphore(0)
    for future in futures:
        future.add_done_callback(lambda _: done.release())
    for _ in range(count):
        assert done.acquire(timeout=20)
    return [future for future in futures if future.done()]


def test_a_step_on_which_the_network_fails_is_answered_when_it_is_sent_again(client: TestClient, disks: Disks) -> None:
    first = step(client, begin(client), _CLICK)

    def fail() -> None:
        raise ZeroDivisionError("a secret of the house")

    disks.before = fail
    sent = {"key": key(), "revision": 1, "step": {"type": "box", "box": [0, 0, 9, 9]}}
    for _ in range(2):
        answer = client.post("/api/objects/1/steps", json=sent)
        assert (answer.status_code, answer.json()) == (
            500,
            {"error": "the server failed on this request; see its log"},
        )
        assert "content-security-policy" in answer.headers
    after = client.get("/api/objects/1").json()
    assert [kept["type"] for kept in after["steps"]] == ["click", "box"]
    assert (after["mask"], after["at"]) == (first["mask"], 2)
    assert client.get("/api/images/1").json()["objects"] == [after]
    assert 'vpuformer_requests_total{method="POST",status="500"} 2.0' in client.get("/metrics").text
    disks.before = lambda: None
    answer = client.post("/api/objects/1/steps", json=sent)
    assert (answer.status_code, answer.json()["area"], answer.json()["at"]) == (200, _DISK + 100, 2)


def test_a_store_that_can_no_longer_be_written(client: TestClient, tmp_path: Path) -> None:
    state = begin(client)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'client.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON step BEGIN SELECT RAISE(FAIL, 'full'); END")
    engine.dispose()
    answer = client.post("/api/objects/1/steps", json={"key": key(), "revision": 0, "step": _CLICK})
    assert answer.status_code == 507
    assert "(full); check that it is a vpuformer store, that its disk has free space" in answer.json()["error"]
    assert client.get("/api/objects/1").json() == state


# The export


def test_what_was_accepted_is_exported(client: TestClient) -> None:
    client.post("/api/labels", json={"name": "cat"})
    kept = step(client, begin(client, label=1), _CLICK)
    step(client, begin(client, label=1), {**_CLICK, "point": [20, 20]})
    client.patch(f"/api/objects/{kept['id']}", json={"accepted": True})
    answer = client.get("/api/export?format=coco")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''images_coco.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".json"))
        content = json.loads(archive.read(name))
    assert [(image["file_name"], image["width"], image["height"]) for image in content["images"]] == [
        ("a.png", 120, 90)
    ]
    assert [(found["area"], found["iscrowd"]) for found in content["annotations"]] == [(_DISK, 0)]
    client.patch(f"/api/objects/{kept['id']}", json={"deleted": True})
    back = client.post("/api/images/1/masks", json=content).json()["objects"]
    assert [(state["label"], state["mask"]) for state in back] == [(1, kept["mask"])]


def test_an_export_tells_of_which_images_objects_are_left_out(client: TestClient) -> None:
    for image in (3, 1):
        step(client, begin(client, image), {"type": "click", "point": [9, 9]})
        begin(client, image)
    for image in (1, 2):
        state = step(client, begin(client, image), {"type": "clear"} if image == 2 else _CLICK)
        client.patch(f"/api/objects/{state['id']}", json={"accepted": True})
    with zipfile.ZipFile(io.BytesIO(client.get("/api/export?format=coco").content)) as archive:
        notes = archive.read("NOTES.txt").decode().splitlines()
    assert notes == [
        "2 objects not accepted, left out: a.png, sub/c.png.",
        "1 accepted object without a pixel, left out: b.jpg.",
        "1 object has no label and is written as 'object': a.png.",
    ]


def test_an_export_is_refused_where_an_answer_is_missing(client: TestClient, tmp_path: Path) -> None:
    begin(client)
    client.get("/api/images/1")
    store = Store(tmp_path / "client.sqlite")
    store.add_step(1, 0, key(), {"type": "click", "point": [9, 9], "positive": True})
    store.change_object(1, accepted=True)
    store.close()
    answer = client.get("/api/export?format=coco")
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("an object of a.png waits for the network's first answer; export again")


def test_an_export_of_nothing_and_of_an_unknown_format(client: TestClient) -> None:
    assert client.get("/api/export?format=labels").status_code == 200
    answer = client.get("/api/export?format=cocoa")
    assert answer.status_code == 422
    assert "Did you mean 'coco'?" in answer.json()["error"]
    assert client.get("/api/export").status_code == 422


# What machines ask


def test_health_measures_and_the_list_of_operations(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    step(client, begin(client), _CLICK)
    measures = client.get("/metrics")
    assert measures.headers["content-type"].startswith("text/plain")
    assert 'vpuformer_steps_total{type="click"} 1.0' in measures.text
    assert 'vpuformer_requests_total{method="POST",status="201"} 1.0' in measures.text
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths["/api/objects/{identity}"]) == {"get", "patch"}
    assert "/api/images/{identity}/masks" in paths


def test_every_operation_says_what_it_does(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    names = {
        operation["operationId"]: operation["operationId"].partition("_api_")[0].replace("_", " ").title()
        for operation in operations
    }
    assert len(names) == len(operations)
    for operation in operations:
        assert operation["summary"] != names[operation["operationId"]]  # what FastAPI makes of a function's name
        assert " " in operation["summary"]
    assert len({operation["summary"] for operation in operations}) == len(operations)


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/docs", "text/html"), ("/static/favicon.svg", "image/svg+xml")]
)
def test_the_page_and_its_files(client: TestClient, path: str, kind: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert client.head(path).status_code in (200, 405)


def test_everything_is_there_again_after_the_server_was_closed(
    client: TestClient, image_folder: Path, tmp_path: Path
) -> None:
    client.post("/api/labels", json={"name": "cat"})
    state = step(client, begin(client, label=1), _CLICK)
    state = turn(client, step(client, state, {"type": "clear"}), "undo")
    client.put("/api/place", json={"image": 2})
    project = client.get("/api/project").json()
    app = create_app(Folder(image_folder), Store(tmp_path / "client.sqlite"), Disks())
    with TestClient(app, "http://127.0.0.1", headers={"X-VPUFormer": "1"}) as again:
        former = {name: project[name] for name in ("time", "news")}
        assert {**again.get("/api/project").json(), **former} == project
        assert again.get("/api/objects/1").json() == state
        assert turn(again, state, "redo")["mask"] is None
