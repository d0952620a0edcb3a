"""A run in parts, on several machines or in several processes, and the parts put together.

Blocks of `batch` objects are dealt out in turn, as cards are: part 1 of 2 gets the first block, the third, and so on.
So every object has the same neighbours in its part as in the whole, and the same answers. No torch is needed.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from vpuformer.errors import ConfigError, InputError
from vpuformer.evaluation.records import ObjectRecord, Records, RunHeader

Item = TypeVar("Item")

_OF_A_PART = ("command", "device")
"""Fields in which the parts of one run may differ: they may come from several machines."""


def parse_shard(text: str) -> tuple[int, int]:
    """Which part of how many.

    >>> parse_shard("2/8")
    (2, 8)

    Raises:
        ConfigError: it is none.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise ConfigError(f"a part of a run is I/N with I from 1 to N, such as 2/8, got {text!r}")
    return number, count


def shard_of(items: Sequence[Item], shard: tuple[int, int], batch: int) -> list[Item]:
    """The items of one part.

    >>> shard_of(range(10), (1, 2), batch=2), shard_of(range(10), (2, 2), batch=2)
    ([0, 1, 4, 5, 8, 9], [2, 3, 6, 7])
    """
    number, count = shard
    return [item for item, part in zip(items, _parts(len(items), count, batch), strict=True) if part == number - 1]


def merge(parts: Sequence[Records]) -> Records:
    """The whole run that these are all parts of, in the order of its objects.

    Raises:
        InputError: a part is missing, there twice, unfinished, or of another run.
    """
    if not parts:
        raise InputError("there is no part to merge; give the folders of all parts of a run")
    by_number: dict[int, Records] = {}
    first = parts[0].header
    count = 0
    for part in parts:
        if part.header.shard is None or part.header.total is None:
            raise InputError(f"the run of {part.header.command or part.header.model!r} is no part of a run (--shard)")
        number, count = parse_shard(part.header.shard)
        if number in by_number:
            raise InputError(f"part {part.header.shard} is there twice")
        changed = [name for name in _whole(part.header).differences(_whole(first)) if name not in _OF_A_PART]
        if changed or count != parse_shard(first.shard or "")[1]:
            raise InputError(
                f"parts {first.shard} and {part.header.shard} are of different runs, with another"
                f" {', '.join(changed) or 'number of parts'}"
            )
        by_number[number] = part
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in by_number]
    if missing:
        raise InputError(f"of {count} parts these are missing: {', '.join(missing)}")
    header = _whole(first)
    return Records(header, _dealt_back([by_number[number] for number in range(1, count + 1)], header))


def _whole(header: RunHeader) -> RunHeader:
    """The header of the run without parts."""
    total = header.objects if header.total is None else header.total
    return replace(header, objects=total, shard=None, total=None, command=without_shard(header.command))


def without_shard(command: str) -> str:
    """The command of the whole run.

    >>> without_shard("vpuformer evaluate --shard 1/2 --dataset davis")
    'vpuformer evaluate --dataset davis'
    """
    return re.sub(r" --shard[ =]\S+", "", command)


def _dealt_back(parts: Sequence[Records], header: RunHeader) -> tuple[ObjectRecord, ...]:
    numbers = _parts(header.objects, len(parts), header.batch)
    for number, part in enumerate(parts):
        wanted = numbers.count(number)
        if len(part.objects) != wanted:
            raise InputError(
                f"part {part.header.shard} has {len(part.objects)} of its {wanted} objects; run it to its end"
            )
    queues = [iter(part.objects) for part in parts]
    return tuple(next(queues[number]) for number in numbers)


def _parts(total: int, count: int, batch: int) -> list[int]:
    """The part of each object, counted from 0."""
    return [i // batch % count for i in range(total)]
