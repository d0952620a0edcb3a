"""The one thread that uses the network, with a queue that ends; and what it computed last."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vpuformer.errors import BusyError, VPUFormerError

T = TypeVar("T")
FloatMap = npt.NDArray[np.float32]

MAX_WAITING = 32
"""Questions that wait at the same time; further ones are sent away. Each holds one of the server's 40 threads, and some
must be left for tiles."""

MAX_TASKS = 3
"""Things to prepare that wait at the same time; the oldest are given up for later ones."""

MAP_BUDGET = 100_000_000
"""Bytes of probability maps that are kept for the next prompt, besides the newest."""

_CLOSED = "the program is ending; what was sent is kept, and is answered when it runs again"

_log = logging.getLogger(__name__)


class Worker:
    """One thread: questions are answered one after the other.

    >>> worker = Worker()
    >>> worker.ask(lambda: 6 * 7)
    42
    >>> worker.close()
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        # Somebody who leafs through a folder leaves a trail of pictures that nobody is waiting for any more.
        self._tasks: deque[Callable[[], object]] = deque(maxlen=MAX_TASKS)
        self.waiting = 0
        """Questions that were asked and not answered yet."""

    def ask(self, question: Callable[[], T]) -> T:
        """What `question` returns or raises, once it is its turn.

        Raises:
            BusyError: too many are waiting, or it is being closed.
        """
        with self._lock:
            if self.waiting >= self._max_waiting:
                raise BusyError(f"{self.waiting} prompts are waiting for the network already; try again in a second")
            self.waiting += 1
        try:
            return self._submitted(question).result()
        except CancelledError:
            raise BusyError(_CLOSED) from None
        finally:
            with self._lock:
                self.waiting -= 1

    def _submitted(self, question: Callable[[], T]) -> Future[T]:
        try:
            return self._thread.submit(question)
        except RuntimeError:
            raise BusyError(_CLOSED) from None

    def later(self, task: Callable[[], object]) -> None:
        """Do this in its turn, unless there is too much to do; nobody waits for it, nor hears what it raises."""
        self._tasks.append(task)
        with suppress(RuntimeError):  # closed
            self._thread.submit(self._do_task)

    def _do_task(self) -> None:
        if self.waiting:  # people first
            with suppress(RuntimeError):  # closed meanwhile
                self._thread.submit(self._do_task)
            return
        try:
            self._tasks.popleft()()
        except IndexError:
            pass  # given up for later ones
        except VPUFormerError as error:
            _log.info("not prepared in advance: %s", error)
        except Exception:
            _log.exception("not prepared in advance")

    def close(self) -> None:
        """Finish what is being done, and forget what is waiting."""
        self._thread.shutdown(cancel_futures=True)


class Maps:
    """The newest probability maps by step, as many as the budget holds, and at least one."""

    def __init__(self, budget: int = MAP_BUDGET) -> None:
        self._budget, self._lock = budget, threading.Lock()
        self._maps: OrderedDict[int, FloatMap] = OrderedDict()

    def get(self, step: int) -> FloatMap | None:
        with self._lock:
            return self._maps.get(step)

    def put(self, step: int, probability: FloatMap) -> None:
        with self._lock:
            self._maps[step] = probability
            while len(self._maps) > 1 and sum(kept.nbytes for kept in self._maps.values()) > self._budget:
                self._maps.popitem(last=False)
