"""Seconds from the start of a process to its first mask, with the bundled weights.

    python benchmarks/cold_start.py [--before FOLDER] [--cold]

`vpuformer annotate` starts in a fresh process on a folder with one image. As soon as the page is there, a program sends
a click. Measured are the seconds from the start to the page, from the click to its mask, and from the start to this
mask; further the seconds of one `vpuformer segment`, and what it imports. `--before` is another checkout of this
repository; both are measured in turns, and ratios are medians of the turns. With `--cold`, the files of the installed
packages leave the system's cache before each start. That works only for files that no other program uses. Writes the
part `warm` or `cold` of `benchmarks/results/cold_start.json`.
"""

import argparse
import http.client
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "cold_start.json"
IMAGE = ROOT / "examples" / "coffee.jpg"
CLICK = {"type": "click", "point": [290, 100]}
SEGMENT = ("segment", str(IMAGE), "--click", "290,100", "--json")
LEAST = 0.02
"""Seconds of a package's imports below which it is not listed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="another checkout to compare with")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cold", action="store_true", help="evict the packages from the system's cache first")
    options = parser.parse_args()
    trees = {"now": ROOT} if options.before is None else {"before": options.before.resolve(), "now": ROOT}
    load = os.getloadavg()[0]
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(options.repeats):
        for name, tree in trees.items():
            runs[name].append({**server(tree, cold=options.cold), **segment(tree, cold=options.cold)})
    seconds = {
        name: {key: round(median(run[key] for run in each), 2) for key in each[0]} for name, each in runs.items()
    }
    report: dict[str, Any] = {"seconds": seconds}
    if "before" in seconds:
        ratios = [
            {key: now[key] / before[key] for key in now}
            for before, now in zip(runs["before"], runs["now"], strict=True)
        ]
        report["ratio"] = {key: round(median(each[key] for each in ratios), 2) for key in ratios[0]}
    report |= {
        "imports": {name: imports(tree) for name, tree in trees.items()},
        "repeats": options.repeats,
        "load": round(load),
        "niceness": os.nice(0),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    written = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    written["cold" if options.cold else "warm"] = report
    RESULTS.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


def server(tree: Path, *, cold: bool) -> dict[str, float]:
    """Start the server, and time its page and its first mask."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(IMAGE, folder)
        command = ("annotate", folder, "--no-browser", "--port", "0")
        if cold:
            evict(tree)
        begun = time.perf_counter()
        process = subprocess.Popen(program(*command), stdout=subprocess.PIPE, text=True, env=environment(tree))
        assert process.stdout is not None
        try:
            found = next(at for line in process.stdout if (at := re.search(r"127\.0\.0\.1:(\d+)/\?token=(\S+)", line)))
            connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=300)
            headers = {"Authorization": f"Bearer {found[2]}", "X-VPUFormer": "1", "Content-Type": "application/json"}

            def send(method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status >= 300:
                    raise RuntimeError(f"{method} {path} was answered with {answer.status}: {content!r:.200}")
                return content

            send("GET", "/")
            page = time.perf_counter()
            state = json.loads(send("POST", "/api/images/1/objects", {"key": "key-00000001"}))
            sent = {"key": "key-00000002", "revision": state["revision"], "step": CLICK}
            clicked = time.perf_counter()
            state = json.loads(send("POST", f"/api/objects/{state['id']}/steps", sent))
            done = time.perf_counter()
            if not state["area"]:
                raise RuntimeError("the first mask is empty")
            connection.close()
        finally:
            process.terminate()
            process.wait(60)
            process.stdout.close()
    return {"start to page": page - begun, "click to mask": done - clicked, "start to mask": done - begun}


def segment(tree: Path, *, cold: bool) -> dict[str, float]:
    """Time one call of `vpuformer segment`."""
    if cold:
        evict(tree)
    begun = time.perf_counter()
    subprocess.run(program(*SEGMENT), check=True, stdout=subprocess.DEVNULL, env=environment(tree))
    return {"vpuformer segment": time.perf_counter() - begun}


def imports(tree: Path) -> dict[str, Any]:
    """Count the modules that `vpuformer segment` imports, and time those of each package."""
    command = [sys.executable, "-X", "importtime", "-m", "vpuformer", *SEGMENT]
    timed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment(tree))
    own = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", timed.stderr, re.MULTILINE)
    packages: dict[str, float] = defaultdict(float)
    for microseconds, module in own:
        packages[module.partition(".")[0]] += int(microseconds) / 1e6
    listed = sorted(packages.items(), key=lambda item: -item[1])
    return {
        "modules": len(own),
        "seconds": round(sum(packages.values()), 2),
        "seconds of packages": {name: round(seconds, 2) for name, seconds in listed if seconds >= LEAST},
    }


def program(*words: str) -> list[str]:
    return [sys.executable, "-m", "vpuformer", *words]


def environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree / "src")}


def evict(tree: Path) -> None:
    """Remove the installed packages and the source from the cache. Files in use stay there."""
    for folder in (Path(sysconfig.get_path("platlib")), tree / "src"):
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
