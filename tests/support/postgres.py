"""A PostgreSQL server of its own for tests, from Debian's package `postgresql`."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

ADDRESS = "VPUFORMER_TEST_DATABASE"
"""An environment variable: the URL of an empty database on a server, whose tables the tests make and drop."""

_START = 30.0
"""Seconds in which the server must answer."""


def _program(name: str) -> str | None:
    """Debian puts the programs of each version into a folder of its own, and not all of them on the path."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(newest[-1]) if newest else shutil.which(name)


@contextlib.contextmanager
def database_server() -> Iterator[str]:
    """The URL of an empty database: the one that `ADDRESS` names, or one of a server that runs until the end.

    The test is skipped without `initdb`, `postgres` or psycopg. The server listens on a socket in a folder, on no port.
    """
    pytest.importorskip("psycopg")
    if ADDRESS in os.environ:
        yield os.environ[ADDRESS]
        return
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip(f"there is no PostgreSQL; install it, or name an empty database by {ADDRESS}")
    with tempfile.TemporaryDirectory(prefix="vpuformer-", ignore_cleanup_errors=True) as folder:
        user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = "postgres"
            shutil.chown(folder, user)
        data = str(Path(folder) / "data")
        made = [initdb, "-D", data, "-A", "trust", "-U", "test", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        command = [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, cwd=folder)
        try:
            address = f"postgresql+psycopg://test@/postgres?host={folder}"
            _wait_for(address)
            yield address
        finally:
            server.terminate()
            server.wait()


def _wait_for(address: str) -> None:
    engine = sa.create_engine(address)
    deadline = time.monotonic() + _START
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            break
    engine.dispose()
