"""The thread of the network: who is answered when, what is done in between, and that it never runs for nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from vpuformer.app.annotation.worker import MAX_TASKS, Worker
from vpuformer.errors import BusyError


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(max_waiting=4)
    yield made
    made.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def held_up(worker: Worker, threads: ThreadPoolExecutor) -> tuple[threading.Event, Future[bool]]:
    """A question that is being answered until the event is set."""
    go, begun = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return go.wait(20)

    asked = threads.submit(worker.ask, wait)
    assert begun.wait(20)
    return go, asked


def test_questions_go_before_tasks_each_in_its_order(worker: Worker, threads: ThreadPoolExecutor) -> None:
    done: list[str] = []
    go, first = held_up(worker, threads)
    worker.later(lambda: done.append("task"))
    asked = []
    for number in range(3):
        asked.append(threads.submit(worker.ask, lambda n=number: done.append(f"question {n}")))
        until(lambda n=number: worker.waiting == n + 2)
    go.set()
    for future in (first, *asked):
        future.result(20)
    until(lambda: len(done) == 4)
    assert done == ["question 0", "question 1", "question 2", "task"]
    until(lambda: worker.waiting == 0)


def test_what_a_question_raises_goes_to_who_asked_and_the_next_is_answered(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.ask(lambda: 1 // 0)
    assert worker.ask(lambda: 7) == 7


def test_a_task_that_fails_ends_nothing(worker: Worker) -> None:
    worker.later(lambda: 1 // 0)
    assert worker.ask(lambda: 7) == 7
    done = threading.Event()
    worker.later(done.set)
    assert done.wait(20)


def test_only_the_latest_tasks_are_done(worker: Worker, threads: ThreadPoolExecutor) -> None:
    done: list[int] = []
    go, first = held_up(worker, threads)
    for number in range(10):
        worker.later(lambda n=number: done.append(n))
    go.set()
    assert first.result(20)
    until(lambda: len(done) == MAX_TASKS)
    assert done == [10 - MAX_TASKS + number for number in range(MAX_TASKS)]


def test_too_many_questions_are_sent_away(worker: Worker, threads: ThreadPoolExecutor) -> None:
    go, first = held_up(worker, threads)
    others = [threads.submit(worker.ask, lambda: None) for _ in range(3)]
    until(lambda: worker.waiting == 4)
    with pytest.raises(BusyError, match="4 prompts are waiting for the network already; try again in a second"):
        worker.ask(lambda: None)
    go.set()
    for future in (first, *others):
        future.result(20)


def test_closing_finishes_what_is_being_done_and_sends_the_others_away(
    worker: Worker, threads: ThreadPoolExecutor
) -> None:
    go, first = held_up(worker, threads)
    second = threads.submit(worker.ask, lambda: None)
    until(lambda: worker.waiting == 2)
    closing = threads.submit(worker.close)
    with pytest.raises(BusyError, match="is answered when it runs again"):
        second.result(20)
    assert not closing.done()
    go.set()
    closing.result(20)
    assert first.result(20)
    with pytest.raises(BusyError, match="is answered when it runs again"):
        worker.ask(lambda: None)
    worker.later(lambda: pytest.fail("done after the end"))


def test_the_thread_looks_for_work_once_a_piece_of_work(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []
    look = Worker._next

    def counted(worker: Worker) -> object:
        looks.append(None)
        return look(worker)

    monkeypatch.setattr(Worker, "_next", counted)
    worker, done = Worker(), threading.Event()
    questions = [threads.submit(worker.ask, lambda: time.sleep(0.005)) for _ in range(20)]
    for _ in range(2):
        worker.later(lambda: None)
    for question in questions:
        question.result(20)
    worker.later(done.set)
    assert done.wait(20)
    worker.close()
    assert len(looks) <= 20 + 3 + 1
