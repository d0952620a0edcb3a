"""A command that a program runs: progress as lines of JSON, orders on standard input."""

import _thread
import json
import os
import signal
import threading
import time
from typing import Any

import typer

GRACE = 20.0
"""Seconds that a run has to save its state and end, once the program that started it has gone."""

_PAUSE = 0.2
"""Seconds between two lines about the same stage."""


class JsonProgress:
    """Progress as lines of JSON on standard output; see `vpuformer.finetuning.watch.Progress`."""

    def __init__(self) -> None:
        self._stage, self._shown = "", 0.0

    def say(self, sentence: str) -> None:
        """Print a fact."""
        self.report(say=sentence)

    def show(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Print how much of a stage is done, a few times a second."""
        now = time.monotonic()
        if stage != self._stage or done >= total or now - self._shown >= _PAUSE:
            self._stage, self._shown = stage, now
            self.report(stage=stage, done=done, total=total, note=note)

    def report(self, **values: Any) -> None:
        """Print values as a line."""
        typer.echo(json.dumps(values))


class ControlledProgress(JsonProgress):
    """The same for a run that obeys standard input.

    The line "stop" interrupts the run once, as Ctrl-C does, up to the end of `stages`. The end of standard input shows
    that the other program has gone: the run saves its state and ends after the present stage, or after `GRACE` seconds.

    Args:
        stages: names of the stages that can be stopped. After them little time is left, and an interruption would lose
            the result.
        saving: the stage that saves its state by itself when it is interrupted.
    """

    def __init__(self, stages: tuple[str, ...], saving: str) -> None:
        super().__init__()
        self._stages, self._saving = stages, saving
        self._stopped = self._left_alone = False
        # A program that was started in the background passes on that it ignores Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=self._obey, name="orders", daemon=True).start()

    def show(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Print how much of a stage is done, unless nobody is left to read it."""
        if self._left_alone and stage != self._saving:
            raise KeyboardInterrupt
        super().show(stage, done, total, note)

    def report(self, **values: Any) -> None:
        """Print values as a line, unless nobody is left to read it."""
        if not self._left_alone:
            super().report(**values)

    def _obey(self) -> None:
        # Not through sys.stdin: a forked worker closes it, and would wait forever for the lock of a thread that reads.
        orders = b""
        while received := os.read(0, 100):
            *lines, orders = (orders + received).split(b"\n")
            if b"stop" in lines and not self._stopped and self._stage in ("", *self._stages):
                self._stopped = True
                _thread.interrupt_main()
        self._left_alone = True
        _thread.interrupt_main()
        time.sleep(GRACE)
        os._exit(1)
