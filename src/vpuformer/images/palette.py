"""Colours of labels and objects: any number of them, each easy to tell from the others."""

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Lab = npt.NDArray[np.float64]

OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""The first colours, which people with any colour vision can tell apart (Okabe and Ito, 2008)."""

UNLABELLED = "#ff00ff"
"""The colour of objects without a label; no label gets it or a colour close to it."""

MOST = 256
"""Number of different colours; further objects repeat them."""

_ALIKE = 10.0
"""Difference (CIEDE2000) below which two colours count as the same."""
_STEP = 17
_LIGHTNESS = (35, 90)
_LEAST_CHROMA = 30


def colours(count: int) -> tuple[str, ...]:
    """The first `count` colours: those of Okabe and Ito, then always the one farthest from all before it.

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
    """The first colour that differs from all in `taken`, such as "#e69f00"; the farthest one where none is left.

    >>> free_colour(["#e69f00", "#009e73"])
    '#56b4e9'
    """
    if not taken:
        return OKABE_ITO[0]
    others = _lab(taken)[None]
    for count in (len(OKABE_ITO), MOST):  # few need those that have to be generated
        choice = colours(count)
        nearest = _difference(_lab(choice)[:, None], others).min(axis=1)
        free = np.flatnonzero(nearest >= _ALIKE)
        if free.size:
            return choice[int(free[0])]
    return choice[int(nearest.argmax())]


@lru_cache(maxsize=1)
def _generated() -> tuple[str, ...]:
    levels = range(0, 256, _STEP)
    grid = [f"#{red:02x}{green:02x}{blue:02x}" for red in levels for green in levels for blue in levels]
    lab = _lab(grid)
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    useful = np.flatnonzero((lightness > _LIGHTNESS[0]) & (lightness < _LIGHTNESS[1]) & (chroma > _LEAST_CHROMA))
    grid, lab = [grid[i] for i in useful], lab[useful]
    chosen: list[str] = list(OKABE_ITO)
    nearest = _difference(lab[:, None], _lab([*chosen, UNLABELLED])[None]).min(axis=1)
    while len(chosen) < MOST:
        best = int(nearest.argmax())
        chosen.append(grid[best])
        nearest = np.minimum(nearest, _difference(lab, lab[best][None]))
    return tuple(chosen)


def _lab(hexadecimal: Collection[str]) -> Lab:
    """CIE L*a*b* of colours such as "#e69f00", shape (n, 3)."""
    from skimage.color import rgb2lab

    numbers = [[int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in hexadecimal]
    return rgb2lab(np.array(numbers, float) / 255)


def _difference(first: Lab, second: Lab) -> npt.NDArray[np.float64]:
    """CIEDE2000 of colours, shapes (..., 3), which are broadcast."""
    from skimage.color import deltaE_ciede2000

    return deltaE_ciede2000(first, second)
