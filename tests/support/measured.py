"""Records without what differs from run to run."""

from collections.abc import Sequence
from typing import Any

from vpuformer.evaluation.records import ObjectRecord


def without_times(records: Sequence[ObjectRecord]) -> list[Any]:
    """All that two runs must agree on, to the bit."""
    return [(r.key, r.size, [(s.prompt, s.iou, s.boundary_iou) for s in r.interactions]) for r in records]
