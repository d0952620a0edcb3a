"""Merge the parts of a run.

Blocks of `batch` objects are dealt out in turn: part 1 of 2 gets the first block, the third, and so on. Every object
keeps its neighbours in the batch, so it gets the same masks as in a whole run. Needs no torch.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from vpuformer.errors import InputError
from vpuformer.evaluation.records import ObjectRecord, Records, RunHeader
from vpuformer.shards import parse_shard, parts_of

_MACHINE_FIELDS = ("command", "device")
"""Fields that may differ between parts of one run, which may come from several machines."""


def merge(parts: Sequence[Records]) -> Records:
    """Merge all parts of a run, in the order of its objects.

    Raises:
        InputError: a part is missing, given twice, unfinished, or belongs to another run.
    """
    if not parts:
        raise InputError("got no part to merge; give the folders of all parts of a run")
    by_number: dict[int, Records] = {}
    first = parts[0].header
    count = 0
    for part in parts:
        if part.header.shard is None or part.header.total is None:
            raise InputError(
                f"the run of {part.header.command or part.header.model!r} is not a part: it was made without --shard"
            )
        number, count = parse_shard(part.header.shard)
        if number in by_number:
            raise InputError(f"part {part.header.shard} was given twice; give every part once")
        changed = [name for name in _whole(part.header).differences(_whole(first)) if name not in _MACHINE_FIELDS]
        if changed or count != parse_shard(first.shard or "")[1]:
            raise InputError(
                f"parts {first.shard} and {part.header.shard} belong to different runs, which differ in"
                f" {', '.join(changed) or 'the number of parts'}"
            )
        by_number[number] = part
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in by_number]
    if missing:
        raise InputError(f"these of {count} parts are missing: {', '.join(missing)}")
    header = _whole(first)
    return Records(header, _dealt_back([by_number[number] for number in range(1, count + 1)], header))


def _whole(header: RunHeader) -> RunHeader:
    """Header of the whole run."""
    total = header.objects if header.total is None else header.total
    return replace(header, objects=total, shard=None, total=None, command=without_shard(header.command))


def without_shard(command: str) -> str:
    """Command of the whole run.

    >>> without_shard("vpuformer evaluate --shard 1/2 --dataset davis")
    'vpuformer evaluate --dataset davis'
    """
    return re.sub(r" --shard[ =]\S+", "", command)


def _dealt_back(parts: Sequence[Records], header: RunHeader) -> tuple[ObjectRecord, ...]:
    numbers = parts_of(header.objects, len(parts), header.batch)
    for number, part in enumerate(parts):
        wanted = numbers.count(number)
        if len(part.objects) != wanted:
            raise InputError(
                f"part {part.header.shard} has {len(part.objects)} of its {wanted} objects; give its command again"
            )
    queues = [iter(part.objects) for part in parts]
    return tuple(next(queues[number]) for number in numbers)
