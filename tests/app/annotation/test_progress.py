import csv
import io
import itertools
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from vpuformer.app.annotation.progress import LONGEST_PAUSE, csv_text, progress, seconds_of_work
from vpuformer.app.store import image_store, imports, store
from vpuformer.app.store.imports import ImportedObject
from vpuformer.app.store.person import current_person
from vpuformer.app.store.rows import StepAnswer, TakenStep
from vpuformer.app.store.store import Store

NOON = datetime(2026, 11, 29, 12).timestamp()
MIDNIGHT = datetime(2026, 11, 30).timestamp()


def worked(times: list[tuple[int, float]]) -> tuple[dict[int, float], dict[str, float]]:
    return seconds_of_work(TakenStep(*each) for each in times)


def test_pauses_are_no_work() -> None:
    times = [(1, NOON), (1, NOON + LONGEST_PAUSE), (2, NOON + 2 * LONGEST_PAUSE + 1), (1, NOON + 2 * LONGEST_PAUSE + 4)]
    assert worked(times) == ({1: LONGEST_PAUSE + 3, 2: 0}, {"2026-11-29": LONGEST_PAUSE + 3})
    _, on_day = worked([(1, MIDNIGHT - 10), (1, MIDNIGHT - 2), (1, MIDNIGHT + 5)])
    assert on_day == {"2026-11-29": 8, "2026-11-30": 7}
    assert worked([]) == ({}, {})


def test_images_objects_and_work_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotations, seconds = Store(tmp_path / "a.sqlite"), itertools.count(int(NOON), 5)
    clock = SimpleNamespace(time=lambda: float(next(seconds)))
    for module in (store, image_store, imports):
        monkeypatch.setattr(module, "time", clock)
    names = ["begun", "done", "rejected", "accepted", "untouched"]
    annotations.sync([*names, "gone"])
    cup = annotations.add_label("cup").id

    def outline(image: int, key: str, label: int | None = None) -> int:
        identity = annotations.add_object(image, key, label).id
        answer = StepAnswer(bytes([2, 2, 2]), 2)
        annotations.add_step(identity, 0, f"step-{key}", {"type": "click", "point": [1, 1]}, answer)
        return identity

    accepted = outline(1, "first", cup)
    annotations.change_object(accepted, accepted=True)
    outline(1, "second")
    annotations.change_object(outline(2, "third"), deleted=True)
    outline(6, "elsewhere", cup)
    annotations.import_objects(1, [ImportedObject("cup", bytes([1, 1, 6]), 1)], accept=True)
    annotations.change_image(2, done=True)
    annotations.review_image(3, "rejected", "again")
    annotations.review_image(4, "accepted")

    counts = progress(annotations, names)
    assert counts.images.model_dump() == dict.fromkeys(("untouched", "begun", "rejected", "done", "accepted"), 1)
    assert (counts.objects, counts.accepted) == (3, 2)
    by_label = {row.name: (row.images, row.objects, row.accepted, row.seconds > 0) for row in counts.labels}
    assert by_label == {"cup": (1, 2, 2, False), None: (1, 1, 0, True)}
    (day,) = counts.days
    assert (day.name, day.objects, day.seconds) == ("2026-11-29", 3, counts.seconds)
    without_label = next(row.seconds for row in counts.labels if row.name is None)
    assert counts.seconds_per_object == without_label / 2, "an object that was only imported takes no time"

    rows = list(csv.DictReader(io.StringIO(csv_text(counts))))
    assert [(row["kind"], row["name"]) for row in rows if row["kind"] != "state"] == [
        ("label", "cup"),
        ("label", ""),
        ("day", "2026-11-29"),
    ]
    assert {row["name"]: row["images"] for row in rows if row["kind"] == "state"}["begun"] == "1"
    annotations.close()


def test_work_is_counted_for_each_person_once_somebody_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations, seconds = Store(tmp_path / "a.sqlite"), itertools.count(int(NOON), 4)
    monkeypatch.setattr(store, "time", SimpleNamespace(time=lambda: float(next(seconds))))
    annotations.sync(["a.png"])

    def click(identity: int, revision: int, person: str | None) -> None:
        current_person.set(person)
        content, answer = {"type": "click", "point": [1, 1]}, StepAnswer(bytes([2, 2, 2]), 2)
        annotations.add_step(identity, revision, f"step-{identity}-{revision}", content, answer)

    annotations.import_objects(1, [ImportedObject("cup", bytes([1, 1, 6]), 1)])
    first, second = (annotations.add_object(1, f"object-{number}").id for number in range(2))
    click(first, 0, None)
    assert progress(annotations, ["a.png"]).people == []
    click(first, 1, "Bob")
    click(second, 0, "Ann")
    click(second, 1, "Ann")
    click(second, 2, "Bob")
    annotations.undo_redo(second, 3, -1)
    current_person.set("Ann")
    annotations.change_object(first, accepted=True)
    current_person.set(None)
    counts = progress(annotations, ["a.png"])
    by_person = [(row.name, row.objects, row.accepted, row.seconds) for row in counts.people]
    assert [row[:3] for row in by_person] == [("Ann", 1, 1), ("Bob", 1, 0), (None, 1, 0)]
    assert [row[3] > 0 for row in by_person] == [True, True, False]
    assert "person,Ann,1,1,1," in csv_text(counts)
    annotations.close()
