"""The share of the CPU that a network gets. Imports no torch."""

import os
from math import ceil
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Linux' bound of the CPU time of a container: microseconds of all cores together, or "max", in a period."""


def usable_cores() -> int:
    """Number of cores that this process may use, or OMP_NUM_THREADS if it is set."""
    if number := _from_environment():
        return number
    if hasattr(os, "sched_getaffinity"):  # Linux: not the cores that a container or taskset withholds
        return min(len(os.sched_getaffinity(0)), _cores_in_quota())
    return os.cpu_count() or 1


def half_the_cores() -> int:
    """Every second core, or OMP_NUM_THREADS if it is set.

    For programs that share the machine with others, such as a server with a browser on the same machine: a thread that
    waits for another one without a core takes many times as long as one alone.
    """
    return _from_environment() or max(1, usable_cores() // 2)


def _cores_in_quota() -> int:
    """Number of cores that a container's CPU time amounts to, such as 2 with `docker run --cpus=2`."""
    try:
        quota, period = _QUOTA.read_text(encoding="utf-8").split()
        return max(1, ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no bound
        return os.cpu_count() or 1


def _from_environment() -> int:
    number = os.environ.get("OMP_NUM_THREADS", "")
    return int(number) if number.isdecimal() else 0
