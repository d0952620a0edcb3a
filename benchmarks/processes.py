"""Seconds and memory of new processes: `segment`, `annotate`, and any other.

A program that measures memory with this imports little itself: before a process becomes another program, the system
counts the memory of its parent as its own.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
LEAST = 0.02
"""Seconds of a package's imports below which it is not listed."""


class Run(NamedTuple):
    """One process, from its start to its end."""

    seconds: float
    peak_mib: float
    """Largest resident memory, in MiB."""


def run(command: Sequence[str], *, cold: bool = False) -> Run:
    """Run a program of this Python.

    Args:
        command: its arguments, such as `-m`, `vpuformer`, `info`.
        cold: first take the installed packages from the system's cache; see `evict`.

    Raises:
        subprocess.CalledProcessError: the program failed.
    """
    if cold:
        evict()
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, env=environment())
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def environment() -> dict[str, str]:
    """Environment of a process that imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def evict() -> None:
    """Remove packages and source from the system's cache. Files in use stay there."""
    for folder in (Path(sysconfig.get_path("platlib")), ROOT / "src"):
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def annotate(folder: Path, click: Sequence[int], *, cold: bool = False) -> dict[str, float]:
    """Seconds from the start of the server to its page, and to the mask of a click.

    Args:
        folder: holds one image.
        click: (x, y) in pixels.
        cold: see `run`.
    """
    if cold:
        evict()
    begun = time.perf_counter()
    with server(folder) as send:
        send("GET", "/", None)
        page = time.perf_counter()
        state = json.loads(send("POST", "/api/images/1/objects", {"key": "key-00000001"}))
        step = {"type": "click", "point": [*click]}
        state = json.loads(
            send(
                "POST",
                f"/api/objects/{state['id']}/steps",
                {"key": "key-00000002", "revision": state["revision"], "step": step},
            )
        )
        done = time.perf_counter()
        if not state["area"]:
            raise RuntimeError("the first mask is empty")
    return {"annotate, to the page": page - begun, "annotate, to the first mask": done - begun}


@contextmanager
def server(folder: Path) -> Iterator[Any]:
    """`vpuformer annotate`, as a function from method, path and body to the answer."""
    command = ["-m", "vpuformer", "annotate", str(folder), "--no-browser", "--port", "0"]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    try:
        address = next(at for line in process.stdout if (at := re.search(r"127\.0\.0\.1:(\d+)/\?token=(\S+)", line)))
        connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=300)
        headers = {"Authorization": f"Bearer {address[2]}", "X-VPUFormer": "1", "Content-Type": "application/json"}

        def send(method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path} was answered with {answer.status}: {content!r:.200}")
            return content

        yield send
        connection.close()
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def imports(command: Sequence[str]) -> dict[str, Any]:
    """Number of modules that a program imports, and seconds of the imports of each package."""
    program = [sys.executable, "-X", "importtime", *command]
    timed = subprocess.run(program, check=True, capture_output=True, text=True, env=environment())
    own = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", timed.stderr, re.MULTILINE)
    packages: dict[str, float] = defaultdict(float)
    for microseconds, module in own:
        packages[module.partition(".")[0]] += int(microseconds) / 1e6
    listed = sorted(packages.items(), key=lambda item: -item[1])
    return {
        "modules": len(own),
        "seconds": round(sum(packages.values()), 3),
        "seconds of packages": {name: round(seconds, 3) for name, seconds in listed if seconds >= LEAST},
    }
