"""Settings of memory: freed blocks of the C library, and Python's garbage collection.

The GNU C library gives large blocks back to the system as soon as they are freed. A network frees and asks for the same
megabytes hundreds of times a second, and each time the system hands out empty pages one by one: on a CPU that takes up
to a quarter of the time of a pass.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The names of <malloc.h>.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -2, -3, -4, -8

_LARGEST_KEPT = 2**25
"""Bytes of the largest block that a program with `most` keeps: the C library's limit, and a mask of 33 megapixels."""

ENOUGH_TO_ANSWER = 2**28
"""Bytes of freed memory that a server keeps: enough to answer prompts on an image of 24 megapixels."""


def keep_freed_memory(most: int | None = None) -> bool:
    """Keep freed memory for later requests, until the process ends.

    Without `most` the process holds as much memory as it has ever needed at once. For programs that do one thing after
    the other (training, evaluation). No setting suits a library that is a guest in somebody's program.

    Args:
        most: bytes to keep at most; larger blocks than 32 MiB are given back at once. For programs that wait in
            between, such as servers.

    Returns:
        Whether there is such a setting: the GNU C library has it, others go their own ways.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    if most is None:
        settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**28))
    else:
        settings = ((_MMAP_THRESHOLD, _LARGEST_KEPT), (_TRIM_THRESHOLD, most), (_TOP_PAD, 2**24))
    # Another arena would keep its own memory, and a thread may have one.
    return all(mallopt(name, value) == 1 for name, value in (*settings, (_ARENA_MAX, 1)))


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Pause Python's search for unreachable cycles.

    For imports: they make a million objects that stay, among which the search takes a seventh of the time. It also
    decorates a function.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
