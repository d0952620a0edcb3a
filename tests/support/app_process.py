"""Real servers with `Disks`, in processes of their own that can be killed.

What a server imports takes longer than all else that it does before it answers. So one process imports it, waits on its
standard input, and makes a copy of itself, with `fork`, for every server that is asked for.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

_PAUSE = 0.003
"""Seconds that an answer takes, so that a process may die between a prompt and its answer."""


class ServerProcess(NamedTuple):
    pid: int
    address: str
    """As it was printed, with a token if there is one."""

    @property
    def port(self) -> int:
        return int(self.address.split("/")[2].rsplit(":", 1)[1])

    @property
    def token(self) -> str:
        return self.address.partition("?token=")[2]

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            for _ in range(2000):
                os.kill(self.pid, 0)
                time.sleep(0.005)
            raise TimeoutError(f"the process {self.pid} does not die")


class Nursery:
    """Starts servers; to be used with `with`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.app_process"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._born: list[ServerProcess] = []

    def start(self, folder: Path, store: Path, host: str = "127.0.0.1", *, no_token: bool = True) -> ServerProcess:
        """A server on a free port; it answers when this returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), str(store), host, no_token]) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError("no server could be started; its standard error says why")
        born = ServerProcess(*json.loads(said))
        self._born.append(born)
        return born

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for born in self._born:
            born.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def _requests() -> Iterator[list[Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _main() -> None:
    from support.app_disks import Disks
    from vpuformer.app.http.serving import bind, serve
    from vpuformer.app.images.folder import Folder
    from vpuformer.app.store.store import Store

    assert "torch" not in sys.modules
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead vanish by themselves
    for folder, store, host, no_token in _requests():
        if os.fork():
            continue
        disks = Disks()
        disks.before = lambda: time.sleep(_PAUSE)
        socket = bind(host, 0)  # from now on it listens; who asks waits

        def say(sentence: str) -> None:
            if sentence.startswith("open "):
                print(json.dumps([os.getpid(), sentence.split()[1]]), flush=True)  # noqa: T201

        try:
            serve(Folder(folder), Store(store), disks, socket, no_token=no_token, browser=False, say=say)
        finally:
            os._exit(0)


if __name__ == "__main__":
    _main()
