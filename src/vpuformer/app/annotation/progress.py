"""Counts of a folder: images by state, objects by label, person and day, and time of work.

Work is counted from the times of steps. The time between two steps belongs to the object of the later one, whichever
image it is on: looking for the object, and opening its image, is work on it. A pause of more than `LONGEST_PAUSE`
counts nothing, nor does the time before the first step and after the last one. If several people work at a
time, the sum is the time in which at least one of them worked.

A person's work is counted from that person's steps alone. An object belongs to whoever changed it last.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from vpuformer.app.schemas import ImageCounts, Progress, WorkCounts
from vpuformer.app.store.rows import CountedObject, ImageRow, TakenStep
from vpuformer.app.store.store import Store

Key = TypeVar("Key")
Value = TypeVar("Value")

LONGEST_PAUSE = 60.0
"""Seconds between two steps above which nobody was at work."""


def progress(store: Store, names: Iterable[str]) -> Progress:
    """Return the counts of the images with these names.

    Raises:
        StoreError: the store cannot be read.
    """
    listed = set(names)
    rows = [row for row in store.images() if row.name in listed]
    ids, work = {row.id for row in rows}, store.work()
    objects = [each for each in work.objects if each.image in ids]
    on_object, on_day = seconds_of_work(work.steps)
    worked = [on_object[each.id] for each in objects if each.id in on_object]
    labels = {label.id: label.name for label in store.labels()}
    return Progress(
        images=_states(rows),
        objects=len(objects),
        accepted=sum(each.accepted for each in objects),
        seconds=sum(on_day.values()),
        seconds_per_object=sum(worked) / len(worked) if worked else None,
        labels=[
            _counts(labels.get(label or 0), group, sum(on_object.get(each.id, 0) for each in group))
            for label, group in _grouped(objects, lambda each: each.label)
        ],
        people=_people(objects, work.steps),
        days=_days(objects, on_day),
    )


def seconds_of_work(steps: Iterable[TakenStep]) -> tuple[dict[int, float], dict[str, float]]:
    """Return the seconds of work on each object, and on each day that has a step.

    >>> times = [(1, 0.0), (1, 4.0), (2, 14.0), (2, 500.0), (2, 503.0)]
    >>> seconds, _ = seconds_of_work(TakenStep(*each) for each in times)
    >>> seconds
    {1: 4.0, 2: 13.0}
    """
    on_object, on_day = defaultdict[int, float](float), defaultdict[str, float](float)
    before: float | None = None
    for identity, created, _ in steps:
        pause = 0.0 if before is None else created - before
        seconds = pause if pause <= LONGEST_PAUSE else 0.0
        on_object[identity] += seconds
        on_day[_day(created)] += seconds
        before = created
    return dict(on_object), dict(on_day)


def csv_text(counts: Progress) -> str:
    """Return the counts as a table with a row for each state, label, person and day."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["kind", "name", "images", "objects", "accepted", "seconds"])
    table.writerows(["state", name, number, "", "", ""] for name, number in counts.images.model_dump().items())
    for kind, rows in (("label", counts.labels), ("person", counts.people), ("day", counts.days)):
        for row in rows:
            table.writerow([kind, row.name or "", row.images, row.objects, row.accepted, round(row.seconds, 1)])
    return text.getvalue()


def _states(rows: Iterable[ImageRow]) -> ImageCounts:
    numbers = dict.fromkeys(ImageCounts.model_fields, 0)
    for row in rows:
        touched = "begun" if row.objects or row.unaccepted else "untouched"
        numbers[row.review or ("done" if row.done else touched)] += 1
    return ImageCounts(**numbers)


def _people(objects: list[CountedObject], steps: list[TakenStep]) -> list[WorkCounts]:
    """Counts of each person; none if nobody has given a name."""
    theirs: dict[str | None, list[CountedObject]] = dict(_grouped(objects, lambda each: each.person))
    taken: dict[str | None, list[TakenStep]] = dict(_grouped(steps, lambda each: each.person))
    names = sorted({*theirs, *taken}, key=lambda name: (name is None, name or ""))
    if names in ([], [None]):
        return []
    seconds = {name: sum(seconds_of_work(taken.get(name, ()))[1].values()) for name in names}
    return [_counts(name, theirs.get(name, []), seconds[name]) for name in names]


def _days(objects: list[CountedObject], seconds: dict[str, float]) -> list[WorkCounts]:
    groups = dict(_grouped(objects, lambda each: _day(each.created)))
    return [_counts(day, groups.get(day, []), seconds.get(day, 0.0)) for day in sorted({*groups, *seconds})]


def _counts(name: str | None, objects: list[CountedObject], seconds: float) -> WorkCounts:
    return WorkCounts(
        name=name,
        images=len({each.image for each in objects}),
        objects=len(objects),
        accepted=sum(each.accepted for each in objects),
        seconds=seconds,
    )


def _grouped(values: Iterable[Value], key: Callable[[Value], Key]) -> Iterable[tuple[Key, list[Value]]]:
    groups: defaultdict[Key, list[Value]] = defaultdict(list)
    for each in values:
        groups[key(each)].append(each)
    return groups.items()


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).date().isoformat()
