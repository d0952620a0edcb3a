"""Parts of an image around prompts."""

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import Size
from vpuformer.geometry import Crop
from vpuformer.inference.pixels import pixels_under
from vpuformer.prompts import Extent, Prompt


def expanded(extents: Sequence[Extent], margin: int, within: Crop) -> Crop:
    """The rectangle around all these, with a margin in pixels, as far as it lies `within`."""
    left, top, right, bottom = zip(*extents, strict=True)
    x0, y0 = max(floor(min(left)) - margin, within.left), max(floor(min(top)) - margin, within.top)
    x1 = min(ceil(max(right)) + margin, within.left + within.width)
    y1 = min(ceil(max(bottom)) + margin, within.top + within.height)
    return Crop(x0, y0, x1 - x0, y1 - y0)


def within_of(part: Crop, window: Crop) -> tuple[slice, slice]:
    """The indices of a part of the image in the array of a window."""
    return Crop(part.left - window.left, part.top - window.top, part.width, part.height).slices


def touched(extent: Extent, size: Size) -> Crop:
    """The pixels of an image of `size` that lie in a rectangle, or partly; at least one.

    >>> touched((-3, 1.5, 4.2, 3.5), (9, 9))
    Crop(left=0, top=2, width=5, height=2)
    """
    (left, right), (top, bottom) = (
        (min(max(floor(low + 0.5), 0), length - 1), min(ceil(high - 0.5) + 1, length))
        for low, high, length in zip(extent[:2], extent[2:], size[::-1], strict=True)
    )
    return Crop(left, top, max(right - left, 1), max(bottom - top, 1))


def elsewhere(prompts: Sequence[Prompt], part: Crop, size: Size) -> npt.NDArray[np.uint8]:
    """0 for pixels under the prompts and within boxes, 1 for all others of a part."""
    away = np.ones(part.size, np.uint8)
    for prompt in prompts:
        if prompt.kind == "box":
            inside = touched(prompt.bounds, size).intersection(part)
            if inside is not None:
                away[within_of(inside, part)] = 0
        else:
            rows, columns = pixels_under(prompt, size)
            away[rows - part.top, columns - part.left] = 0
    return away
