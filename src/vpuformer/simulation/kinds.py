"""The kind of the next prompt, and the prompt itself."""

from collections.abc import Sequence

import numpy as np

from vpuformer.arrays import BoolMask, Truth
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.prompts import KINDS, Kind, Prompt
from vpuformer.simulation.boxes import next_box
from vpuformer.simulation.clicks import next_click
from vpuformer.simulation.scribbles import next_scribble

SWITCH_IOU = 0.85
"""The theta of the paper's mixed protocol (IV-B)."""

SWITCH_GAIN = 0.05
"""The least improvement from one prompt to the next at which the user keeps to clicks (IV-B)."""

_SIMULATED = {"click": next_click, "box": next_box, "scribble": next_scribble}


def next_prompt(
    kind: Kind,
    truth: Truth,
    prediction: BoolMask,
    *,
    rng: np.random.Generator | None = None,
    earlier: Sequence[Prompt] = (),
) -> Prompt | None:
    """The next prompt of this kind; see `next_click`, `next_box` and `next_scribble`.

    No prompt is given twice. Where an error leaves no room for a stroke, and where a box or a scribble would repeat
    one of the `earlier` prompts, the answer is a click on the same error.

    Raises:
        ConfigError: the kind is unknown.
        MaskError: the arrays do not fit each other.
    """
    check_kinds((kind,))
    return _SIMULATED[kind](truth, prediction, rng=rng, earlier=earlier)


def next_kind(
    ious: Sequence[float],
    kinds: Sequence[Kind],
    rng: np.random.Generator,
    *,
    theta: float = SWITCH_IOU,
    min_gain: float = SWITCH_GAIN,
) -> Kind:
    """The kind of the next prompt by the paper's mixed protocol (IV-B).

    With one kind, always that one. With several: the first prompt is a click; then, if the last IoU is below `theta`
    or the last prompt improved it by less than `min_gain`, the next one is sampled from the other kinds, otherwise it
    is a click. The paper's "or" is taken literally, and a sampled kind holds for one prompt. If clicks are not among
    the kinds, every kind is sampled.

    Args:
        ious: the IoU after each prompt so far, fractions; before the first prompt it counts as 0.
        kinds: those that the user may choose from.
        rng: the source of the draw; one a data set and object makes a run reproducible.

    >>> rng = np.random.default_rng(0)
    >>> next_kind([], ["click", "box"], rng), next_kind([0.6], ["click", "box"], rng)
    ('click', 'box')
    >>> next_kind([0.6, 0.88], ["click", "box"], rng), next_kind([0.6, 0.88, 0.9], ["click", "box"], rng)
    ('click', 'box')

    Raises:
        ConfigError: `kinds` is empty or holds an unknown kind.
    """
    check_kinds(kinds)
    # In a fixed order, so that the draw does not depend on the caller's.
    allowed: list[Kind] = [kind for kind in KINDS if kind in kinds]
    if len(allowed) == 1:
        return allowed[0]
    others: list[Kind] = [kind for kind in allowed if kind != "click"]
    if "click" in allowed and (not ious or _satisfied(ious, theta, min_gain)):
        return "click"
    return others[int(rng.integers(len(others)))]


def _satisfied(ious: Sequence[float], theta: float, min_gain: float) -> bool:
    before = ious[-2] if len(ious) > 1 else 0.0
    return ious[-1] >= theta and ious[-1] - before >= min_gain


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise a `ConfigError` unless these are kinds of prompts, at least one."""
    if not kinds:
        raise ConfigError(f"no kind of prompt given; choose from {', '.join(KINDS)}")
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(unknown_name("kind of prompt", kind, KINDS))
