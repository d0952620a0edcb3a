"""Several runs, and which of their numbers may stand beside each other.

A table has a row a *method* and a column a *set*. Runs share a row only where they measured the same method in the same
way, and a column only where they saw the same objects of the same data; where two rows or columns would have the same
name, the name says what is different.
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
from vpuformer.evaluation.records import Header, Key, ObjectRecord, read_records
from vpuformer.evaluation.report.published import NAMES
from vpuformer.evaluation.report.summary import Summary, prompts_shown, summarise


class Method(NamedTuple):
    """What shares a row of a table."""

    model: str
    weights: str | None
    options: tuple[tuple[str, object], ...]
    version: str
    until: float | None
    max_interactions: int
    seed: int | None
    """None where nothing was drawn."""
    prompts: str

    @property
    def alone(self) -> "Method":
        """The method itself, whatever the prompts, their limit and their draws."""
        return self._replace(until=None, max_interactions=0, seed=None, prompts="")


class Column(NamedTuple):
    """What shares a column of a table."""

    dataset: str
    data: str
    objects: frozenset[Key]
    """Which they are: two parts of a set may be equally large."""


@dataclass(frozen=True)
class Run:
    """An evaluation, read from its folder."""

    folder: Path
    header: Header
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
            head.until,
            head.max_interactions,
            seed,
            prompts_shown(self.summary),
        )

    @cached_property
    def column(self) -> Column:
        return Column(self.header.dataset, self.header.data_sha256, frozenset(record.key for record in self.objects))

    @property
    def complete(self) -> bool:
        """Whether all objects of a published set were measured; False for a set that is not published."""
        benchmark = BENCHMARKS.get(self.header.dataset)
        if benchmark is None:
            return False
        return benchmark.published.agrees(len({record.image_id for record in self.objects}), len(self.objects))


def open_runs(folders: Iterable[str | os.PathLike[str]]) -> list[Run]:
    """The runs in these folders, in this order.

    Raises:
        InputError: there is none, a folder holds no records or broken ones, a run is not finished, or one is there
            twice.
    """
    runs = [open_run(folder) for folder in folders]
    if not runs:
        raise InputError("no run to report; give the folders that `vpuformer evaluate` wrote")
    seen: dict[Hashable, Run] = {}
    for run in runs:
        other = seen.setdefault((run.method, run.column), run)
        if other is not run:
            differing = [name for name in other.header.differences(run.header) if name != "command"]
            raise InputError(
                f"{other.folder} and {run.folder} would stand in the same place of every table: the same method on the"
                f" same objects{', but for ' + ', '.join(differing) if differing else ''}; give one of them"
            )
    return runs


def open_run(folder: str | os.PathLike[str]) -> Run:
    """The run in a folder, or in a file of records.

    Raises:
        InputError: there are no records, they are broken, or the run is not finished.
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


def method_names(runs: Sequence[Run], told: Collection[str] = ()) -> dict[Method, str]:
    """A name for the row of each method: the model's, and with it in what it differs from others of that name.

    Args:
        runs: those of a table.
        told: fields of `Method` that the table tells elsewhere.
    """
    return describe(list(dict.fromkeys(run.method for run in runs)), told)


def describe(methods: Sequence[Method], told: Collection[str] = ()) -> dict[Method, str]:
    """As `method_names`, of methods without runs."""
    names = {}
    for method in methods:
        alike = [other for other in methods if (other.model, other.prompts) == (method.model, method.prompts)]
        parts = [
            shown(method)
            for field, shown in _SHOWN.items()
            if field not in told and len({getattr(each, field) for each in alike}) > 1
        ]
        names[method] = ", ".join([method.model, *(part for part in parts if part)])
    return names


def column_names(runs: Sequence[Run]) -> dict[Column, str]:
    """A name for the column of each set: the data set's, how many objects unless all, and which data if there are two.

    Data are told apart by the first digits of their fingerprint; see `vpuformer.evaluation.records.data_fingerprint`.
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


def run_names(runs: Sequence[Run], told: Collection[str] = ()) -> list[str]:
    """A name for each run where it stands alone: method, prompts and set; `told` as in `method_names`."""
    methods, columns = method_names(runs, told), column_names(runs)
    return [f"{methods[run.method]} ({prompts_shown(run.summary)}), {columns[run.column]}" for run in runs]


def same_objects(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs, those on the same objects together."""
    together: dict[Column, list[Run]] = {}
    for run in runs:
        together.setdefault(run.column, []).append(run)
    return list(together.values())


_SHOWN: dict[str, Callable[[Method], str]] = {
    "weights": lambda method: f"weights {method.weights[:8]}" if method.weights else "",
    "options": lambda method: ", ".join(f"{name}={value}" for name, value in method.options),
    "version": lambda method: f"version {method.version}",
    "until": lambda method: "" if method.until is None else f"until IoU {method.until:g}",
    "max_interactions": lambda method: f"at most {counted(method.max_interactions, 'prompt')}",
    "seed": lambda method: "" if method.seed is None else f"seed {method.seed}",
}
"""How each field of a method is told, where it has to be."""
