"""The simulated click, and the record of where has been clicked."""

from collections.abc import Iterable, Sequence

import numpy as np

from vpuformer.arrays import BoolMask, Size, Truth
from vpuformer.inference.pixels import pixels_under
from vpuformer.prompts import Click, Prompt
from vpuformer.simulation.regions import ErrorRegion, largest_error


def next_click(
    truth: Truth,
    prediction: BoolMask,
    *,
    rng: np.random.Generator | None = None,
    earlier: Sequence[Prompt] = (),
) -> Click | None:
    """The click that corrects `prediction` where it is most deeply wrong, or None.

    Without `rng`: the pixel of the false negatives or false positives with the greatest Euclidean distance to the
    region's edge (the image's edge counts as one), of several the first in raster order; positive if it is a false
    negative. This is the protocol of RITM, SimpleClick and the paper. With `rng`: any pixel of the same region at more
    than half that distance, as in their training.

    No pixel is clicked twice, with either sign. RITM's user, too, avoids clicked pixels; when all wrong pixels are
    clicked the answer is None, where RITM's clicks pixel (0, 0). Arguments and errors are those of
    `vpuformer.simulation`.

    >>> truth = np.array([[0, 1, 1, 1, -1]], np.int8)
    >>> next_click(truth, np.array([[True, False, False, False, True]]))
    Click(x=0.0, y=0.0, positive=False)
    >>> next_click(truth, np.array([[False, False, False, False, True]]))
    Click(x=1.0, y=0.0, positive=True)
    """
    region = largest_error(truth, prediction, clicked_pixels(earlier, truth.shape), exact=rng is None)
    if region is None:
        return None
    return click_in(region, rng)


def click_in(region: ErrorRegion, rng: np.random.Generator | None) -> Click:
    """The click of `next_click` in the error region that is to be corrected."""
    row, column = region.deepest if rng is None else region.sample_interior(rng)
    return Click(float(region.left + column), float(region.top + row), positive=region.positive)


def clicked_pixels(prompts: Iterable[Prompt], size: Size) -> BoolMask:
    """The clicked pixels of an image of `size` (H, W), bool (H, W).

    >>> np.argwhere(clicked_pixels([Click(2, 1), Click(3.4, 0.2, positive=False)], (3, 5))).tolist()
    [[0, 3], [1, 2]]
    """
    clicked = np.zeros(size, dtype=bool)
    for prompt in prompts:
        if isinstance(prompt, Click) and -0.5 <= prompt.x <= size[1] - 0.5 and -0.5 <= prompt.y <= size[0] - 0.5:
            clicked[pixels_under(prompt, size)] = True
    return clicked
