"""Earlier stores open: `store_v1.sql` is a dump of one from an earlier version."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from support.app_disks import Disks
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.exporting import accepted_images
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewStep
from vpuformer.app.store import rle
from vpuformer.app.store.database import Database
from vpuformer.app.store.logits import decode_logits
from vpuformer.app.store.rows import ImageRow, LabelRow, ObjectRow
from vpuformer.app.store.store import Store

SIZE = (6, 8)


@pytest.fixture
def address(tmp_path: Path) -> Path:
    file = tmp_path / "vpuformer.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript((Path(__file__).parent / "store_v1.sql").read_text("utf-8"))
    connection.close()
    return file


def test_every_row_is_read(address: Path) -> None:
    store = Store(address)
    assert store.labels() == [LabelRow(1, "cup", "#e69f00")]
    first, second = sorted(store.images(), key=lambda row: row.id)
    assert first.changed is not None
    assert first._replace(changed=None) == ImageRow(
        1, "a.png", done=False, objects=1, unaccepted=1, size=SIZE, labels=(None, 1)
    )
    assert second == ImageRow(2, "b.png", done=True, objects=0, unaccepted=0, size=SIZE)
    assert store.last_image == 2
    accepted = ObjectRow(1, 1, 1, accepted=True, deleted=False, revision=5, at=2)
    assert store.objects_of(1) == [accepted, ObjectRow(2, 1, None, accepted=False, deleted=False, revision=4, at=4)]
    assert store.history(3)[0].deleted
    row, steps = store.history(1)
    assert row == accepted
    assert [(step.content["type"], step.area, step.seconds) for step in steps] == [
        ("click", 9, 0.25),
        ("brush", 11, None),
        ("click", 11, 0.25),
    ]
    answer = store.answer_of(steps[0].id)
    assert answer is not None
    assert (answer.crop, answer.model, rle.decode(answer.mask, SIZE).sum()) == ((0, 0, 8, 6), "0" * 64, 9)
    assert answer.logits is not None
    assert decode_logits(answer.logits).shape == (2, 2)
    store.close()


def test_work_goes_on(address: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(address.parent / name)
    annotator = Annotator(Folder(address.parent), Store(address), Disks(radius=1.5))
    image, done = accepted_images(annotator.store)
    assert (image.image, done.image) == ("a.png", "b.png")
    (mask,) = image.masks()
    assert (mask.label, mask.mask.sum()) == ("cup", 11)
    redone = annotator.undo_redo(1, 5, 1)
    assert (redone.at, redone.area) == (3, 11)
    step = NewStep.model_validate({"key": "step-new", "revision": 4, "step": {"type": "click", "point": [2, 2]}})
    assert annotator.step(2, step).area == 9
    annotator.close()


def test_a_column_of_a_later_version_is_added_to_an_earlier_store(address: Path) -> None:
    later = sa.MetaData()
    sa.Table("label", later, sa.Column("id", sa.Integer, primary_key=True), sa.Column("order", sa.Float))
    for _ in range(2):  # the second opening finds the column
        Database(address, later).close()
    with sqlite3.connect(address) as connection:
        assert connection.execute('SELECT id, name, "order" FROM label').fetchall() == [(1, "cup", None)]
    connection.close()
    store = Store(address)
    assert store.labels() == [LabelRow(1, "cup", "#e69f00")]
    store.close()
