"""The most recent probability maps, from which the next prompt starts."""

import threading
from collections import OrderedDict

from vpuformer.arrays import FloatMap

MAP_BUDGET = 100_000_000
"""Bytes of stored maps. The newest map stays even if it is larger."""


class ProbabilityMaps:
    """The newest probability maps by the id of their step. Safe to use from several threads."""

    def __init__(self, budget: int = MAP_BUDGET) -> None:
        self._budget, self._lock = budget, threading.Lock()
        self._maps: OrderedDict[int, FloatMap] = OrderedDict()

    def get(self, step: int) -> FloatMap | None:
        """Return the map of a step, or None if it was never stored or has been dropped."""
        with self._lock:
            return self._maps.get(step)

    def put(self, step: int, probability: FloatMap) -> None:
        """Store the map of a step, and drop the oldest maps beyond the budget."""
        with self._lock:
            self._maps[step] = probability
            while len(self._maps) > 1 and sum(each.nbytes for each in self._maps.values()) > self._budget:
                self._maps.popitem(last=False)
