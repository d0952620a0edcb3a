"""Freed memory is kept where that can be had, and nothing breaks where it cannot. Garbage collection pauses."""

import ctypes
import gc
import subprocess
import sys

import pytest

from vpuformer.memory import keep_freed_memory, no_garbage_collection

FAULTS = """
import resource, sys
import numpy as np
from vpuformer.memory import keep_freed_memory

if sys.argv[1] == "keep" and not keep_freed_memory():
    print("none")
    raise SystemExit
for _ in range(3):
    np.ones(40_000_000, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(40_000_000, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the setting is the GNU C library's")
def test_what_is_freed_is_used_again() -> None:
    told = [
        subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout.strip()
        for how in ("keep", "give back")
    ]
    if told[0] == "none":
        pytest.skip("another C library")
    kept, given_back = map(int, told)
    assert kept < 50
    assert kept < given_back


KEPT = """
import resource, threading
import numpy as np
from vpuformer.memory import keep_freed_memory

def faults(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(size, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def work():
    faults(24_000_000)
    again = faults(24_000_000)
    before = held()
    blocks = [np.ones(20_000_000, np.uint8) for _ in range(30)]
    del blocks
    print(again, held() - before)

if not keep_freed_memory(2**28):
    print("none")
    raise SystemExit
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the setting is the GNU C library's")
def test_a_server_keeps_some_of_it_and_gives_the_rest_back() -> None:
    told = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True).stdout.strip()
    if told == "none":
        pytest.skip("another C library")
    faults, kept = map(int, told.split())
    assert faults < 50
    assert kept <= 2**28 + 2**25  # of 600 MB


def test_another_system_goes_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()


def test_garbage_collection_pauses_and_goes_on_as_it_was() -> None:
    with no_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with no_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
