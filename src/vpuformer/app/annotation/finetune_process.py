"""`vpuformer finetune` in a process of its own, so that the server needs no PyTorch."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

# -P: modules in the present folder, which may be one of images, are not imported.
COMMAND = (sys.executable, "-P", "-m", "vpuformer", "finetune")

PATIENCE = 10.0
"""Seconds in which a process may save its state when the server ends."""

_NICE = 10
"""Priority of the process on Unix, below that of the server, 0."""

_INTERRUPTED = 130
"""Exit code of a fine-tuning that ended early with a result."""

_LONGEST = 500

_log = logging.getLogger(__name__)


class FinetuneProcess:
    """A running `vpuformer finetune --json --controlled`. It ends when the server ends.

    Args:
        words: further words of the command.
        store: address of the database, passed on where other users do not see it.
        on_line: called by a thread with each object that is printed.
        on_end: called by this thread at the end, with the reason of a failure as a sentence, or None.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(
        self,
        words: Sequence[str],
        store: str,
        on_line: Callable[[dict[str, Any]], object],
        on_end: Callable[[str | None], object],
    ) -> None:
        self._on_line, self._on_end = on_line, on_end
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by the thread
        try:
            self._process = subprocess.Popen(
                [*COMMAND, *words, "--json", "--controlled"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=os.environ | {"VPUFORMER_STORE": store},
                start_new_session=True,  # Ctrl-C in the server's terminal is for the server, which passes it on
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
        except BaseException:
            self._errors.close()
            raise
        if hasattr(os, "setpriority"):
            with suppress(OSError):  # it has ended already
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)
        self._thread = threading.Thread(target=self._read, name="fine-tuning", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end early and to keep the best weights. Returns at once."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended
            self._process.stdin.write(b"stop\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End it, and wait until it has saved its state, or for `PATIENCE` seconds."""
        self._close_orders()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join(PATIENCE)

    def _close_orders(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended before it has read them
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):  # a library may print something else
                values = json.loads(line)
                if isinstance(values, dict):
                    self._on_line(values)
        code = self._process.wait()
        self._process.stdout.close()
        self._close_orders()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()
        self._errors.close()
        if code not in (0, _INTERRUPTED):
            _log.warning("vpuformer finetune ended with exit code %d: %s", code, said)
        self._on_end(_problem(code, said))


def _problem(code: int, said: str) -> str | None:
    """The reason of a failure, from the exit code and from what was written to standard error.

    >>> _problem(0, "a warning"), _problem(2, "a warning\\nerror: the disk is full; make room")
    (None, 'the disk is full; make room')
    >>> _problem(1, "Traceback ...\\nValueError: 3")
    'the program failed (ValueError: 3); the log of the server has the details'
    """
    if code in (0, _INTERRUPTED):
        return None
    if code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            return f"the process was killed ({name}), perhaps because the memory was full; close other programs"
    lines = said.splitlines() or [f"exit code {code}"]
    for line in reversed(lines):
        if line.startswith("error: "):
            return line.removeprefix("error: ")[:_LONGEST]
    return f"the program failed ({lines[-1].strip()[:_LONGEST]}); the log of the server has the details"
