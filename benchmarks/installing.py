"""Size and time of an installation in an empty environment. Needs the network."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KINDS = {f"vpuformer{extras}": extras for extras in ("", "[app]", "[evaluate]", "[app,torch]")}


LEAST_MB = 10
"""Smaller packages are not listed."""


def installations() -> dict[str, dict[str, Any]]:
    """MB and seconds of `pip install` of the wheel, and seconds of `make demo` in a clone.

    Everything is downloaded: pip's cache is off.
    """
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        call([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(work), str(ROOT)])
        (wheel,) = work.glob("*.whl")
        for name, extras in KINDS.items():
            place = work / "environment"
            call([sys.executable, "-m", "venv", str(place)])
            empty = megabytes(place)
            python = place / "bin" / "python"
            seconds = call([str(python), "-m", "pip", "install", "--quiet", f"{wheel}{extras}"])
            found[name] = {
                "MB": round(megabytes(place) - empty),
                "seconds": round(seconds, 1),
                "MB of packages": largest(place),
            }
            shutil.rmtree(place)
        clone = work / "clone"
        call(["git", "clone", "--quiet", str(ROOT), str(clone)])
        found["make demo"] = {"seconds": round(call(["make", "--silent", "-C", str(clone), "demo"]), 1)}
    return found


def call(command: Sequence[str]) -> float:
    """Seconds of a program.

    Raises:
        subprocess.CalledProcessError: the program failed.
    """
    # Neither this checkout nor its environment may leak into the new one.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**environment, "PIP_NO_CACHE_DIR": "1"})
    return time.perf_counter() - begun


def largest(environment: Path) -> dict[str, int]:
    """MB of the large packages in an environment, the largest first."""
    sizes: dict[str, float] = defaultdict(float)
    for folder in environment.glob("lib/python*/site-packages/*/"):
        sizes[folder.name.removesuffix(".libs")] += megabytes(folder)
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    return {name: round(size) for name, size in ordered if size >= LEAST_MB and name != "pip"}


def megabytes(folder: Path) -> float:
    """Size of all files in a folder, in MB."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
