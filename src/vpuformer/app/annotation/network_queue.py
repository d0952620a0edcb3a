"""The one thread that uses the network, with a bounded queue."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import TypeVar, cast

from vpuformer.errors import BusyError, VPUFormerError

T = TypeVar("T")

MAX_WAITING = 32
"""Maximum number of waiting questions. Each holds one of the server's 40 threads, and tiles need some of them."""

MAX_TASKS = 3
"""Maximum number of waiting background tasks. A new task replaces the oldest."""

_CLOSED = "the server is stopping; the prompt is stored and will be answered when the server runs again"

_log = logging.getLogger(__name__)


class NetworkQueue:
    """One thread that answers questions in order, and runs tasks while no question waits.

    Patient questions come last: one of them runs while neither a question nor a task waits.

    >>> queue = NetworkQueue()
    >>> queue.ask(lambda: 6 * 7)
    42
    >>> queue.close()
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._questions: deque[tuple[Callable[[], object], Future[object]]] = deque()
        self._patient: deque[tuple[Callable[[], object], Future[object]]] = deque()
        # A person who leafs through a folder leaves tasks behind that nobody needs any more.
        self._tasks: deque[Callable[[], object]] = deque(maxlen=MAX_TASKS)
        self._closed = self._working = False
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()
        self.waiting = 0
        """Number of unanswered questions, including the running one."""

    def _put(
        self, jobs: "deque[tuple[Callable[[], object], Future[object]]]", question: Callable[[], T]
    ) -> "Future[T]":
        """Queue a question; whoever calls holds the lock."""
        promise: Future[T] = Future()
        jobs.append((question, cast("Future[object]", promise)))
        self._changed.notify()
        return promise

    def ask_patiently(self, question: Callable[[], T]) -> T:
        """Run `question` once nobody else waits, and return or raise what it does.

        Raises:
            BusyError: the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise BusyError(_CLOSED)
            promise = self._put(self._patient, question)
        return _result(promise)

    def ask_if_idle(self, question: Callable[[], T]) -> T:
        """Run `question` now, and return or raise what it does.

        Raises:
            BusyError: the thread is at work, or the queue is closed.
        """
        with self._changed:
            if self._closed or self._working or self._questions or self._tasks or self._patient:
                raise BusyError("the network is at work; ask again in a second")
            promise = self._put(self._patient, question)
        return _result(promise)

    def ask(self, question: Callable[[], T]) -> T:
        """Run `question` in its turn, and return or raise what it does.

        Raises:
            BusyError: too many questions are waiting, or the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise BusyError(_CLOSED)
            if self.waiting >= self._max_waiting:
                raise BusyError(f"{self.waiting} prompts are already waiting for the network; try again in a second")
            self.waiting += 1
            promise = self._put(self._questions, question)
        try:
            return _result(promise)
        finally:
            with self._changed:
                self.waiting -= 1

    def prepare(self, task: Callable[[], object]) -> None:
        """Queue a background task.

        Exceptions are logged. If too many tasks wait, the oldest is dropped.
        """
        with self._changed:
            if not self._closed:
                self._tasks.append(task)
                self._changed.notify()

    def close(self) -> None:
        """Finish the running job and discard the waiting ones."""
        with self._changed:
            self._closed = True
            for _, promise in (*self._questions, *self._patient):
                promise.cancel()
            self._questions.clear()
            self._patient.clear()
            self._tasks.clear()
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()

    def _next(self) -> Callable[[], object] | None:
        """Wait for the next job, questions first; None once the queue is closed."""
        with self._changed:
            self._working = False
            self._changed.wait_for(lambda: self._questions or self._tasks or self._patient or self._closed)
            if self._closed:
                return None
            self._working = True
            if self._questions:
                return partial(_answer, *self._questions.popleft())
            if self._tasks:
                return partial(_prepare, self._tasks.popleft())
            return partial(_answer, *self._patient.popleft())


def _result(promise: "Future[T]") -> T:
    try:
        return promise.result()
    except CancelledError:
        raise BusyError(_CLOSED) from None


def _answer(question: Callable[[], object], promise: "Future[object]") -> None:
    try:
        promise.set_result(question())
    except BaseException as error:  # raised by `ask`; this thread goes on
        promise.set_exception(error)


def _prepare(task: Callable[[], object]) -> None:
    try:
        task()
    except VPUFormerError as error:
        _log.info("not prepared in advance: %s", error)
    except Exception:
        _log.exception("not prepared in advance")
