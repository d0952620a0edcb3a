"""Check of a data set: every file is opened once, and all faults are reported.

Some images make a contact sheet, which shows what no rule finds: masks of other images, labels that mean something
else.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB, evenly_spaced
from vpuformer.data.contact_sheet import Thumbnail
from vpuformer.data.counts import Counts
from vpuformer.data.kinds.benchmarks import BENCHMARKS, find_samples
from vpuformer.data.sample import Sample
from vpuformer.data.source import Source
from vpuformer.data.sources import KINDS, open_kind
from vpuformer.errors import DatasetError, InputError, unknown_name

SHOWN = 24
"""Images on a contact sheet, of all sets together; two of each at least."""

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called with the name of the set, the number of images checked, and the number of all."""


@dataclass
class Findings:
    """Result of checking one set.

    `faults` are sentences that name files, each once. `notes` are sentences about files that are left out without being
    wrong. `shown` are small images with their objects outlined.
    """

    name: str
    published: Counts
    images: int = 0
    objects: int = 0
    faults: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    shown: list[RGB] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the set has the published size."""
        return self.published.agrees(self.images, self.objects)

    def __str__(self) -> str:
        line = f"{self.name}: {Counts(self.images, self.objects)}"
        return f"{line}; published: {self.published}" if str(self.published) else line


def check(name: str, root: Path, on_progress: Progress | None = None) -> list[Findings]:
    """Open every file of a set.

    Args:
        name: a benchmark, or a kind of sets that can be trained on; a name of both is checked as both.
        root: its folder; for `coco` also a folder of several sets.
        on_progress: called after every image.

    Raises:
        DatasetError: the name is unknown, or `root` has another layout.
    """
    name = name.lower()
    if name not in {**BENCHMARKS, **KINDS}:
        raise DatasetError(unknown_name("data set", name, {**BENCHMARKS, **KINDS}))
    report_progress = on_progress or (lambda *_: None)
    found = []
    if name in BENCHMARKS:
        found.append(_check_benchmark(name, root, report_progress))
    if name in KINDS:
        sources = open_kind(name, root, KINDS[name].whole)
        found += [_check_source(name, source, max(SHOWN // len(sources), 2), report_progress) for source in sources]
    return found


def _check_benchmark(name: str, root: Path, report_progress: Progress) -> Findings:
    findings = Findings(name, BENCHMARKS[name].published)
    samples: list[Sample] = []
    for entry in find_samples(name, root):
        if isinstance(entry, DatasetError):
            findings.faults[str(entry)] = None
        else:
            samples.append(entry)
    findings.notes = {note: None for sample in samples for note in sample.notes}
    images = [list(group) for _, group in groupby(samples, key=lambda sample: sample.image_id)]
    chosen = set(evenly_spaced(len(images), SHOWN))
    for i, group in enumerate(images):
        image = _tried(findings, group[0].image)
        masks = ((sample.name, lambda sample=sample: sample.truth() == 1) for sample in group)
        _note(findings, image, masks, shown=i in chosen)
        report_progress(name, i + 1, len(images))
    return findings


def _check_source(kind: str, source: Source, shown: int, report_progress: Progress) -> Findings:
    findings = Findings(source.name, KINDS[kind].published)
    findings.faults |= {str(fault): None for fault in source.faults}
    findings.notes |= dict.fromkeys(source.notes)
    chosen = set(evenly_spaced(len(source), shown))
    for i, file in enumerate(source.images):
        objects = _tried(findings, lambda i=i: source.objects(i))
        image = _tried(findings, lambda i=i: source.image(i))
        if objects is not None:
            findings.notes |= dict.fromkeys(source.remarks(i))
            if not objects and not KINDS[kind].bare:
                findings.faults[f"{file} of {source.name} has no object"] = None
        # One mask at a time: a thousand cells of a large image would not fit into memory.
        masks = (
            (f"object {number} of {file}", lambda i=i, number=number: source.masks(i, [number])[0].astype(bool))
            for number in objects or ()
        )
        _note(findings, image, masks, shown=i in chosen)
        report_progress(source.name, i + 1, len(source))
    return findings


def _tried(findings: Findings, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except InputError as problem:
        findings.faults[str(problem)] = None
        return None


def _note(
    findings: Findings,
    image: RGB | None,
    masks: Iterable[tuple[str, Callable[[], npt.NDArray[np.bool_]]]],
    *,
    shown: bool,
) -> None:
    """Count one image and its objects, each a name and what reads its mask; check that they fit and are not empty."""
    findings.images += 1
    small = Thumbnail(image) if shown and image is not None else None
    for name, read in masks:
        findings.objects += 1
        mask = _tried(findings, read)
        if mask is None or image is None:
            continue
        if mask.shape != image.shape[:2]:
            findings.faults[f"{name}: the mask has the shape {mask.shape}, its image {image.shape[:2]}"] = None
        elif not mask.any():
            findings.faults[f"{name} shows nothing"] = None
        else:
            if mask.all():
                findings.notes[f"{name}: every pixel is object"] = None
            if small is not None:
                small.add(mask)
    if small is not None:
        findings.shown.append(small.drawn())
