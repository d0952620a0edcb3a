"""Other segmenters to compare with.

`grabcut` and `random_walker` are classical: library implementations, with `seeds` made of the prompts. `sam` is SAM,
SAM 2 and SAM-HQ: `sam_prompts` converts the prompts, `sam_models` loads the models. `custom` is one of your own.
Importing this loads no torch; opening one of SAM's family does.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.evaluation.baselines.custom import open_custom
from vpuformer.evaluation.baselines.grabcut import GrabCut
from vpuformer.evaluation.baselines.random_walker import RandomWalker
from vpuformer.evaluation.baselines.sam_models import FAMILIES
from vpuformer.inference.protocol import Segmenter

CLASSICAL: Mapping[str, Callable[[], Segmenter]] = MappingProxyType(
    {
        GrabCut.name: GrabCut,
        GrabCut.plain_name: GrabCut.plain,
        RandomWalker.name: RandomWalker,
    }
)
"""They have no weights, and run on the CPU."""


def open_baseline(name: str, *, checkpoint: str | None = None, device: str | None = None) -> Segmenter:
    """The baseline of this name.

    >>> open_baseline("opencv-grabcut").name
    'opencv-grabcut'

    Args:
        name: one of `BASELINES`; `sam:WEIGHTS` (`sam2:`, `sam-hq:`) with a folder or a name on the Hugging Face hub; or
            `MODULE:ATTRIBUTE`, a segmenter of your own, see `vpuformer.evaluation.baselines.custom.open_custom`.
        checkpoint: the weights, if `name` does not give them.
        device: for SAM's family, such as "cpu" or "cuda"; by default the best one there is. The classical baselines
            run on the CPU alone, and one of your own chooses for itself.

    Returns:
        The baseline. SAM's family has an attribute `device` in addition, and one of your own may have it.

    Raises:
        ConfigError: there is no such baseline or device, or one of your own cannot be used.
        CheckpointError: the weights are missing, broken or of another model.
        MissingDependencyError: the library behind the baseline is not installed.
    """
    head, colon, rest = name.partition(":")
    if colon and head not in BASELINES:
        if checkpoint is not None:
            raise ConfigError(f"{name} brings its own weights, got {checkpoint!r}; leave them out")
        return open_custom(name)
    if head not in BASELINES:
        raise ConfigError(unknown_name("baseline", name, BASELINES))
    if colon and checkpoint is not None:
        raise ConfigError(f"{name} and {checkpoint!r} both name weights; give them once")
    weights = rest if colon else checkpoint
    if head in CLASSICAL:
        if weights is not None:
            raise ConfigError(f"{head} has no weights, got {weights!r}; leave them out")
        return CLASSICAL[head]()
    if weights == "":
        raise ConfigError(
            f"{name!r} names no weights; give a folder or a name of the hub, or {head!r} for the default ones"
        )
    from vpuformer.evaluation.baselines.sam import Sam

    return Sam.from_pretrained(head, weights, device)


BASELINES: Mapping[str, Callable[[], Segmenter]] = MappingProxyType(
    {**CLASSICAL, **{family: partial(open_baseline, family) for family in FAMILIES}}
)
"""Functions that open each baseline with its default weights and device."""
