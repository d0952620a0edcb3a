"""Several runs, and which of their numbers are comparable.

A table has one row per *method* and one column per *data set*. Runs share a row only if they measured the same method
with the same settings, and a column only if they measured the same objects of the same data. If two rows or columns
would have the same name, the names show the difference.
"""

import os
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vpuformer.data.kinds.benchmarks import BENCHMARKS
from vpuformer.errors import InputError, counted
from vpuformer.evaluation import RECORDS
from vpuformer.evaluation.records import Key, ObjectRecord, RunHeader, read_records
from vpuformer.evaluation.report.published import NAMES
from vpuformer.evaluation.report.summary import Summary, prompts_shown, summarise


class Method(NamedTuple):
    """Identity of a table row."""

    model: str
    weights: str | None
    options: tuple[tuple[str, object], ...]
    version: str
    stop_at_iou: float | None
    max_interactions: int
    seed: int | None
    """None if the protocol is not random."""
    prompts: str

    @property
    def alone(self) -> "Method":
        """The method without its prompts, their limit and their seed."""
        return self._replace(stop_at_iou=None, max_interactions=0, seed=None, prompts="")


class Column(NamedTuple):
    """Identity of a table column."""

    dataset: str
    data: str
    objects: frozenset[Key]
    """Keys of the objects; two parts of a data set may have the same size."""


@dataclass(frozen=True)
class Run:
    """An evaluation, read from its folder."""

    folder: Path
    header: RunHeader
    objects: tuple[ObjectRecord, ...]
    summary: Summary

    @property
    def method(self) -> Method:
        head = self.header
        options = tuple(sorted(head.options.items()))
        version = head.versions.get("vpuformer", "")
        seed = head.seed if len(head.kinds) > 1 else None
        return Method(
            head.model,
            head.weights_sha256,
            options,
            version,
            head.stop_at_iou,
            head.max_interactions,
            seed,
            prompts_shown(self.summary),
        )

    @cached_property
    def column(self) -> Column:
        return Column(self.header.dataset, self.header.data_sha256, frozenset(record.key for record in self.objects))

    @property
    def complete(self) -> bool:
        """Whether the run measured all objects of a published data set; False for other data sets."""
        benchmark = BENCHMARKS.get(self.header.dataset)
        if benchmark is None:
            return False
        return benchmark.published.agrees(len({record.image_id for record in self.objects}), len(self.objects))


def open_runs(folders: Iterable[str | os.PathLike[str]]) -> list[Run]:
    """Read the runs in these folders, in this order.

    Raises:
        InputError: no folder is given, records are missing or broken, a run is unfinished, or a run is given twice.
    """
    runs = [open_run(folder) for folder in folders]
    if not runs:
        raise InputError("got no run to report; give the folders that `vpuformer evaluate` wrote")
    seen: dict[Hashable, Run] = {}
    for run in runs:
        other = seen.setdefault((run.method, run.column), run)
        if other is not run:
            differing = [name for name in other.header.differences(run.header) if name != "command"]
            raise InputError(
                f"{other.folder} and {run.folder} would fill the same cells of every table: the same method on the"
                f" same objects{', apart from ' + ', '.join(differing) if differing else ''}; give one of them"
            )
    return runs


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Read the run in a folder, or in a file of records.

    Raises:
        InputError: the records are missing or broken, or the run is unfinished.
    """
    path = Path(folder)
    file = path / RECORDS if path.is_dir() else path
    partial = file.with_name(file.name + ".partial")
    if not file.exists() and partial.exists():
        begun = read_records(partial)
        raise InputError(
            f"the run in {path} is not finished: {len(begun.objects)} of {begun.header.objects} objects are done; give"
            f" its command again: {begun.header.command}"
        )
    header, objects = read_records(file)
    if len(objects) != header.objects:
        raise InputError(f"{file} holds {len(objects)} of the {header.objects} objects of its run; run it again")
    return Run(path, header, objects, summarise(header, objects))


def method_names(runs: Sequence[Run], omit: Collection[str] = ()) -> dict[Method, str]:
    """Row title of each method: the model, and what distinguishes it from others.

    Args:
        runs: the runs of a table.
        omit: fields of `Method` that the table shows elsewhere.
    """
    return describe(list(dict.fromkeys(run.method for run in runs)), omit)


def describe(methods: Sequence[Method], omit: Collection[str] = ()) -> dict[Method, str]:
    """Row title of each method; see `method_names`."""
    names = {}
    for method in methods:
        alike = [other for other in methods if (other.model, other.prompts) == (method.model, method.prompts)]
        parts = [
            shown(method)
            for field, shown in _SHOWN.items()
            if field not in omit and len({getattr(each, field) for each in alike}) > 1
        ]
        names[method] = ", ".join([method.model, *(part for part in parts if part)])
    return names


def column_names(runs: Sequence[Run]) -> dict[Column, str]:
    """Column title of each data set, with the number of objects unless it is whole.

    Data of one name are distinguished by the first digits of their `vpuformer.evaluation.records.data_fingerprint`.
    """
    order = [*NAMES, *dict.fromkeys(run.header.dataset for run in runs)]  # the paper's sets first, as it orders them
    columns = {run.column: run for run in sorted(runs, key=lambda run: order.index(run.header.dataset))}
    names = {}
    for column, run in columns.items():
        name = NAMES.get(column.dataset, column.dataset)
        if not run.complete:
            name += f", {counted(len(column.objects), 'object')}"
        if len({other.data for other in columns if other.dataset == column.dataset}) > 1:
            name += f", data {column.data[:8]}"
        alike = [other for other in columns if other[:2] == column[:2] and len(other.objects) == len(column.objects)]
        if len(alike) > 1:
            name += f", selection {alike.index(column) + 1}"
        names[column] = name
    return names


def run_names(runs: Sequence[Run], omit: Collection[str] = ()) -> list[str]:
    """Full name of each run: method, prompts and data set. For `omit` see `method_names`."""
    methods, columns = method_names(runs, omit), column_names(runs)
    return [f"{methods[run.method]} ({prompts_shown(run.summary)}), {columns[run.column]}" for run in runs]


def same_objects(runs: Iterable[Run]) -> list[list[Run]]:
    """Group the runs by the objects that they measured."""
    together: dict[Column, list[Run]] = {}
    for run in runs:
        together.setdefault(run.column, []).append(run)
    return list(together.values())


_SHOWN: dict[str, Callable[[Method], str]] = {
    "weights": lambda method: f"weights {method.weights[:8]}" if method.weights else "",
    "options": lambda method: ", ".join(f"{name}={value}" for name, value in method.options),
    "version": lambda method: f"version {method.version}",
    "stop_at_iou": lambda method: "" if method.stop_at_iou is None else f"until IoU {method.stop_at_iou:g}",
    "max_interactions": lambda method: f"at most {counted(method.max_interactions, 'prompt')}",
    "seed": lambda method: "" if method.seed is None else f"seed {method.seed}",
}
"""Text for each field of a method that distinguishes it from others."""
