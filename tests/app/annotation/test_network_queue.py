"""The thread of the network: order of questions and tasks, and no work without a job."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from vpuformer.app.annotation.network_queue import MAX_TASKS, NetworkQueue
from vpuformer.errors import BusyError


@pytest.fixture
def queue() -> Iterator[NetworkQueue]:
    made = NetworkQueue(max_waiting=4)
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


def held_up(queue: NetworkQueue, threads: ThreadPoolExecutor) -> tuple[threading.Event, Future[bool]]:
    """A question that is being answered until the event is set."""
    go, begun = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return go.wait(20)

    asked = threads.submit(queue.ask, wait)
    assert begun.wait(20)
    return go, asked


def test_questions_go_before_tasks_each_in_its_order(queue: NetworkQueue, threads: ThreadPoolExecutor) -> None:
    done: list[str] = []
    go, first = held_up(queue, threads)
    queue.prepare(lambda: done.append("task"))
    asked = []
    for number in range(3):
        asked.append(threads.submit(queue.ask, lambda n=number: done.append(f"question {n}")))
        until(lambda n=number: queue.waiting == n + 2)
    go.set()
    for future in (first, *asked):
        future.result(20)
    until(lambda: len(done) == 4)
    assert done == ["question 0", "question 1", "question 2", "task"]
    until(lambda: queue.waiting == 0)


def test_what_a_question_raises_goes_to_who_asked_and_the_next_is_answered(queue: NetworkQueue) -> None:
    with pytest.raises(ZeroDivisionError):
        queue.ask(lambda: 1 // 0)
    assert queue.ask(lambda: 7) == 7


def test_an_idle_question_is_refused_while_the_network_is_at_work(
    queue: NetworkQueue, threads: ThreadPoolExecutor
) -> None:
    assert queue.ask_if_idle(lambda: 7) == 7
    go, first = held_up(queue, threads)
    with pytest.raises(BusyError, match="at work"):
        queue.ask_if_idle(lambda: 7)
    go.set()
    assert first.result(20)
    queue.close()
    with pytest.raises(BusyError):
        queue.ask_if_idle(lambda: 7)


def test_a_task_that_fails_ends_nothing(queue: NetworkQueue) -> None:
    queue.prepare(lambda: 1 // 0)
    assert queue.ask(lambda: 7) == 7
    done = threading.Event()
    queue.prepare(done.set)
    assert done.wait(20)


def test_only_the_latest_tasks_are_done(queue: NetworkQueue, threads: ThreadPoolExecutor) -> None:
    done: list[int] = []
    go, first = held_up(queue, threads)
    for number in range(10):
        queue.prepare(lambda n=number: done.append(n))
    go.set()
    assert first.result(20)
    until(lambda: len(done) == MAX_TASKS)
    assert done == [10 - MAX_TASKS + number for number in range(MAX_TASKS)]


def test_too_many_questions_are_sent_away(queue: NetworkQueue, threads: ThreadPoolExecutor) -> None:
    go, first = held_up(queue, threads)
    others = [threads.submit(queue.ask, lambda: None) for _ in range(3)]
    until(lambda: queue.waiting == 4)
    with pytest.raises(BusyError, match="4 prompts are already waiting for the network; try again in a second"):
        queue.ask(lambda: None)
    go.set()
    for future in (first, *others):
        future.result(20)


def test_closing_finishes_what_is_being_done_and_sends_the_others_away(
    queue: NetworkQueue, threads: ThreadPoolExecutor
) -> None:
    go, first = held_up(queue, threads)
    second = threads.submit(queue.ask, lambda: None)
    until(lambda: queue.waiting == 2)
    closing = threads.submit(queue.close)
    with pytest.raises(BusyError, match="will be answered when the server runs again"):
        second.result(20)
    assert not closing.done()
    go.set()
    closing.result(20)
    assert first.result(20)
    with pytest.raises(BusyError, match="will be answered when the server runs again"):
        queue.ask(lambda: None)
    queue.prepare(lambda: pytest.fail("done after the end"))


def test_the_thread_looks_for_work_once_a_piece_of_work(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []
    look = NetworkQueue._next

    def counted(queue: NetworkQueue) -> object:
        looks.append(None)
        return look(queue)

    monkeypatch.setattr(NetworkQueue, "_next", counted)
    queue, done = NetworkQueue(), threading.Event()
    questions = [threads.submit(queue.ask, lambda: time.sleep(0.005)) for _ in range(20)]
    for _ in range(2):
        queue.prepare(lambda: None)
    for question in questions:
        question.result(20)
    queue.prepare(done.set)
    assert done.wait(20)
    queue.close()
    assert len(looks) <= 20 + 3 + 1


def test_a_patient_question_comes_after_questions_and_tasks() -> None:
    queue, gate = NetworkQueue(), threading.Event()
    done: list[str] = []
    first = threading.Thread(target=queue.ask, args=(gate.wait,))
    first.start()
    while not queue.waiting:
        time.sleep(0.001)
    patient = threading.Thread(target=queue.ask_patiently, args=(lambda: done.append("patient"),))
    patient.start()
    time.sleep(0.05)
    queue.prepare(lambda: done.append("task"))
    asked = threading.Thread(target=queue.ask, args=(lambda: done.append("question"),))
    asked.start()
    while queue.waiting < 2:
        time.sleep(0.001)
    gate.set()
    for thread in (first, asked, patient):
        thread.join()
    assert done == ["question", "task", "patient"]
    queue.close()
    with pytest.raises(BusyError):
        queue.ask_patiently(lambda: None)
