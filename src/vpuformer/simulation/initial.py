"""The random clicks with which a training sample starts (RITM's sampler)."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, Truth
from vpuformer.errors import ConfigError, MaskError
from vpuformer.prompts import Click

INNER_PROBABILITY = 0.9
"""Probability that positive clicks keep a margin from the object's edge."""

INNER_MARGIN = 3
"""Margin of these clicks in pixels."""

MIN_INNER_PIXELS = 10
"""Pixels that must be left within the margin; else clicks keep none."""

NEGATIVE_ZONES = {"background": 0.1, "others": 0.4, "border": 0.5}
"""Zones of negative clicks and their probabilities; `border` is a ring around the object."""

BORDER_WIDTH = 0.1
"""Width of the ring, as a share of the square root of the object's area."""


def initial_clicks(
    truth: Truth,
    others: BoolMask | None,
    rng: np.random.Generator,
    *,
    max_clicks: int = 24,
    gamma: float = 0.8,
) -> tuple[Click, ...]:
    """Random clicks for the first forward pass in training, the positive ones first.

    There are 1 + k positive clicks with k < `max_clicks` and k' <= `max_clicks` negative ones, k and k' with
    probability in proportion to `gamma`^k. Positive clicks are uniform in the object, nine times out of ten in what
    is left of it after three erosions; negative ones fall in the `NEGATIVE_ZONES` with the probabilities there, which
    are shared out among the zones that exist. No pixel is clicked twice, so a tiny object gets fewer clicks; an empty
    truth gets no positive ones.

    Args:
        truth: int8 (H, W), 1 object, 0 background, -1 ignored; no click falls on ignored pixels.
        others: bool (H, W), other objects of the image, or None if they are not known.
        rng: the source of randomness.
        max_clicks: the greatest number of clicks of either sign, at least 1.
        gamma: 0 < gamma <= 1; smaller means fewer clicks.

    >>> truth = np.zeros((32, 32), np.int8)
    >>> truth[8:24, 8:24] = 1
    >>> clicks = initial_clicks(truth, None, np.random.default_rng(0), max_clicks=3)
    >>> all((truth[int(click.y), int(click.x)] == 1) == click.positive for click in clicks)
    True

    Raises:
        ConfigError: `max_clicks` or `gamma` is out of range.
        MaskError: `others` has another shape than `truth`.
    """
    if max_clicks < 1:
        raise ConfigError(f"max_clicks is at least 1, got {max_clicks}")
    if not 0 < gamma <= 1:
        raise ConfigError(f"gamma lies above 0 and up to 1, got {gamma}")
    if others is not None and others.shape != truth.shape:
        raise MaskError(f"the other objects have shape {others.shape}, the truth has {truth.shape}; both are (H, W)")
    positive = _positive_pixels(truth, 1 + _count(max_clicks - 1, gamma, rng), rng)
    negative = _negative_pixels(truth, others, _count(max_clicks, gamma, rng), rng)
    width = truth.shape[1]
    return tuple(
        Click(float(pixel % width), float(pixel // width), positive=sign)
        for pixels, sign in ((positive, True), (negative, False))
        for pixel in pixels
    )


def _count(greatest: int, gamma: float, rng: np.random.Generator) -> int:
    weights = gamma ** np.arange(greatest + 1)
    return int(rng.choice(greatest + 1, p=weights / weights.sum()))


def _positive_pixels(truth: Truth, count: int, rng: np.random.Generator) -> Sequence[int]:
    mask = truth == 1
    if rng.random() < INNER_PROBABILITY:
        inner = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8), iterations=INNER_MARGIN)
        if cv2.countNonZero(inner) > MIN_INNER_PIXELS:
            mask = inner
    return _sample_pixels(mask, count, rng)


def _negative_pixels(truth: Truth, others: BoolMask | None, count: int, rng: np.random.Generator) -> Sequence[int]:
    background = truth == 0
    if count == 0 or not background.any():
        return ()
    zones = {"background": background, "border": background & _ring(truth == 1)}
    if others is not None:
        zones["others"] = background & others
    zones = {name: zone for name, zone in zones.items() if zone.any()}
    weights = np.array([NEGATIVE_ZONES[name] for name in zones])
    shares = rng.multinomial(count, weights / weights.sum())
    sampled = (
        pixel for zone, share in zip(zones.values(), shares, strict=True) for pixel in _sample_pixels(zone, share, rng)
    )
    return tuple(dict.fromkeys(sampled))


def _ring(mask: BoolMask) -> BoolMask:
    """The object and all that lies within the border's width of it, in the maximum norm."""
    side = 2 * math.ceil(BORDER_WIDTH * math.sqrt(np.count_nonzero(mask))) + 1
    return cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)) > 0


def _sample_pixels(mask: BoolMask | np.ndarray, count: int, rng: np.random.Generator) -> Sequence[int]:
    """Up to `count` different pixels of the mask, as indices into the flattened image."""
    pixels = np.flatnonzero(mask)
    return rng.choice(pixels, size=min(count, pixels.size), replace=False).tolist()
