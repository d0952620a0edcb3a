"""Records without what differs from run to run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from vpuformer.arrays import RGB, FloatMap
from vpuformer.data.sample import Sample
from vpuformer.evaluation.records import ObjectRecord
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.prompts import Prompt


def without_times(records: Sequence[ObjectRecord]) -> list[Any]:
    """All that two runs must agree on, to the bit."""
    return [(r.key, r.size, [replace(s, seconds=0) for s in r.interactions]) for r in records]


def measure(
    samples: Sequence[Sample], segmenter: Segmenter, *, batch: int = 1, workers: int = 1, **user: Any
) -> list[ObjectRecord]:
    """The records of an evaluation with a `SimulatedUser` of these settings."""
    return list(evaluate(samples, segmenter, SimulatedUser(**user), batch=batch, workers=workers))


class Loop:
    """A segmenter from a function of one query, `answer`."""

    name, sha256 = "loop", ""

    def encode(self, image: RGB) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        return [Prediction(self.answer(query)) for query in queries]

    def answer(self, query: Query) -> npt.ArrayLike:
        raise NotImplementedError


def asked(segmenter: Segmenter, encoded: Encoded, prompts: Sequence[Prompt], mask: FloatMap | None = None) -> FloatMap:
    """The probabilities of one answer."""
    (prediction,) = segmenter.segment([Query(encoded, prompts, mask)])
    return prediction.probability
