"""How a run ends before its end: told to stop, or by a fault; either way with the state of its last finished step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A run was told to stop, and did so after a whole step whose state is saved.

    Of several processes the first one alone has something to tell; the message of the others is empty.
    """


class StopRequest:
    """Whether somebody wants the run to end."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stopping_between_steps() -> Iterator[StopRequest]:
    """SIGINT (Ctrl-C) and SIGTERM ask for the end of the run instead of breaking into a step; a second one does break.

    A worker's death, which torch would otherwise raise wherever the run happens to be, shows when its next image is
    wanted. Outside of the main thread signals cannot be handled, and are not.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        request.asked = True
        signal.signal(number, before[number] or signal.SIG_DFL)

    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell that starts a run in the background has its Ctrl-C ignored: so it stays.
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, ask)
    child = getattr(signal, "SIGCHLD", None)
    if child is not None:
        before[child] = signal.signal(child, signal.SIG_DFL)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def leave_signals_to_the_trainer() -> None:
    """In a worker: Ctrl-C goes to all processes of a terminal, and the trainer still needs its workers for a moment."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
