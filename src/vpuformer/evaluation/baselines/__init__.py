"""Other segmenters to compare with.

`grabcut` and `random_walker` are classical: library implementations, with `seeds` made of the prompts. `sam` is SAM,
SAM 2 and SAM-HQ: `sam_prompts` converts the prompts, `sam_models` loads the models. `custom` is one of your own.
Importing this loads neither torch nor NumPy: help texts list `BASELINES`.

To add a baseline, write its module here, add an entry to `CLASSICAL`, and name it in the table of docs/evaluation.md.
A module that imports torch also joins the exceptions of the contract "these load no torch" in pyproject.toml.
"""

from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.evaluation.baselines.sam_models import FAMILIES
from vpuformer.extras import require

if TYPE_CHECKING:
    from vpuformer.inference.protocol import Segmenter

CLASSICAL: Mapping[str, str] = {
    "opencv-grabcut": "grabcut:GrabCut",
    "opencv-grabcut-plain": "grabcut:GrabCut.plain",
    "random-walker": "random_walker:RandomWalker",
}
"""Baselines without weights, on the CPU: MODULE:ATTRIBUTE here, called without arguments for a `Segmenter`."""

BASELINES = (*CLASSICAL, *FAMILIES)
"""Names of all baselines."""


def open_baseline(name: str, *, checkpoint: str | None = None, device: str | None = None) -> "Segmenter":
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
        from vpuformer.evaluation.baselines.custom import open_custom

        return open_custom(name)
    if head not in BASELINES:
        raise ConfigError(unknown_name("baseline", name, BASELINES))
    if colon and checkpoint is not None:
        raise ConfigError(f"{name} and {checkpoint!r} both name weights; give them once")
    weights = rest if colon else checkpoint
    if head in CLASSICAL:
        if weights is not None:
            raise ConfigError(f"{head} has no weights, got {weights!r}; leave them out")
        module, attribute = CLASSICAL[head].split(":")
        return attrgetter(attribute)(import_module(f"{__name__}.{module}"))()
    if weights == "":
        raise ConfigError(
            f"{name!r} names no weights; give a folder or a name of the hub, or {head!r} for the default ones"
        )
    require("sam", f"the baseline {head}")
    from vpuformer.evaluation.baselines.sam import Sam

    return Sam.from_pretrained(head, weights, device)
