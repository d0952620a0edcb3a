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
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Keep freed memory for later requests, until the process ends.

    The process then holds as much memory as it has ever needed at once. For programs that do one thing after the other
    (training, evaluation), not for a library that is a guest in somebody's program.

    Returns:
        Whether there is such a setting: the GNU C library has it, others go their own ways.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**28), (_ARENA_MAX, 1))
    return all(mallopt(name, value) == 1 for name, value in settings)


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
