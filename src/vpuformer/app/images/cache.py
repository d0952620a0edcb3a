"""What takes long to make is made once and kept, as far as the memory goes."""

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
    """Values by their keys, those used last; any number of threads may ask.

    >>> cache = Cache(load=lambda text: text * 2, size=len, budget=9)
    >>> cache.get("ab"), cache.get("xyz")
    ('abab', 'xyzxyz')
    >>> "ab" in cache, "xyz" in cache, cache.nbytes
    (False, True, 6)

    Args:
        load: makes the value; several threads that want the same one share one call. What it raises goes to all of
            them, and the next one to ask tries anew.
        size: bytes of a value; always the same for the same value.
        budget: bytes of all that is kept; the value asked for last stays even where it alone needs more.
    """

    def __init__(self, load: Callable[[K], V], size: Callable[[V], int], budget: int) -> None:
        self._load, self._size, self._budget = load, size, budget
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, V] = OrderedDict()  # the one used last at the end
        self._under_way: dict[K, Future[V]] = {}
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._next: Future[None] | None = None

    def get(self, key: K) -> V:
        """The value, made if it is not there.

        Raises:
            Exception: whatever `load` raises.
        """
        return self._get(key, ahead=False)

    def prefetch(self, key: K) -> None:
        """Make a value in the background that will soon be asked for; returns at once and never raises.

        It never displaces the value that was asked for last. One is made at a time; of those that wait, the latest.
        """
        with self._lock, suppress(RuntimeError):  # closed
            if self._next is not None:
                self._next.cancel()
            self._next = self._ahead.submit(self._make_ahead, key)

    def close(self) -> None:
        """Wait for what is being made in the background, and make nothing ahead any more."""
        self._ahead.shutdown(cancel_futures=True)

    def __contains__(self, key: K) -> bool:
        """Whether the value is there now."""
        with self._lock:
            return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Of all that is kept."""
        with self._lock:
            return self._sum()

    def _get(self, key: K, ahead: bool) -> V:
        with self._lock:
            if key in self._kept:
                if not ahead:
                    self._kept.move_to_end(key)
                return self._kept[key]
            promise = self._under_way.get(key)
            mine = promise is None
            if promise is None:
                promise = self._under_way[key] = Future()
        if mine:
            return self._made(key, promise, ahead)
        value = promise.result()
        if not ahead:
            with self._lock:
                self._keep(key, value, ahead)  # once more: it may have been made ahead, and not been kept
        return value

    def _made(self, key: K, promise: Future[V], ahead: bool) -> V:
        try:
            value = self._load(key)
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            promise.set_exception(error)
            raise
        with self._lock:
            # In one go, so that nobody finds it neither here nor there.
            del self._under_way[key]
            self._keep(key, value, ahead)
        promise.set_result(value)
        return value

    def _make_ahead(self, key: K) -> None:
        try:
            self._get(key, ahead=True)
        except Exception:  # whoever asks for it will be told
            _log.debug("%r could not be made ahead", key, exc_info=True)

    def _keep(self, key: K, value: V, ahead: bool) -> None:
        used_last = next(reversed(self._kept), None) if ahead else None
        self._kept[key] = value
        self._kept.move_to_end(key)
        if used_last is not None:
            self._kept.move_to_end(used_last)
        self._drop()

    def _drop(self) -> None:
        over = self._sum() - self._budget
        while over > 0 and len(self._kept) > 1:
            over -= self._size(self._kept.popitem(last=False)[1])

    def _sum(self) -> int:
        return sum(self._size(value) for value in self._kept.values())
