"""Parts of a list of work, for several machines or processes."""

import re
from collections.abc import Sequence
from typing import TypeVar

from vpuformer.errors import ConfigError

Item = TypeVar("Item")


def parse_shard(text: str) -> tuple[int, int]:
    """Number of the part and count of parts.

    >>> parse_shard("2/8")
    (2, 8)

    Raises:
        ConfigError: the text is not I/N with 1 <= I <= N.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise ConfigError(f"a part of a run is I/N with I from 1 to N, such as 2/8, got {text!r}")
    return number, count


def shard_of(items: Sequence[Item], shard: tuple[int, int], batch: int) -> list[Item]:
    """Items that belong to one part.

    >>> shard_of(range(10), (1, 2), batch=2), shard_of(range(10), (2, 2), batch=2)
    ([0, 1, 4, 5, 8, 9], [2, 3, 6, 7])
    """
    number, count = shard
    return [item for item, part in zip(items, parts_of(len(items), count, batch), strict=True) if part == number - 1]


def parts_of(total: int, count: int, batch: int) -> list[int]:
    """Part of each item, counted from 0: blocks of `batch` items are dealt out in turn."""
    return [i // batch % count for i in range(total)]
