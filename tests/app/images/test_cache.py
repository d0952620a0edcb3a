"""Values that are made once and kept as far as the memory goes, whoever asks."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.app.images.cache import Cache


class Load:
    """Makes "aaa" of ("a", 3); counts its calls, may be held up, may fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.go = threading.Event()
        self.go.set()
        self.begun = threading.Event()
        self.error: Exception | None = None

    def __call__(self, key: tuple[str, int]) -> str:
        self.calls.append(key)
        self.begun.set()
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return key[0] * key[1]


def until(true: Callable[[], bool]) -> None:
    """Wait for what happens in the background."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.002)


@pytest.fixture
def load() -> Load:
    return Load()


@pytest.fixture
def cache(load: Load):
    cache = Cache(load, len, budget=10)
    yield cache
    load.go.set()
    cache.close()


A, B, C = ("a", 4), ("b", 4), ("c", 4)


def test_a_value_is_made_once(cache, load):
    assert cache.get(A) == "aaaa"
    assert cache.get(A) is cache.get(A)
    assert load.calls == [A]
    assert A in cache
    assert B not in cache


def test_what_was_used_longest_ago_goes_first(cache, load):
    for key in (A, B, A, C):
        cache.get(key)
    assert [key in cache for key in (A, B, C)] == [True, False, True]
    assert (len(cache), cache.nbytes) == (2, 8)
    cache.get(B)
    assert load.calls == [A, B, C, B]
    assert A not in cache


def test_the_newest_stays_even_where_it_needs_more_than_there_is(cache):
    cache.get(A)
    huge = ("x", 1000)
    assert cache.get(huge) is cache.get(huge)
    assert A not in cache
    assert cache.nbytes == 1000
    cache.get(A)
    assert huge not in cache


@given(st.integers(0, 12), st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 5))))
def test_never_more_than_the_budget_or_one(budget, keys):
    load = Load()
    cache = Cache(load, len, budget)
    for key in keys:
        assert cache.get(key) == key[0] * key[1]
        assert key in cache
        assert cache.nbytes <= budget or len(cache) == 1
    cache.close()


def test_threads_that_want_the_same_share_one_call(cache, load):
    load.go.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(cache.get, A) for _ in range(8)]
        until(load.begun.is_set)
        other = pool.submit(lambda: A in cache)  # nobody else is held up by it
        load.go.set()
        assert {answer.result(10) for answer in answers} == {"aaaa"}
        other.result(10)
    assert load.calls == [A]


def test_other_keys_do_not_wait(cache, load):
    cache.get(B)
    load.go.clear()
    load.begun.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cache.get, A)
        until(load.begun.is_set)
        assert cache.get(B) == "bbbb"
        assert not slow.done()
        load.go.set()
        assert slow.result(10) == "aaaa"


def test_many_threads_and_many_keys():
    made: list[int] = []
    cache = Cache(lambda key: made.append(key) or key * 1000, lambda _: 1, budget=100)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(cache.get, [number % 50 for number in range(4000)]))
    assert answers == [number % 50 * 1000 for number in range(4000)]
    assert sorted(made) == list(range(50))
    cache.close()


def test_an_error_goes_to_all_who_wait_and_is_not_kept(cache, load):
    load.go.clear()
    load.error = ValueError("broken")
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(cache.get, A) for _ in range(4)]
        until(load.begun.is_set)
        time.sleep(0.05)  # for the others to have come as well
        load.go.set()
        for answer in answers:
            with pytest.raises(ValueError, match="broken"):
                answer.result(10)
    assert load.calls == [A]
    assert A not in cache
    load.error = None
    assert cache.get(A) == "aaaa"


def test_a_value_is_made_ahead(cache, load):
    cache.prefetch(A)
    until(lambda: A in cache)
    cache.get(A)
    cache.prefetch(A)
    cache.close()
    assert load.calls == [A]


def test_who_asks_for_what_is_being_made_ahead_waits_for_it(cache, load):
    load.go.clear()
    cache.prefetch(A)
    until(load.begun.is_set)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(cache.get, A)
        load.go.set()
        assert answer.result(10) == "aaaa"
    assert load.calls == [A]


def test_what_is_made_ahead_does_not_displace_what_was_asked_for_last(cache):
    cache.get(B)
    cache.get(A)
    cache.prefetch(C)
    until(lambda: C in cache)
    assert A in cache
    assert B not in cache
    cache.prefetch(("x", 9))
    until(lambda: C not in cache)  # it did not fit beside A either
    assert A in cache
    cache.get(("y", 6))
    assert A in cache  # still next to go, and there is room for it


def test_who_waits_for_what_is_made_ahead_has_it_kept(load):
    cache = Cache(load, len, budget=10)
    cache.get(A)
    load.go.clear()
    load.begun.clear()
    large = ("x", 9)
    cache.prefetch(large)
    until(load.begun.is_set)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(cache.get, large)
        time.sleep(0.05)
        load.go.set()
        answer.result(10)
    assert large in cache
    assert A not in cache
    cache.close()


def test_of_those_that_wait_to_be_made_ahead_the_latest_is(cache, load):
    load.go.clear()
    cache.prefetch(("d", 1))
    until(load.begun.is_set)
    for key in (A, B, C):
        cache.prefetch(key)
    load.go.set()
    until(lambda: C in cache)
    assert load.calls == [("d", 1), C]


def test_making_ahead_never_raises(cache, load, caplog):
    load.error = ValueError("broken")
    with caplog.at_level("DEBUG", "vpuformer.app.images.cache"):
        cache.prefetch(A)
        until(lambda: bool(caplog.records))
    load.error = None
    assert cache.get(A) == "aaaa"
    cache.close()
    cache.prefetch(B)
    assert B not in cache
    assert cache.get(B) == "bbbb"  # the rest goes on
