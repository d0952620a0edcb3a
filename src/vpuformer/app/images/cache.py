"""Cache of values that are slow to compute, within a memory budget."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_log = logging.getLogger(__name__)


class Cache(Generic[K, V]):
    """The most recently used values by key. Safe to use from any number of threads.

    >>> cache = Cache(load=lambda text: text * 2, size=len, budget=9)
    >>> cache.get("ab"), cache.get("xyz")
    ('abab', 'xyzxyz')
    >>> "ab" in cache, "xyz" in cache, cache.nbytes
    (False, True, 6)

    Args:
        load: computes a value. Threads that ask for the same key share one call and its exception; a later request
            tries again.
        size: size of a value in bytes; must not change for a value.
        budget: maximum size of all values in bytes. The value requested last stays even if it is larger.
    """

    def __init__(self, load: Callable[[K], V], size: Callable[[V], int], budget: int) -> None:
        self._load, self._size, self._budget = load, size, budget
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()  # the most recently used value last
        self._loading: dict[K, Future[V]] = {}
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._next: Future[None] | None = None

    def get(self, key: K) -> V:
        """Return the value, and compute it if it is not in the cache.

        Raises:
            Exception: whatever `load` raises.
        """
        return self._get(key, ahead=False)

    def prefetch(self, key: K) -> None:
        """Compute a value in the background. Returns at once and never raises.

        It never displaces the value that was requested last. One value is computed at a time; a newer call replaces a
        waiting one.
        """
        with self._lock, suppress(RuntimeError):  # closed
            if self._next is not None:
                self._next.cancel()
            self._next = self._ahead.submit(self._make_ahead, key)

    def close(self) -> None:
        """Wait for the background work, and start no more of it."""
        self._ahead.shutdown(cancel_futures=True)

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._values.clear()

    def __contains__(self, key: K) -> bool:
        """Whether the value is in the cache now."""
        with self._lock:
            return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    @property
    def nbytes(self) -> int:
        """Size of all values in bytes."""
        with self._lock:
            return self._sum()

    def _get(self, key: K, ahead: bool) -> V:
        with self._lock:
            if key in self._values:
                if not ahead:
                    self._values.move_to_end(key)
                return self._values[key]
            promise = self._loading.get(key)
            mine = promise is None
            if promise is None:
                promise = self._loading[key] = Future()
        if mine:
            return self._compute(key, promise, ahead)
        value = promise.result()
        if not ahead:
            with self._lock:
                self._put(key, value, ahead)  # again: a value computed ahead may have been dropped at once
        return value

    def _compute(self, key: K, promise: Future[V], ahead: bool) -> V:
        try:
            value = self._load(key)
        except BaseException as error:
            with self._lock:
                del self._loading[key]
            promise.set_exception(error)
            raise
        with self._lock:  # one step for other threads: the value is either loading or in the cache
            del self._loading[key]
            self._put(key, value, ahead)
        promise.set_result(value)
        return value

    def _make_ahead(self, key: K) -> None:
        try:
            self._get(key, ahead=True)
        except Exception:  # raised again when the value is requested
            _log.debug("%r could not be computed ahead", key, exc_info=True)

    def _put(self, key: K, value: V, ahead: bool) -> None:
        used_last = next(reversed(self._values), None) if ahead else None
        self._values[key] = value
        self._values.move_to_end(key)
        if used_last is not None:
            self._values.move_to_end(used_last)
        over = self._sum() - self._budget
        while over > 0 and len(self._values) > 1:
            over -= self._size(self._values.popitem(last=False)[1])

    def _sum(self) -> int:
        return sum(self._size(value) for value in self._values.values())
