"""Other methods behind the same `Segmenter` interface, to compare with.

`grabcut` and `random_walker` are classical ones: library implementations, with `seeds` that the prompts become. `sam`
is SAM, SAM 2 and SAM-HQ: what they are told stands in `sam_prompts`, where they come from in `sam_models`. `custom` is
somebody's own. To import this loads no torch; to open one of the second kind does.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.evaluation.baselines.custom import open_custom
from vpuformer.evaluation.baselines.grabcut import GrabCut
from vpuformer.evaluation.baselines.random_walker import RandomWalker
from vpuformer.evaluation.baselines.sam_models import FAMILIES
from vpuformer.evaluation.protocol import Segmenter

CLASSICAL: Mapping[str, Callable[[], Segmenter]] = MappingProxyType(
    {
        GrabCut.name: GrabCut,
        GrabCut.plain_name: GrabCut.plain,
        RandomWalker.name: RandomWalker,
    }
)
"""They have no weights, and run on the CPU."""


def open_peer(name: str, *, checkpoint: str | None = None, device: str | None = None) -> Segmenter:
    """The peer of this name.

    >>> open_peer("opencv-grabcut").name
    'opencv-grabcut'

    Args:
        name: one of `PEERS`; `sam:WEIGHTS` (`sam2:`, `sam-hq:`) with a folder or a name on the Hugging Face hub; or
            `MODULE:ATTRIBUTE`, a predictor of one's own, see `vpuformer.evaluation.baselines.custom.open_custom`.
        checkpoint: the weights, where `name` does not say them.
        device: of SAM and its like, such as "cpu" or "cuda"; by default CUDA where there is any. The classical peers
            know the CPU alone, and one's own chooses for itself.

    Returns:
        The peer. SAM and its like have two more things to tell, `device` and `weights_sha256`; one's own may have the
        first.

    Raises:
        ConfigError: there is no such peer or device, or one's own cannot be used.
        CheckpointError: the weights are missing, broken or of another model.
        MissingDependencyError: the library behind the peer is not installed.
    """
    head, colon, rest = name.partition(":")
    if colon and head not in PEERS:
        if checkpoint is not None:
            raise ConfigError(f"{name} brings its own weights, got {checkpoint!r}; leave them out")
        return open_custom(name)
    if head not in PEERS:
        raise ConfigError(unknown_name("peer", name, PEERS))
    if colon and checkpoint is not None:
        raise ConfigError(f"{name} and {checkpoint!r} both name weights; give them once")
    weights = rest if colon else checkpoint
    if head in CLASSICAL:
        if weights is not None:
            raise ConfigError(f"{head} has no weights, got {weights!r}; leave them out")
        return CLASSICAL[head]()
    if weights == "":
        raise ConfigError(
            f"{name!r} names no weights; give a folder or a name of the hub, or {head!r} for the usual ones"
        )
    from vpuformer.evaluation.baselines.sam import Sam

    return Sam.from_pretrained(head, weights, device)


PEERS: Mapping[str, Callable[[], Segmenter]] = MappingProxyType(
    {**CLASSICAL, **{family: partial(open_peer, family) for family in FAMILIES}}
)
"""What opens a peer of a name as it comes, without other weights or a device."""
