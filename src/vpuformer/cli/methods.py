"""Objects, kinds of prompts and method of an evaluation, from the command line."""

import fnmatch
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from vpuformer.errors import ConfigError, DatasetError, listed, unknown_name

if TYPE_CHECKING:
    from vpuformer.data.sample import Sample
    from vpuformer.inference.protocol import Segmenter
    from vpuformer.inference.zoom import ViewSettings
    from vpuformer.prompts import Kind


class Method(NamedTuple):
    """A segmenter, and how it is measured."""

    segmenter: "Segmenter"
    device: str
    """The device and the machine, as the header of a run describes them."""
    batch: int
    """Objects at a time."""
    workers: int
    """Threads."""
    options: "Mapping[str, str | int | float | bool | None]"
    """Settings of its views, as the header of a run describes them."""


def parse_kinds(prompts: str) -> "tuple[Kind, ...]":
    """The kinds of `click+box`, in one order and not yet checked.

    >>> parse_kinds("box+click")
    ('click', 'box')
    """
    from vpuformer.prompts import KINDS

    names = dict.fromkeys(name.strip() for name in prompts.split("+"))
    known = [name for name in KINDS if name in names]
    return cast("tuple[Kind, ...]", (*known, *(name for name in names if name not in KINDS)))


def open_samples(dataset: str, root: Path, split: Path | None) -> "Sequence[Sample]":
    """The objects of a benchmark or of COCO folders; with a split, its validation objects.

    Raises:
        DatasetError: there is no such data set, it is not laid out as it should be, or holds no object.
    """
    if dataset.lower() != "coco":
        from vpuformer.data.kinds.benchmarks import BENCHMARKS, open_benchmark

        if dataset.lower() not in BENCHMARKS:
            raise DatasetError(unknown_name("data set", dataset, [*BENCHMARKS, "coco"]))
        if split is not None:
            raise ConfigError(f"{dataset} is evaluated as a whole; --split goes with --dataset coco")
        return open_benchmark(dataset, root)

    from vpuformer.data.split import find_split, open_folders, validation_samples

    folders = open_folders(root)
    if split is not None:
        samples = validation_samples(folders, find_split(root, split))
    else:
        samples = [sample for opened in folders.values() for sample in opened.samples()]
    if not samples:
        notes = [note for opened in folders.values() for note in opened.notes]
        why = f" ({listed(notes)})" if notes else ""
        raise DatasetError(f"{root} holds no object to evaluate{f' that {split} names' if split else ''}{why}")
    return samples


def choose_samples(
    samples: "Sequence[Sample]", only: Sequence[str], every: int | None, limit: int | None
) -> "Sequence[Sample]":
    """Choose objects: those that a pattern names, of these every n-th, of these the first.

    Args:
        only: patterns with * and ?, of names ("davis/bear_*") or of single objects ("sstem/00#17"); none means all.
        every: 5 takes the first, the sixth, and so on.

    Raises:
        ConfigError: a number is below 1, or a pattern names no object.
    """
    for option, number in (("--every", every), ("--limit", limit)):
        if number is not None and number < 1:
            raise ConfigError(f"{option} is at least 1, got {number}")
    names = [(sample.name, f"{sample.name}#{sample.object_id}") for sample in samples]
    wanted: set[int] = set()
    for pattern in only:
        # A name may hold brackets, which mean something else in a pattern.
        exact = {number for number, both in enumerate(names) if pattern in both}
        found = exact or {
            number for number, both in enumerate(names) if any(fnmatch.fnmatchcase(name, pattern) for name in both)
        }
        if not found:
            raise ConfigError(f"no object is named {pattern!r}; the first is {samples[0].name!r}")
        wanted |= found
    chosen = [sample for number, sample in enumerate(samples) if not only or number in wanted]
    return chosen[::every][:limit]


def open_method(
    model: str,
    baseline: str | None,
    device: str | None,
    runtime: str | None,
    *,
    views: "ViewSettings",
    batch: int | None,
    workers: int | None,
) -> Method:
    """The method that is measured, ready to run.

    Raises:
        ConfigError: there is no such baseline, device or runtime, or a number is out of range.
        CheckpointError: there is no such model.
        MissingDependencyError: the runtime is not installed.
    """
    for option, number in (("--batch", batch), ("--workers", workers)):
        if number is not None and number < 1:
            raise ConfigError(f"{option} is at least 1, got {number}")
    if baseline is not None:
        from vpuformer.evaluation.baselines import open_baseline

        opened = open_baseline(baseline, device=device)
        used = _described(str(getattr(opened, "device", None) or "cpu"))
        return Method(opened, used, batch or 1, workers or 1, options={})

    from vpuformer.evaluation import BATCH
    from vpuformer.inference.cores import usable_cores
    from vpuformer.inference.segment import VPUFormerSegmenter

    # One object at a time is what a person waits for; several together are what the machine can do: passes in threads
    # of their own, with a core each, do more than every pass on all cores, and sums come out the same on any machine.
    alone = batch == workers == 1
    segmenter = VPUFormerSegmenter.from_pretrained(
        model, device, runtime=runtime, threads=None if alone else 1, views=views
    )
    used = _described(f"{segmenter.device}, {segmenter.network.runtime}")
    counts = (1, 1) if alone else (batch or BATCH, workers or usable_cores())
    return Method(segmenter, used, *counts, options=segmenter.views.to_options())


def _described(device: str) -> str:
    threads = os.environ.get("OMP_NUM_THREADS")
    return f"{device}, {os.cpu_count()} cores" + (f", {threads} threads" if threads else "")
