"""Boxes without a mask are answered in the background, behind the prompts of people."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.box_answers import BoxAnswers
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import NewStep
from vpuformer.app.store.imports import ImportedObject
from vpuformer.app.store.store import Store
from vpuformer.errors import ImageError
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query

SIZE = (8, 10)
BOX = (0.5, 0.5, 3.5, 3.5)


class Slow:
    """Answers everything with one pixel, after the test lets it."""

    name, sha256 = "slow", "0" * 64

    def __init__(self) -> None:
        self.allowed, self.begun = threading.Semaphore(0), threading.Semaphore(0)
        self.seen: list[str] = []
        self.fails, self.failures = False, 0

    def encode(self, image: np.ndarray) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        assert len(queries) == 1, "a person waits for one query at most"
        self.begun.release()
        self.allowed.acquire()
        if self.fails:
            self.failures += 1
            raise MemoryError
        self.seen += [type(query.prompts[-1]).__name__ for query in queries]
        probability = np.zeros(SIZE, np.float32)
        probability[2, 3] = 1
        return [Prediction(probability) for _ in queries]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Image.new("RGB", SIZE[::-1]).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def annotator(folder: Path) -> Iterator[Annotator]:
    annotator = Annotator(Folder(folder), Store(folder / "kept.sqlite"), Slow())
    yield annotator
    slow(annotator).allowed.release(1000)
    annotator.close()


def slow(annotator: Annotator) -> Slow:
    assert isinstance(annotator.segmenter, Slow)
    return annotator.segmenter


def add_boxes(annotator: Annotator, image: int, number: int) -> None:
    boxes = [ImportedObject(None, (*BOX[:2], BOX[2] + index, BOX[3])) for index in range(number)]
    annotator.store.import_objects(image, boxes, size=SIZE)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_boxes_of_all_images_are_answered_and_counted(annotator: Annotator) -> None:
    add_boxes(annotator, 1, 2)
    add_boxes(annotator, 2, 1)
    annotator.boxes.look()
    network = slow(annotator)
    assert network.begun.acquire(timeout=20)
    assert (annotator.boxes.state.waiting, annotator.boxes.state.answered) == (3, 0)
    network.allowed.release()
    assert network.begun.acquire(timeout=20)
    assert (annotator.boxes.state.waiting, annotator.boxes.state.answered) == (2, 1)
    network.allowed.release(2)
    until(lambda: not annotator.store.waiting_boxes())
    until(lambda: annotator.boxes.state.waiting == 0)
    assert annotator.boxes.state.answered == 3
    assert [state.area for state in annotator.open(1).objects] == [1, 1]


def test_boxes_that_are_not_counted_yet_wait(annotator: Annotator, monkeypatch: pytest.MonkeyPatch) -> None:
    add_boxes(annotator, 1, 2)
    counts, waiting_boxes = threading.Event(), annotator.store.waiting_boxes

    def late() -> dict[str, list[int]]:
        assert counts.wait(20)
        return waiting_boxes()

    monkeypatch.setattr(annotator.store, "waiting_boxes", late)
    assert annotator.boxes.state.waiting == 0
    annotator.boxes.look()
    for _ in range(20):
        assert annotator.boxes.state.waiting == 1
        time.sleep(0.005)
    counts.set()
    assert slow(annotator).begun.acquire(timeout=20)
    assert annotator.boxes.state.waiting == 2
    slow(annotator).allowed.release(2)
    until(lambda: annotator.boxes.state.waiting == 0)


def test_a_prompt_of_a_person_comes_before_all_boxes_that_wait(annotator: Annotator) -> None:
    add_boxes(annotator, 1, 3)
    network = slow(annotator)
    annotator.boxes.look()
    assert network.begun.acquire(timeout=20)
    state = annotator.begin(2, "object-1")
    click = NewStep.model_validate({"key": "step-one", "revision": 0, "step": {"type": "click", "point": [1, 1]}})
    person = threading.Thread(target=annotator.step, args=(state.id, click))
    person.start()
    until(lambda: annotator.answering.waiting == 1)
    network.allowed.release(4)
    person.join()
    until(lambda: len(network.seen) == 4)
    assert network.seen == ["Box", "Click", "Box", "Box"]


def test_opening_an_image_does_not_wait_for_its_boxes(annotator: Annotator) -> None:
    add_boxes(annotator, 1, 2)
    states = annotator.open(1).objects
    assert [(state.at, state.answered, state.mask) for state in states] == [(1, 0, None)] * 2
    slow(annotator).allowed.release(2)
    until(lambda: annotator.open(1).objects[1].answered == 1)


def test_boxes_wait_where_the_image_or_the_network_fails_until_the_next_look(
    annotator: Annotator, folder: Path
) -> None:
    add_boxes(annotator, 1, 1)
    add_boxes(annotator, 2, 1)
    (folder / "a.png").rename(folder / "gone")
    network = slow(annotator)
    network.allowed.release()
    annotator.boxes.look()
    until(lambda: list(annotator.store.waiting_boxes()) == ["a.png"])
    (folder / "gone").rename(folder / "a.png")
    network.fails = True
    network.allowed.release()
    annotator.boxes.look()
    until(lambda: network.failures == 1)
    network.fails = False
    network.allowed.release()
    annotator.boxes.look()
    until(lambda: not annotator.store.waiting_boxes())


def test_boxes_wait_while_their_image_has_another_size(annotator: Annotator, folder: Path) -> None:
    add_boxes(annotator, 1, 1)
    (identities,) = annotator.store.waiting_boxes().values()
    answers = BoxAnswers(annotator.folder, annotator.store, lambda: annotator.segmenter)
    slow(annotator).allowed.release()
    Image.new("RGB", SIZE).save(folder / "a.png")  # turned: as many pixels
    with pytest.raises(ImageError, match=r"a\.png is now 8x10 pixels, but its objects were drawn on 10x8; restore"):
        answers("a.png", identities)
    Image.new("RGB", SIZE[::-1]).save(folder / "a.png")
    assert answers("a.png", identities) == 1


def test_closing_leaves_the_boxes_that_wait_in_the_store(folder: Path) -> None:
    annotator = Annotator(Folder(folder), Store(folder / "kept.sqlite"), Slow())
    add_boxes(annotator, 1, 3)
    annotator.boxes.look()
    network = slow(annotator)
    assert network.begun.acquire(timeout=20)
    closing = threading.Thread(target=annotator.close)
    closing.start()
    network.allowed.release()
    closing.join(timeout=20)
    assert not closing.is_alive()
    store = Store(folder / "kept.sqlite")
    assert sum(map(len, store.waiting_boxes().values())) >= 2
    store.close()
