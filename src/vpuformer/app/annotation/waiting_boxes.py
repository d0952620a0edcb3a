"""Boxes without a mask, such as imported ones: the network answers them in the background."""

import logging
import threading
from collections.abc import Callable, Sequence

from vpuformer.app.annotation.answering import Answering
from vpuformer.app.annotation.box_answers import BoxAnswers
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import WaitingBoxes
from vpuformer.app.store.store import Store
from vpuformer.arrays import RGB
from vpuformer.errors import BusyError, InputError
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter

_log = logging.getLogger(__name__)


class BoxBacklog:
    """A thread that answers the boxes that wait in the store, one image after the other.

    A prompt of a person waits for one box at most. If an image is gone, its boxes wait until the next `look`; if the
    network fails, all boxes do.
    """

    def __init__(self, folder: Folder, store: Store, answering: Answering) -> None:
        self._folder, self._store, self._answering = folder, store, answering
        self._changed = threading.Condition()
        self._wanted = self._counting = self._closed = False
        self._thread: threading.Thread | None = None
        self._waiting = self._answered = 0

    def look(self) -> None:
        """Begin to answer the boxes that wait. Call it after boxes were added."""
        with self._changed:
            if self._closed:
                return
            self._wanted = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="boxes", daemon=True)
                self._thread.start()
            self._changed.notify()

    @property
    def state(self) -> WaitingBoxes:
        """The number of boxes that wait and that were answered.

        At least 1 waits from `look` until the boxes are counted.
        """
        uncounted = self._wanted or self._counting
        return WaitingBoxes(waiting=max(self._waiting, int(uncounted)), answered=self._answered)

    def stop(self) -> None:
        """Stop after the box that is being answered. The others wait in the store."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has stopped."""
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closed)
                if self._closed:
                    return
                self._counting, self._wanted = True, False
            try:
                self._round()
            except Exception:
                _log.exception("boxes wait for an answer")
            self._waiting, self._counting = 0, False

    def _round(self) -> None:
        """Answer all boxes that wait now."""
        boxes = self._store.waiting_boxes()
        self._waiting = left = sum(map(len, boxes.values()))
        self._answered, self._counting = 0, False
        for image, identities in boxes.items():
            self._waiting = left
            left -= len(identities)
            if self._closed:
                return
            try:
                self._answer(image, identities)
            except BusyError:
                return
            except InputError as error:
                _log.warning("%d boxes of %s wait for an answer: %s", len(identities), image, error)

    def _answer(self, image: str, identities: Sequence[int]) -> None:
        """Answer the boxes of an image, all with the network that is in use now."""
        segmenter = _PatientSegmenter(self._answering.segmenter, self._answering, self._count)
        BoxAnswers(self._folder, self._store, lambda: segmenter)(image, identities)

    def _count(self) -> None:
        self._waiting -= 1
        self._answered += 1


class _PatientSegmenter:
    """A segmenter that lets everybody else go first, before each image and each query."""

    def __init__(self, segmenter: Segmenter, answering: Answering, on_answer: Callable[[], None]) -> None:
        self._segmenter, self._answering, self._on_answer = segmenter, answering, on_answer

    @property
    def name(self) -> str:
        return self._segmenter.name

    @property
    def sha256(self) -> str:
        return self._segmenter.sha256

    def encode(self, image: RGB) -> Encoded:
        return self._answering.ask_patiently(lambda: self._segmenter.encode(image))

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        return [self._one(query) for query in queries]

    def _one(self, query: Query) -> Prediction:
        (prediction,) = self._answering.ask_patiently(lambda: self._segmenter.segment([query]))
        self._on_answer()
        return prediction
