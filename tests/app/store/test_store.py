import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from vpuformer.app.store.rows import LabelRow, LabelSettings, StepAnswer
from vpuformer.app.store.store import Store
from vpuformer.app.store.tables import layout
from vpuformer.errors import ConflictError, InputError, NotFoundError, StoreError
from vpuformer.formats.attributes import Attribute
from vpuformer.formats.label_set import LabelDefinition, LabelSet

CLICK = {"type": "click", "point": [1, 2]}
ANSWER = StepAnswer(bytes([2, 2, 2]), 2, (0, 1, 3, 2), b"logits", 0.1, "hash")


@pytest.fixture(params=["file", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    address = str(tmp_path / "a.sqlite")
    if request.param == "server":
        address = request.getfixturevalue("database")
        engine = sa.create_engine(address)
        layout.drop_all(engine)
        engine.dispose()
    store = Store(address)
    store.sync(["a.jpg", "b/c.png"])
    yield store
    store.close()


@pytest.fixture
def again(store: Store) -> Iterator[Callable[[], Store]]:
    """Opens the same database as another program does, while the first one is still at it."""
    others: list[Store] = []

    def open_again() -> Store:
        others.append(Store(store._engine.url.render_as_string(hide_password=False)))
        return others[-1]

    yield open_again
    for other in others:
        other.close()


def test_images_are_known_once(store: Store, again: Callable[[], Store]) -> None:
    store.sync(["b/c.png", "new.png"])
    assert [(row.id, row.name) for row in store.images()] == [(1, "a.jpg"), (2, "b/c.png"), (3, "new.png")]
    store.change_image(2, done=True)
    store.change_image(2, size=(30, 40))
    row = again().image(2)
    assert (row.done, row.size, row.objects) == (True, (30, 40), 0)


def test_a_project_is_named_once(store: Store, again: Callable[[], Store]) -> None:
    assert store.project is None
    store.name_project()
    named = store.project
    again().name_project()
    assert again().project == named is not None


def test_the_place_is_where_one_was_last(store: Store, again: Callable[[], Store]) -> None:
    assert store.last_image is None
    store.set_last_image(2)
    store.set_last_image(1)
    assert again().last_image == 1
    with pytest.raises(NotFoundError, match="no image 9"):
        store.set_last_image(9)


def test_labels(store: Store, again: Callable[[], Store]) -> None:
    cat, dog = store.add_label("cat"), store.add_label("dog", "#123456")
    assert cat.colour != dog.colour == "#123456"
    with pytest.raises(ConflictError, match="already a label 'cat'"):
        store.add_label("cat")
    with pytest.raises(ConflictError, match="already a label 'dog'"):
        store.change_label(cat.id, name="dog")
    assert store.change_label(cat.id, name="lion").colour == cat.colour
    made, _ = store.add_object(1, "object-1", cat.id), store.add_object(1, "object-3", cat.id)
    store.add_step(made.id, 0, "step-one", CLICK)
    with pytest.raises(ConflictError, match="the label 'lion' is on 1 object; change that first"):
        store.delete_label(cat.id)
    second = store.add_object(1, "object-2", cat.id)
    store.add_step(second.id, 0, "step-two", CLICK)
    with pytest.raises(ConflictError, match="the label 'lion' is on 2 objects; change that first"):
        store.delete_label(cat.id)
    for each in (made, second):
        store.change_object(each.id, deleted=True)
    store.delete_label(cat.id)
    assert [label.name for label in again().labels()] == ["dog"]
    assert store.history(made.id)[0].label is None
    for call in (store.delete_label, store.change_label):
        with pytest.raises(NotFoundError, match="no label 77"):
            call(77)


def test_an_object_sent_twice_is_one(store: Store) -> None:
    made = store.add_object(1, "object-1")
    assert store.add_object(1, "object-1") == made
    store.add_step(made.id, 0, "step-one", CLICK)
    assert [row.id for row in store.objects_of(1)] == [made.id]
    with pytest.raises(ConflictError, match="another image"):
        store.add_object(2, "object-1")
    with pytest.raises(NotFoundError, match="no image 9"):
        store.add_object(9, "object-2")
    with pytest.raises(NotFoundError, match="no label 5"):
        store.add_object(1, "object-3", label=5)
    assert len(store.objects_of(1)) == 1


def test_objects_are_counted_and_deleted_ones_are_not_listed(store: Store) -> None:
    first, second = store.add_object(1, "object-1"), store.add_object(1, "object-2")
    third, _ = store.add_object(2, "object-3"), store.add_object(1, "object-4")
    assert (store.image(1).objects, store.image(1).unaccepted) == (0, 0)  # until they have a step
    assert store.objects_of(1) == []
    for each in (first, second, third):
        store.add_step(each.id, 0, f"step-{each.id}-one", CLICK)
    assert (store.image(1).objects, store.image(1).unaccepted) == (0, 2)
    store.change_object(first.id, accepted=True)
    store.change_object(second.id, accepted=True, deleted=True)
    assert (store.image(1).objects, store.image(1).unaccepted) == (1, 0)
    assert [row.id for row in store.objects_of(1)] == [first.id]
    assert store.change_object(second.id, deleted=False).revision == 3
    assert store.image(1).objects == 2
    store.change_object(second.id, accepted=False)
    assert [(row.objects, row.unaccepted) for row in store.images()] == [(1, 1), (0, 1)]
    store.undo_redo(third.id, 1, -1)
    assert store.image(2).unaccepted == 0  # nothing of it is in force


def test_a_step_and_its_answer_are_on_the_disk(store: Store, again: Callable[[], Store]) -> None:
    made = store.add_object(1, "object-1")
    store.add_step(made.id, 0, "step-one", CLICK)
    assert [step.answered for step in again().history(made.id)[1]] == [False]
    (step,) = store.history(made.id)[1]
    assert store.answer_of(step.id) is None
    store.answer(step.id, ANSWER)
    other = again()
    assert other.answer_of(step.id) == ANSWER
    (kept,) = other.history(made.id)[1]
    assert (kept.content, kept.answered, kept.area, kept.seconds) == (CLICK, True, 2, 0.1)
    assert (other.history(made.id)[0].at, other.history(made.id)[0].revision) == (1, 1)


def test_a_step_sent_twice_is_one(store: Store) -> None:
    made, other = store.add_object(1, "object-1"), store.add_object(1, "object-2")
    store.add_step(made.id, 0, "step-one", CLICK)
    store.add_step(made.id, 0, "step-one", CLICK)
    assert len(store.history(made.id)[1]) == 1
    with pytest.raises(ConflictError, match="another object"):
        store.add_step(other.id, 0, "step-one", CLICK)
    with pytest.raises(ConflictError, match="revision is 1, not 0"):
        store.add_step(made.id, 0, "step-two", CLICK)
    with pytest.raises(NotFoundError, match="no object 9"):
        store.add_step(9, 0, "step-two", CLICK)


def test_undo_redo_and_what_a_new_step_gives_up(store: Store) -> None:
    made = store.add_object(1, "object-1")
    for revision, key in enumerate(["step-one", "step-two", "step-three"]):
        store.add_step(made.id, revision, key, {**CLICK, "point": [revision, 0]})
    assert store.undo_redo(made.id, 3, -1).at == 2
    assert store.undo_redo(made.id, 4, -1).at == 1
    assert store.undo_redo(made.id, 5, 1).at == 2
    store.add_step(made.id, 6, "step-four", {"type": "clear"})
    assert [step.content["type"] for step in store.history(made.id)[1]] == ["click", "click", "clear"]
    assert store.history(made.id)[0].at == 3
    with pytest.raises(ConflictError, match="nothing to redo"):
        store.undo_redo(made.id, 7, 1)
    with pytest.raises(ConflictError, match="revision is 7, not 3"):
        store.undo_redo(made.id, 3, -1)
    # What was given up is no longer history, but still on record.
    with store._engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*), count(position) FROM step")).one() == (4, 3)


def test_an_acceptance_holds_for_the_objects_as_they_were(store: Store, again: Callable[[], Store]) -> None:
    row = store.add_object(1, "object-1")
    store.add_step(row.id, 0, "step-1", CLICK, ANSWER)
    store.review_image(1, "accepted", "good")
    other = again()
    other.add_object(1, "object-2")
    assert not store.review(1).outdated, "an object without a step is none"
    other.add_step(row.id, 1, "step-2", CLICK, ANSWER)
    assert (store.review(1).verdict, store.review(1).outdated, store.image(1).done) == (None, True, True)
    other.undo_redo(row.id, 2, -1)
    assert (store.review(1).verdict, store.review(1).comment) == ("accepted", "good")
    with pytest.raises(NotFoundError):
        store.review(9)


def test_of_two_who_change_an_object_at_the_same_time_one_is_told(store: Store, again: Callable[[], Store]) -> None:
    made, told = store.add_object(1, "object-1"), []

    def change(key: str) -> None:
        other = again()
        try:
            other.add_step(made.id, 0, key, CLICK)
        except ConflictError as error:
            told.append(str(error))
        other.close()

    threads = [threading.Thread(target=change, args=(f"step-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.history(made.id)[1]) == 1
    assert [sentence.partition(";")[0] for sentence in told] == ["the object has changed: its revision is 1, not 0"] * 3


def test_a_step_that_cannot_be_answered_is_taken_back(store: Store) -> None:
    made = store.add_object(1, "object-1")
    store.add_step(made.id, 0, "step-one", CLICK, ANSWER)
    store.add_step(made.id, 1, "step-two", CLICK)
    store.withdraw(made.id, "step-two")
    assert (store.history(made.id)[0].at, store.history(made.id)[0].revision) == (1, 3)
    assert [step.answered for step in store.history(made.id)[1]] == [True]
    with pytest.raises(ConflictError, match="nothing to redo"):
        store.undo_redo(made.id, 3, 1)


def test_only_the_last_step_without_an_answer_is_taken_back(store: Store) -> None:
    made = store.add_object(1, "object-1")
    store.add_step(made.id, 0, "step-one", CLICK)
    store.add_step(made.id, 1, "step-two", CLICK)
    store.withdraw(made.id, "step-one")
    store.undo_redo(made.id, 2, -1)
    for key in ("step-one", "step-two"):
        store.withdraw(made.id, key)
    store.undo_redo(made.id, 3, 1)
    store.answer(store.history(made.id)[1][1].id, ANSWER)
    store.withdraw(made.id, "step-two")
    store.withdraw(store.add_object(1, "object-2").id, "step-two")
    assert (store.history(made.id)[0].at, store.history(made.id)[0].revision) == (2, 4)
    assert [step.answered for step in store.history(made.id)[1]] == [False, True]


def test_a_step_that_was_taken_back_can_be_sent_again(store: Store) -> None:
    made = store.add_object(1, "object-1")
    store.add_step(made.id, 0, "step-one", CLICK)
    store.withdraw(made.id, "step-one")
    assert not store.history_before(made.id, "step-one")[2]
    store.add_step(made.id, 2, "step-two", CLICK, ANSWER)
    with pytest.raises(ConflictError, match="revision is 3, not 0"):
        store.add_step(made.id, 0, "step-one", CLICK)
    with pytest.raises(ConflictError, match="another object"):
        store.add_step(store.add_object(1, "object-2").id, 0, "step-one", CLICK)
    store.add_step(made.id, 3, "step-one", CLICK)
    assert store.history_before(made.id, "step-one")[2]
    assert (store.history(made.id)[0].at, store.history(made.id)[0].revision) == (2, 4)
    assert [step.answered for step in store.history(made.id)[1]] == [True, False]
    # One that has been answered was seen: given up for another, it does not come back.
    store.undo_redo(made.id, 4, -1)
    store.undo_redo(made.id, 5, -1)
    store.add_step(made.id, 6, "step-three", CLICK)
    assert store.history_before(made.id, "step-two")[2]
    store.add_step(made.id, 7, "step-two", CLICK)
    assert store.history(made.id)[0].revision == 7


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 300)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path / "text")
    with pytest.raises(StoreError, match="unable to open"):
        Store(tmp_path / "missing" / "a.sqlite")
    with pytest.raises(StoreError, match="nosuchdialect://x cannot be used"):
        Store("nosuchdialect://x")
    for address in ("postgresql://u:secret@host:5432x/db", "my-db://u:secret@x"):
        with pytest.raises(StoreError, match="is not a database URL") as refused:
            Store(address)
        assert "secret" not in str(refused.value)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "a.sqlite").close()
    with sqlite3.connect(tmp_path / "a.sqlite") as plain:
        plain.execute("UPDATE fact SET value = '99' WHERE name = 'version'")
    with pytest.raises(StoreError, match="version 99, this program reads version 1"):
        Store(tmp_path / "a.sqlite")


def test_a_file_that_may_only_be_read_is_refused_where_something_is_to_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with contextlib.closing(Store(path)) as store:
        store.check_writable()
    with contextlib.closing(Store(f"sqlite:///file:{path}?mode=ro&uri=true")) as store:  # an export needs no more
        assert store.labels() == []
        with pytest.raises(StoreError, match="that you may write to it"):
            store.check_writable()


def test_a_password_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as told:
        Store(f"sqlite+pysqlite://me:secret@host/{tmp_path}/no/a.sqlite")
    assert "secret" not in str(told.value)


def test_the_file_is_written_ahead_and_in_full(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()


def test_a_file_that_was_moved_or_replaced_takes_no_further_change(tmp_path: Path) -> None:
    path, moved = tmp_path / "a.sqlite", tmp_path / "moved.sqlite"
    store = Store(path)
    store.sync(["a.jpg"])
    path.rename(moved)
    for _ in range(2):
        with pytest.raises(StoreError, match="was moved or replaced while it was open; nothing was stored"):
            store.sync(["b.jpg"])
        path.write_bytes(moved.read_bytes())  # another file with the same content
    assert [row.name for row in store.images()] == ["a.jpg"]
    moved.replace(path)
    store.sync(["c.jpg"])
    assert [row.name for row in store.images()] == ["a.jpg", "c.jpg"]
    path.unlink()
    store._engine.pool.dispose()
    with pytest.raises(StoreError, match="was moved or replaced"):
        store.images()
    assert not path.exists()
    store.close()


def test_a_new_store_has_its_tables_in_the_file_itself(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")
    (tmp_path / "alone.sqlite").write_bytes((tmp_path / "a.sqlite").read_bytes())  # without its log
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "alone.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM step").fetchone() == (0,)


def test_labels_attributes_and_tags(store: Store, again: Callable[[], Store]) -> None:
    colour, note = Attribute("colour", "choice", ("red", "blue")), Attribute("note")
    cup = LabelDefinition("cup", "#123456", "dishes", (colour,))
    store.add_label_set(LabelSet((cup, LabelDefinition("dog")), (note,), ("night",)))
    store.change_label(2, group="animals")
    store.order_labels([2, 1])
    other = again()
    assert other.label_settings() == LabelSettings((note,), ("night",))
    assert other.labels() == [
        LabelRow(1, "cup", "#123456", "dishes", (colour,)),
        LabelRow(2, "dog", other.label(2).colour, "animals"),
    ]
    assert [row.name for row in other.ordered_labels()] == ["dog", "cup"]

    row = store.add_object(1, "object-1", 1)
    assert row.attributes == {}
    store.change_object(row.id, attributes={"colour": "red", "size": 3.5})
    store.add_step(row.id, 1, "step-1", CLICK, ANSWER)
    store.change_image(1, tags=["fog", "night", "fog"])
    assert other.objects_of(1)[0].attributes == {"colour": "red", "size": 3.5}
    assert other.image(1).tags == ("fog", "night")
    assert {image.id: image.tags for image in other.images()} == {1: ("fog", "night"), 2: ()}
    other.set_label_settings(LabelSettings(label_required=True))
    store.change_object(row.id, accepted=True)
    with pytest.raises(InputError, match="needs a label"):
        store.change_object(row.id, label=None)
    other.set_label_settings(LabelSettings())
    assert store.change_object(row.id, label=None).accepted
