"""`vpuformer import`: annotations of a whole folder, from the command line and through the server."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from vpuformer.app.store.store import FILE, Store
from vpuformer.cli import app

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

SQUARE = [[10, 10, 20, 10, 20, 20, 10, 20]]


def coco(*annotations: dict[str, Any], width: int = 120) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": 90, "width": width}],
        "annotations": [{"id": number, "image_id": 1, **each} for number, each in enumerate(annotations, 1)],
    }


def run(folder: Path, content: Any, *options: str) -> Result:
    path = folder.parent / "annotations.json"
    path.write_text(json.dumps(content))
    return CliRunner().invoke(app, ["import", str(folder), str(path), *options])


def test_a_file_is_imported_once(image_folder: Path) -> None:
    content = coco({"segmentation": SQUARE}, {"segmentation": SQUARE, "iscrowd": 1})
    result = run(image_folder, content, "--dry-run")
    assert result.output.splitlines()[0] == "COCO JSON: 1 image; 1 object would be new, 0 would be updated, 0 as before"
    assert not (image_folder / FILE).exists()
    result = run(image_folder, content)
    assert result.exit_code == 0
    first, second = result.output.splitlines()
    assert first == "COCO JSON: 1 image; 1 object new, 0 updated, 0 as before"
    assert second.startswith("left out: 1 annotation: crowds (iscrowd is 1)")
    report = json.loads(run(image_folder, content, "--json").stdout)
    assert (report["new"], report["same"], report["left_out"][0]["examples"]) == (0, 1, ["a.png"])


def test_boxes_are_answered_by_the_network(image_folder: Path, model: Path) -> None:
    result = run(image_folder, coco({"bbox": [30, 30, 40, 20]}), "--model", str(model), "--runtime", "torch")
    assert result.exit_code == 0, result.output
    assert "1 mask made from boxes" in result.output
    store = Store(image_folder / FILE)
    assert store.history(1)[1][0].answered
    store.close()


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (coco({"segmentation": SQUARE}, width=9), [], "1 image left out, named above"),
        ({"features": []}, [], "annotations.json is GeoJSON; give annotations as JSON of COCO"),
        (coco(), ["--label", " "], "the label ' ' is blank"),
        (coco(), ["--model", "none"], "none"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence(
    content: Any, options: list[str], message: str, image_folder: Path
) -> None:
    result = run(image_folder, content, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_yolo_data_set_by_its_list_of_classes(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "set" / "labels").mkdir(parents=True)
    (tmp_path / "set" / "data.yaml").write_text("names: [cat, dog]")
    (tmp_path / "set" / "labels" / "a.txt").write_text("1 0.1 0.1 0.2 0.1 0.2 0.2\n")
    arguments = ["import", str(image_folder), str(tmp_path / "set" / "data.yaml"), "--json"]
    report = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert (report["format"], report["new"]) == ("YOLO segmentation", 1)
    store = Store(image_folder / FILE)
    assert [label.name for label in store.labels()] == ["cat", "dog"]
    store.close()


def test_a_folder_of_masks(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "masks" / "sub").mkdir(parents=True)
    for name, size in (("a.png", (90, 120)), ("sub/c.png", (30, 40)), ("other.png", (3, 3))):
        Image.fromarray(np.eye(*size, dtype=np.uint8) * 255).save(tmp_path / "masks" / name)
    arguments = ["import", str(image_folder), str(tmp_path / "masks"), "--label", "line", "--accept", "--json"]
    report = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert (report["new"], report["left_out"][0]["examples"]) == (2, ["other"])


def test_masks_of_single_objects_are_imported_as_they_are_fine_tuned_on(image_folder: Path, tmp_path: Path) -> None:
    for name, height, width in (("a_1.png", 90, 120), ("a_cup.png", 90, 120), ("b/x.png", 64, 64), ("c.png", 30, 40)):
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        mask = np.zeros((height, width), np.uint8)
        mask[5 : 12 + len(name), 5:20] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / name)
    (image_folder / "sub/c.png").rename(image_folder / "c.png")
    (image_folder / "sub").rmdir()
    arguments = ["import", str(image_folder), str(tmp_path / "masks"), "--json"]
    report = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert (report["images"], report["new"], report["left_out"]) == (3, 4, [])


def test_an_import_that_is_killed_goes_on(image_folder: Path) -> None:
    """Killed after its first image is stored, and before the second one."""
    images = [{"id": i, "file_name": name, "height": h, "width": w} for i, name, h, w in SIZES]
    annotations = [{"id": i, "image_id": 1 + i % 3, "segmentation": SQUARE} for i in range(9)]
    path = image_folder.parent / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    done = subprocess.run([sys.executable, "-c", KILLED, str(image_folder), str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    report = json.loads(CliRunner().invoke(app, ["import", str(image_folder), str(path), "--json"]).stdout)
    assert (report["new"], report["same"]) == (6, 3)


SIZES = ((1, "a.png", 90, 120), (2, "b.jpg", 64, 64), (3, "sub/c.png", 30, 40))

KILLED = """
import os, signal, sys
from pathlib import Path
from vpuformer.app.annotation.folder_import import import_folder
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import FILE, Store
from vpuformer.formats.bundle import Bundle

def track(images):
    yield images[0]
    os.kill(os.getpid(), signal.SIGKILL)

folder = Folder(sys.argv[1])
import_folder(folder, Store(folder.root / FILE), Bundle(Path(sys.argv[2])), track=track)
"""


def test_the_server_imports_for_all_images(client: TestClient) -> None:
    content = json.dumps(coco({"segmentation": SQUARE}, {"bbox": [30, 30, 40, 20]})).encode()
    report = client.post("/api/import?name=a.json&dry_run=true", content=content).json()
    assert (report["new"], report["waiting"]) == (2, 1)
    assert client.get("/api/images/1").json()["objects"] == []
    report = client.post("/api/import?name=a.json&accept=true", content=content).json()
    assert (report["new"], report["waiting"]) == (2, 1)
    square, boxed = client.get("/api/images/1").json()["objects"]
    assert (square["accepted"], boxed["accepted"]) == (True, False)
    deadline = time.monotonic() + 30
    while not boxed["answered"]:  # in the background
        assert time.monotonic() < deadline
        time.sleep(0.05)
        boxed = client.get("/api/images/1").json()["objects"][1]
    assert boxed["mask"] is not None
    answer = client.post("/api/import?name=a.pdf", content=b"%PDF-1.7")
    assert (answer.status_code, answer.json()["error"].split(";")[0]) == (422, "a.pdf is a PDF")
