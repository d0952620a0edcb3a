"""The one thread that uses the network, with a queue that ends; and what it computed last."""

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
"""Questions that wait at the same time; further ones are sent away. Each holds one of the server's 40 threads, and some
must be left for tiles."""

MAX_TASKS = 3
"""Things to prepare that wait at the same time; the oldest are given up for later ones."""

_CLOSED = "the program is ending; what was sent is kept, and is answered when it runs again"

_log = logging.getLogger(__name__)


class NetworkQueue:
    """One thread: questions are answered one after the other, and tasks are done while no question waits.

    >>> worker = NetworkQueue()
    >>> worker.ask(lambda: 6 * 7)
    42
    >>> worker.close()
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._questions: deque[tuple[Callable[[], object], Future[object]]] = deque()
        # Somebody who leafs through a folder leaves a trail of images that nobody is waiting for any more.
        self._tasks: deque[Callable[[], object]] = deque(maxlen=MAX_TASKS)
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()
        self.waiting = 0
        """Questions that were asked and not answered yet."""

    def ask(self, question: Callable[[], T]) -> T:
        """What `question` returns or raises, once it is its turn.

        Raises:
            BusyError: too many are waiting, or it is being closed.
        """
        promise: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise BusyError(_CLOSED)
            if self.waiting >= self._max_waiting:
                raise BusyError(f"{self.waiting} prompts are waiting for the network already; try again in a second")
            self.waiting += 1
            self._questions.append((question, cast("Future[object]", promise)))
            self._changed.notify()
        try:
            return promise.result()
        except CancelledError:
            raise BusyError(_CLOSED) from None
        finally:
            with self._changed:
                self.waiting -= 1

    def prepare(self, task: Callable[[], object]) -> None:
        """Do this in its turn, unless there is too much to do; nobody waits for it, nor hears what it raises."""
        with self._changed:
            if not self._closed:
                self._tasks.append(task)
                self._changed.notify()

    def close(self) -> None:
        """Finish what is being done, and forget what is waiting."""
        with self._changed:
            self._closed = True
            for _, promise in self._questions:
                promise.cancel()
            self._questions.clear()
            self._tasks.clear()
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()

    def _next(self) -> Callable[[], object] | None:
        """What to do next, people first; waits until there is something. None once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._questions or self._tasks or self._closed)
            if self._closed:
                return None
            if self._questions:
                return partial(_answer, *self._questions.popleft())
            return partial(_prepare, self._tasks.popleft())


def _answer(question: Callable[[], object], promise: "Future[object]") -> None:
    try:
        promise.set_result(question())
    except BaseException as error:  # whoever asked is told, and the thread goes on
        promise.set_exception(error)


def _prepare(task: Callable[[], object]) -> None:
    try:
        task()
    except VPUFormerError as error:
        _log.info("not prepared in advance: %s", error)
    except Exception:
        _log.exception("not prepared in advance")
