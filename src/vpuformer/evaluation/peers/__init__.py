"""Other methods behind the same `Segmenter` interface, to compare with.

Classical ones (`grabcut`, `random_walker`) are library implementations; `seeds` is how prompts become theirs.
"""

from collections.abc import Callable

from vpuformer.evaluation.peers.grabcut import GrabCut
from vpuformer.evaluation.peers.random_walker import RandomWalker
from vpuformer.evaluation.protocol import Segmenter

PEERS: dict[str, Callable[[], Segmenter]] = {
    GrabCut.name: GrabCut,
    GrabCut.plain_name: GrabCut.plain,
    RandomWalker.name: RandomWalker,
}
