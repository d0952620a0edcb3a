"""All colours: of masks and prompts on images, of labels and objects, of PASCAL VOC."""

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vpuformer.images.colour_difference import Lab, ciede2000, to_lab

RGBColour = tuple[int, int, int]

OBJECT: RGBColour = (56, 152, 255)
# Bluish green and vermillion of Okabe and Ito (2008), distinct to people with any colour vision. A plus and a minus
# repeat the sign.
POSITIVE: RGBColour = (0, 158, 115)
NEGATIVE: RGBColour = (213, 94, 0)
LIGHT: RGBColour = (255, 255, 255)
DARK: RGBColour = (20, 20, 20)

OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""The first colours, distinct to people with any colour vision (Okabe and Ito, 2008)."""

UNLABELLED = "#ff00ff"
"""Colour of objects without a label. No label gets it or a colour close to it."""

MOST = 256
"""Number of different colours; further objects repeat them."""

_ALIKE = 10.0
"""Difference (CIEDE2000) below which two colours count as the same."""
_STEP = 17
_LIGHTNESS = (35, 90)
_LEAST_CHROMA = 30


def colours(count: int) -> tuple[str, ...]:
    """The first `count` colours: Okabe and Ito's, then each the farthest from all before it.

    The first 40 differ by at least 13.5 (CIEDE2000). None is nearly black, white or grey.

    Raises:
        ValueError: `count` is not in 0..MOST.

    >>> colours(8)[0], len(set(colours(40)))
    ('#e69f00', 40)
    """
    if not 0 <= count <= MOST:
        raise ValueError(f"there are 0 to {MOST} colours, not {count}")
    if count <= len(OKABE_ITO):
        return OKABE_ITO[:count]
    return _generated()[:count]


def free_colour(taken: Collection[str]) -> str:
    """The first colour, such as "#e69f00", that differs from all in `taken`, or the farthest.

    >>> free_colour(["#e69f00", "#009e73"])
    '#56b4e9'
    """
    if not taken:
        return OKABE_ITO[0]
    others = _lab(taken)[None]
    for count in (len(OKABE_ITO), MOST):  # few need those that have to be generated
        choice = colours(count)
        nearest = ciede2000(_lab(choice)[:, None], others).min(axis=1)
        free = np.flatnonzero(nearest >= _ALIKE)
        if free.size:
            return choice[int(free[0])]
    return choice[int(nearest.argmax())]


def rgb(colour: str) -> RGBColour:
    """Red, green and blue of a colour such as "#e69f00".

    >>> rgb("#e69f00")
    (230, 159, 0)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def voc_colours() -> npt.NDArray[np.uint8]:
    """PASCAL VOC's palette, shape (256, 3): bits of an index spread over red, green and blue.

    The lowest three bits give the highest bit of the three colours, the next three the one below, and so on.

    >>> voc_colours()[[0, 1, 2, 15, 255]].tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0], [192, 128, 128], [224, 224, 192]]
    """
    numbers = np.arange(256)[:, None]
    channels = np.arange(3)[None]
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        colours |= (numbers >> (3 * bit + channels) & 1) << (7 - bit)
    return colours.astype(np.uint8)


@lru_cache(maxsize=1)
def _generated() -> tuple[str, ...]:
    levels = range(0, 256, _STEP)
    grid = [f"#{red:02x}{green:02x}{blue:02x}" for red in levels for green in levels for blue in levels]
    lab = _lab(grid)
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    useful = np.flatnonzero((lightness > _LIGHTNESS[0]) & (lightness < _LIGHTNESS[1]) & (chroma > _LEAST_CHROMA))
    grid, lab = [grid[i] for i in useful], lab[useful]
    chosen: list[str] = list(OKABE_ITO)
    nearest = ciede2000(lab[:, None], _lab([*chosen, UNLABELLED])[None]).min(axis=1)
    while len(chosen) < MOST:
        best = int(nearest.argmax())
        chosen.append(grid[best])
        nearest = np.minimum(nearest, ciede2000(lab, lab[best][None]))
    return tuple(chosen)


def _lab(hexadecimal: Collection[str]) -> Lab:
    """CIE L*a*b* of colours such as "#e69f00", shape (n, 3)."""
    return to_lab(np.array([rgb(text) for text in hexadecimal], float) / 255)
