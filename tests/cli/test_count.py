"""`vpuformer count`."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from vpuformer.app.store.person import current_person
from vpuformer.app.store.rows import StepAnswer
from vpuformer.app.store.store import FILE, Store
from vpuformer.cli import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["count", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    store = Store(tmp_path / FILE)
    store.sync(["a.png", "b.png"])
    identity = store.add_object(1, "object-1", store.add_label("cup").id).id
    store.add_step(identity, 0, "step-1", {"type": "click", "point": [1, 1]}, StepAnswer(bytes([2, 2, 8]), 2))
    store.change_object(identity, accepted=True)
    store.review_image(2, "rejected")
    store.close()
    return tmp_path


def test_the_counts_are_text_json_or_a_table(folder: Path) -> None:
    lines = run(str(folder)).output.splitlines()
    assert lines[0] == "images: 1 begun, 1 rejected"
    assert lines[1] == "objects: 1 object, 1 accepted, 0.0 minutes, 0.0 s per object"
    assert lines[2] == "label cup: 1 object, 1 accepted, 0.0 minutes"
    counts = json.loads(run(str(folder), "--json").output)
    assert (counts["objects"], counts["images"]["rejected"]) == (1, 1)
    rows = list(csv.DictReader(io.StringIO(run(str(folder), "--csv").output)))
    assert ("label", "cup", "1") in [(row["kind"], row["name"], row["objects"]) for row in rows]


def test_people_are_counted_by_their_names(folder: Path) -> None:
    assert "person" not in run(str(folder)).output
    store = Store(folder / FILE)
    current_person.set("Ann")
    store.change_object(1, accepted=False)
    current_person.set(None)
    store.close()
    lines = run(str(folder)).output.splitlines()
    assert lines[3] == "person Ann: 1 object, 0 accepted, 0.0 minutes"
    assert lines[4] == "person (no name): 0 objects, 0 accepted, 0.0 minutes"


def test_what_cannot_be_counted_is_refused_in_a_sentence(folder: Path) -> None:
    assert "give one of them" in run(str(folder), "--json", "--csv").stderr
    (folder / FILE).unlink()
    refused = run(str(folder))
    assert (refused.exit_code, "annotate the images with" in refused.stderr) == (2, True)
    assert not (folder / FILE).exists()
