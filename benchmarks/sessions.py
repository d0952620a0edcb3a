"""Load test: twenty people annotate on one server with the bundled weights at once.

    python benchmarks/sessions.py

Each has an object of their own, and gives prompts, undoes, redoes and loads tiles without a pause. Every answer is
compared with the person's own steps and the masks after each of them. Targets: no error, no mix-up, and constant
memory: the mean over the last quarter of the time is compared with the second quarter. Writes
`benchmarks/results/sessions.json`; exit code 1 if a target was missed.
"""

import argparse
import hashlib
import http.client
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.app_states import State, whole  # noqa: E402
from vpuformer.model.manifest import read_manifest  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "sessions.json"
COPIES = 2
"""Number of copies of each image of `examples/`."""
GROWTH = 1.05
"""Ratio of memory use up to which growth counts as noise."""


class Server:
    """`vpuformer annotate` in a process of its own, with further options of the command."""

    def __init__(self, folder: Path, *options: str) -> None:
        here = ("--no-browser", "--no-token", "--port", "0")
        command = [sys.executable, "-m", "vpuformer", "annotate", str(folder), *here, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("open http://"):
                self.port = int(line.split()[1].rstrip("/").rsplit(":", 1)[1])
                return
        raise RuntimeError("the server did not start")

    @property
    def rss(self) -> int:
        """Resident memory in bytes."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        self._process.kill()
        self._process.wait(30)


class Person:
    """Works on one object until the time is over, and knows its expected state."""

    def __init__(self, number: int, port: int, image: int) -> None:
        self._random, self._number, self._image = random.Random(number), number, image
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.requests, self.busy = 0, 0
        self.errors: list[str] = []
        self.mix_ups: list[str] = []
        self.seconds: list[float] = []
        """Seconds from sending a prompt to its answer."""
        self.network: list[float] = []
        """Seconds of the network for each prompt."""
        self._steps: list[dict[str, Any]] = []
        self._masks: list[Any] = [None]
        self._tiles: dict[str, str] = {}

    def begin(self) -> None:
        """Open the image and begin an object."""
        self._opened = self._send("GET", f"/api/images/{self._image}")
        self._state = self._send("POST", f"/api/images/{self._image}/objects", {"key": self._key()})
        self._prompt()
        self.seconds.clear()
        self._connection.close()  # the server would close it after a while; it reopens by itself

    def work(self, until: float) -> None:
        actions = {self._prompt: 12, self._turn: 5, self._tile: 4, self._look: 1}
        try:
            while time.monotonic() < until:
                self._random.choices(list(actions), list(actions.values()))[0]()
            self._look()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self._connection.close()

    def _prompt(self) -> None:
        draw, width, height = self._random, self._opened["width"], self._opened["height"]
        x, y = draw.uniform(0, width - 40), draw.uniform(0, height - 40)
        positive = not self._state["mask"] or draw.random() < 0.7
        step = draw.choices(
            (
                {"type": "click", "point": [x, y], "positive": positive},
                {"type": "box", "box": [x, y, x + draw.uniform(9, 39), y + draw.uniform(9, 39)], "positive": positive},
                {"type": "scribble", "path": [[x + 3 * n, y + 2 * n] for n in range(12)], "positive": positive},
            ),
            (3, 1, 1),
        )[0]
        at = self._state["at"]
        begun = time.perf_counter()
        sent = {"key": self._key(), "revision": self._state["revision"], "step": step}
        state = whole(self._state, self._send("POST", f"/api/objects/{self._state['id']}/steps", sent))
        self.seconds.append(time.perf_counter() - begun)
        self.network.append(state["seconds"])
        del self._steps[at:], self._masks[at + 1 :]
        self._steps.append(step)
        self._masks.append(state["mask"])
        self._compare(state, at + 1)

    def _turn(self) -> None:
        at = self._state["at"]
        possible = [(word, by) for word, by in (("undo", -1), ("redo", 1)) if 0 <= at + by <= len(self._steps)]
        if possible:
            word, by = self._random.choice(possible)
            body = {"revision": self._state["revision"]}
            answer = self._send("POST", f"/api/objects/{self._state['id']}/{word}", body)
            self._compare(whole(self._state, answer), at + by)

    def _look(self) -> None:
        state = self._send("GET", f"/api/objects/{self._state['id']}")
        if state != self._state:
            self.mix_ups.append(f"person {self._number}: the object has changed by itself")

    def _tile(self) -> None:
        level = self._random.randrange(self._opened["levels"])
        columns, rows = (-(-(self._opened[side] >> level) // self._opened["tile"]) for side in ("width", "height"))
        place = f"{level}/{self._random.randrange(columns)}/{self._random.randrange(rows)}"
        content = self._ask("GET", f"/api/images/{self._image}/tiles/{self._opened['version']}/{place}")
        digest = hashlib.sha256(content).hexdigest()
        if self._tiles.setdefault(place, digest) != digest:
            self.mix_ups.append(f"person {self._number}: the tile {place} is another one")

    def _compare(self, state: State, at: int) -> None:
        kept = [{name: step[name] for name in own} for own, step in zip(self._steps, state["steps"], strict=False)]
        for what, actual, expected in (
            ("object", state["id"], self._state["id"]),
            ("number of steps", len(state["steps"]), len(self._steps)),
            ("steps", kept, self._steps),
            ("at", state["at"], at),
            ("revision", state["revision"], self._state["revision"] + 1),
            ("mask", state["mask"], self._masks[at]),
        ):
            if actual != expected:
                self.mix_ups.append(f"person {self._number}: {what}")
        self._state = state

    def _key(self) -> str:
        return f"{self._number:04}-{self._random.getrandbits(96):024x}"

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return json.loads(self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        headers = {"X-VPUFormer": "1", "Content-Type": "application/json"}
        while True:
            self.requests += 1
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            content = answer.read()
            if answer.status == 503:
                self.busy += 1
                time.sleep(float(answer.headers["Retry-After"]))
            elif answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
            else:
                return content


def measure(people: int, seconds: float) -> dict[str, Any]:
    """Let that many people work for that many seconds, and report."""
    with tempfile.TemporaryDirectory() as folder:
        for image in sorted((ROOT / "examples").glob("*.jpg")):
            for copy in range(COPIES):
                shutil.copy(image, Path(folder, f"{image.stem}{copy}.jpg"))
        images = len(list(Path(folder).iterdir()))
        server = Server(Path(folder))
        try:
            crowd = [Person(number, server.port, number % images + 1) for number in range(people)]
            for person in crowd:
                person.begin()  # so that the weights are loaded
            until = time.monotonic() + seconds
            threads = [threading.Thread(target=person.work, args=(until,)) for person in crowd]
            for thread in threads:
                thread.start()
            memory = []
            while any(thread.is_alive() for thread in threads):
                memory.append(server.rss / 1e6)
                time.sleep(1)
        finally:
            server.close()
    return report(crowd, memory, seconds)


def report(crowd: list[Person], memory: list[float], seconds: float) -> dict[str, Any]:
    steps = sorted(taken for person in crowd for taken in person.seconds)
    quarter = len(memory) // 4
    second, last = (statistics.fmean(memory[place : place + quarter]) for place in (quarter, len(memory) - quarter))
    faults = Counter(fault for person in crowd for fault in [*person.errors, *person.mix_ups])
    return {
        "weights_sha256": read_manifest("default").sha256,
        "people": len(crowd),
        "seconds": seconds,
        "requests": sum(person.requests for person in crowd),
        "steps": len(steps),
        "fewest_steps_of_a_person": min(len(person.seconds) for person in crowd),
        "errors": sum(len(person.errors) for person in crowd),
        "mix_ups": sum(len(person.mix_ups) for person in crowd),
        "sent_away": sum(person.busy for person in crowd),
        "step_seconds": {
            "median": round(statistics.median(steps), 3),
            "p95": round(statistics.quantiles(steps, n=20)[-1], 3),
            "network_alone_median": round(statistics.median(t for person in crowd for t in person.network), 3),
        },
        "memory_mb": {
            "second_quarter": round(second),
            "last_quarter": round(last),
            "largest": round(max(memory)),
            "growth": round(last / second, 4),
        },
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
        "faults": dict(faults.most_common(10)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    measured = measure(options.people, options.seconds)
    text = json.dumps(measured, indent=2) + "\n"
    options.output.write_text(text, encoding="utf-8")
    print(text, end="")
    sys.exit(bool(measured["errors"] or measured["mix_ups"] or measured["memory_mb"]["growth"] > GROWTH))


if __name__ == "__main__":
    main()
