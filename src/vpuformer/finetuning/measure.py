"""Scores of a network on held-out objects, after simulated clicks, boxes and scribbles."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpuformer.data.sample import Sample
from vpuformer.evaluation import BATCH
from vpuformer.evaluation.records import ObjectRecord
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.inference.cores import usable_cores
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.metrics import MAX_CLICKS, bootstrap_intervals, iou_at, noc
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS, Kind

FEW_CLICKS = 3
"""Clicks of a quick measurement."""

_FEWEST_IMAGES = 3
"""Images below which a bootstrap over images says nothing."""


@dataclass(frozen=True)
class Measured:
    """Records of the same objects for several clicks, for one box, and for one scribble."""

    records: Mapping[Kind, Sequence[ObjectRecord]]

    @property
    def score(self) -> float:
        """Mean IoU after one click, three clicks, one box and one scribble; 0 without objects."""
        if not self.objects:
            return 0.0
        steps: list[tuple[Kind, int]] = [("click", 1), ("click", FEW_CLICKS), ("box", 1), ("scribble", 1)]
        return float(np.mean([[iou_at(record.ious, k) for record in self.records[kind]] for kind, k in steps]))

    @property
    def objects(self) -> int:
        """Number of objects."""
        return len(self.records["click"])

    @property
    def images(self) -> list[str]:
        """The image of each object."""
        return [record.image_id for record in self.records["click"]]

    def numbers(self) -> dict[str, list[float]]:
        """Numbers of a table, by name, for each object."""
        curves = [record.ious for record in self.records["click"]]
        rows = {
            f"IoU after 1 {kind}": [iou_at(record.ious, 1) for record in records]
            for kind, records in self.records.items()
        }
        return rows | {f"NoC@{100 * iou:.0f}": [float(noc(curve, iou)) for curve in curves] for iou in (0.85, 0.9)}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {kind: [record.to_dict() for record in records] for kind, records in self.records.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Measured":
        """The inverse of `to_dict`."""
        return cls({kind: [ObjectRecord.from_dict(each) for each in values[kind]] for kind in KINDS})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: means with 95 % intervals, None where too few images were held out."""

    name: str
    before: float
    after: float
    before_interval: tuple[float, float] | None
    after_interval: tuple[float, float] | None
    change_interval: tuple[float, float] | None
    """Interval of after - before, of the same objects."""

    @property
    def better(self) -> bool:
        """Whether the number has improved. Of clicks, fewer are better."""
        return self.after < self.before if self.name.startswith("NoC") else self.after > self.before


def compared(before: Measured, after: Measured) -> list[Row]:
    """The table of the same objects before and after, with a bootstrap over images."""
    first, second = before.numbers(), after.numbers()
    means = np.array([[first[name], second[name]] for name in first])  # names, 2, objects
    columns = np.concatenate([means[:, 0], means[:, 1], means[:, 1] - means[:, 0]]).T
    intervals: list[Any] = [None] * columns.shape[1]
    if len(set(before.images)) >= _FEWEST_IMAGES:
        ends = bootstrap_intervals(columns, np.random.default_rng(0), images=before.images)
        intervals = [tuple(each) for each in ends.tolist()]
    rows = len(first)
    return [
        Row(name, float(means[i, 0].mean()), float(means[i, 1].mean()), *intervals[i::rows])
        for i, name in enumerate(first)
    ]


def segmenter_of(network: VPUFormer, *, threads: int | None = 1) -> VPUFormerSegmenter:
    """A segmenter of a network on its device.

    Args:
        threads: see `TorchNetwork`; 1 is for `measure`, which uses the segmenter in threads of its own. In the thread
            of the training it must be None, since the number would stay.
    """
    return VPUFormerSegmenter(TorchNetwork(network, threads=threads))


def measure(
    segmenter: VPUFormerSegmenter,
    samples: Sequence[Sample],
    *,
    clicks: int = MAX_CLICKS,
    seconds: float | None = None,
    on_progress: Callable[[int, int], object] = lambda _, __: None,
) -> Measured:
    """Measure the objects, one group after the other.

    Args:
        clicks: largest number of clicks.
        seconds: no further group is begun after so many seconds.
        on_progress: called after each group with the number of objects done and the total.
    """
    begun, workers = time.monotonic(), usable_cores() if segmenter.device == "cpu" else 1
    users: dict[Kind, SimulatedUser] = {
        kind: SimulatedUser((kind,), max_interactions=clicks if kind == "click" else 1) for kind in KINDS
    }
    records: dict[Kind, list[ObjectRecord]] = {kind: [] for kind in KINDS}
    group = BATCH * workers
    for start in range(0, len(samples), group):
        if start and seconds is not None and time.monotonic() - begun > seconds:
            break
        for kind, user in users.items():
            records[kind] += evaluate(samples[start : start + group], segmenter, user, workers=workers)
        on_progress(min(start + group, len(samples)), len(samples))
    return Measured(records)
