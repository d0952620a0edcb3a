"""A MongoDB server for FiftyOne, from FiftyOne's own package."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

_SECONDS = 120
"""A server that has not started after so long does not."""


@contextlib.contextmanager
def mongo_server(folder: Path) -> Iterator[str]:
    """The address of a server that stores its data in this folder; skips the test without one."""
    found = find_spec("fiftyone")
    if found is None or found.origin is None:
        pytest.skip("fiftyone is not installed; `make test-integrations` installs it")
    program = Path(found.origin).parent / "db" / "bin" / "mongod"
    if not program.is_file():
        pytest.skip(f"MongoDB, which fiftyone-db downloads when it is installed, is not there: {program}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [program, "--dbpath", folder, "--port", str(port), "--nounixsocket"], stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    pytest.fail(f"MongoDB does not listen on port {port} after {_SECONDS} s")
