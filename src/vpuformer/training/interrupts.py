"""Early ends of a run by SIGINT and SIGTERM, after a whole step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A run has stopped on request, after a whole step whose state is saved.

    With several processes only the first one has a message; the message of the others is empty.
    """


class StopRequest:
    """A flag that a signal sets."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stopping_between_steps() -> Iterator[StopRequest]:
    """Let SIGINT (Ctrl-C) and SIGTERM request the end of the run.

    A second signal interrupts the step. The death of a worker shows when its next image is needed; torch would
    otherwise raise it anywhere. Outside the main thread, where Python cannot handle signals, nothing changes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def request_stop(number: int, _frame: FrameType | None) -> None:
        request.requested = True
        signal.signal(number, before[number] or signal.SIG_DFL)

    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell starts background jobs with SIGINT ignored; keep it so.
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, request_stop)
    child = getattr(signal, "SIGCHLD", None)
    if child is not None:
        before[child] = signal.signal(child, signal.SIG_DFL)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def ignore_interrupts_in_worker() -> None:
    """Ignore SIGINT in a worker.

    Ctrl-C reaches all processes of a terminal, and the run still needs its workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
