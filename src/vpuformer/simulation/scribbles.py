"""The simulated scribble: a stroke inside what is missing, or inside what is too much."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.interpolate import make_interp_spline

from vpuformer.arrays import BoolMask, Points, Truth
from vpuformer.geometry import CANONICAL
from vpuformer.prompts import Click, Prompt, Scribble
from vpuformer.simulation.centerlines import center_line
from vpuformer.simulation.clicks import click_in, clicked_pixels
from vpuformer.simulation.regions import Component, largest_error
from vpuformer.simulation.strokes import densified, length, longest_inside, part, simplified

MAX_POINTS = 64
"""A scribble has at most this many points."""

TOLERANCE = 0.5
"""Largest distance of its lines from the stroke, in pixels of an image whose longer side is 448."""

TRIMMED = 0.1
"""Share of a centre line that is left out at each end: people do not begin at the tip."""

MIN_LENGTH = 0.5
"""A shorter stroke, in pixels, is a click."""

EVALUATION_SIDE, TRAINING_SIDE = 256, 96
"""Sizes of the grid on which the centre line is found: exact for most objects, and fast."""

CURVE_PROBABILITY = 0.5
"""Probability that a training scribble is a free curve and not a shaky centre line."""

CONTROLS = (3, 10)
"""The least and the greatest number of points through which a person's hand is led."""

CURVE_POINTS = 100
"""Number of points of a free curve."""

SHAKE = 0.5
"""Largest deviation from the centre line, as a share of the way to the shape's edge or to the next point."""

SHORTEST_PART = 0.3
"""The least part of a path that a training scribble follows."""

SHORTEST_STROKE = 2.0
"""Least length of a training scribble in pixels, if the path is as long."""


def next_scribble(
    truth: Truth,
    prediction: BoolMask,
    *,
    rng: np.random.Generator | None = None,
    earlier: Sequence[Prompt] = (),
) -> Scribble | Click | None:
    """The scribble that corrects `prediction` where it is most deeply wrong, or None.

    It lies in the 8-connected component of false negatives or false positives in which the next click would fall, and
    is positive in false negatives. Its straight lines, sampled every half pixel, round to pixels of that component. If
    the component has no room for a stroke (a single pixel), the answer is a click. No scribble is given twice: where
    the network has not followed it, the answer is the next click.

    The paper does not say how scribbles are simulated, and the authors' code draws them over the whole object, always
    positive and sometimes beyond its edge; these follow the errors, as clicks and boxes do. Without `rng`: the
    smoothed centre line, a tenth left away at each end. With `rng`: a part (30 to 100 %) either of the centre line,
    led through points that stray to the sides, or of a smooth curve through random points of the component, one in
    each of 3 to 10 bands across its longer axis (a Bézier curve or an interpolating spline, as in the authors' code);
    of a curve that leaves the component the longest piece inside is kept.

    Arguments and errors are those of `vpuformer.simulation`.

    >>> truth = np.zeros((9, 40), np.int8)
    >>> truth[2:7, 2:38] = 1
    >>> scribble = next_scribble(truth, np.zeros((9, 40), bool))
    >>> scribble.positive, {round(y) for _, y in scribble.path}, scribble.length > 20
    (True, {4}, True)
    """
    region = largest_error(truth, prediction, clicked_pixels(earlier, truth.shape), exact=rng is None)
    if region is None:
        return None
    component = region.component(*(region.deepest if rng is None else region.sample_interior(rng)))
    stroke = _trimmed(center_line(component, EVALUATION_SIDE)) if rng is None else _random_stroke(component, rng)
    if length(stroke) < MIN_LENGTH:
        return click_in(region, rng)
    tolerance = TOLERANCE * max(1.0, max(truth.shape) / CANONICAL)
    path = simplified(stroke, component.mask, tolerance, MAX_POINTS) + np.array([component.left, component.top])
    scribble = Scribble(tuple(map(tuple, path.tolist())), positive=region.positive)
    return click_in(region, rng) if scribble in earlier else scribble


def _trimmed(stroke: Points) -> Points:
    total = length(stroke)
    return part(stroke, TRIMMED * total, (1 - TRIMMED) * total) if len(stroke) else stroke


def _random_stroke(component: Component, rng: np.random.Generator) -> Points:
    """Closely spaced points inside the component, shape (n, 2); n = 0 if there is no room."""
    if rng.random() < CURVE_PROBABILITY:
        stroke = longest_inside(densified(_random_curve(component, rng)), component.mask)
        if length(stroke) >= max(component.mask.shape) / 4:
            return _random_part(stroke, rng)
    line = center_line(component, TRAINING_SIDE)
    if not len(line):
        return line
    stroke = longest_inside(densified(_shaken(line, component, rng)), component.mask)
    return _random_part(stroke if length(stroke) >= length(line) / 2 else line, rng)


def _random_part(stroke: Points, rng: np.random.Generator) -> Points:
    total = length(stroke)
    followed = max(rng.uniform(SHORTEST_PART, 1) * total, min(SHORTEST_STROKE, total))
    start = rng.uniform(0, total - followed)
    return part(stroke, start, start + followed)


def _random_curve(component: Component, rng: np.random.Generator) -> Points:
    """A curve led through one random pixel in each of some bands across the component's longer axis."""
    height, width = component.mask.shape
    mask = component.mask if height >= width else component.mask.T
    count = int(rng.integers(*CONTROLS, endpoint=True))
    edges = np.linspace(1, len(mask) - 1, count + 1)
    controls = []
    for low, high in pairwise(edges):
        # Every row of a connected shape has pixels; bands narrower than a row may share one.
        row = int(rng.uniform(low, high))
        columns = np.flatnonzero(mask[row])
        controls.append((columns[rng.integers(columns.size)], row))
    points = np.array(controls, dtype=np.float64)
    curve = _bezier(points) if rng.random() < 0.5 else _spline(points)
    return curve if height >= width else curve[:, ::-1]


def _shaken(line: Points, component: Component, rng: np.random.Generator) -> Points:
    """The line led through a few of its points, each moved by up to `SHAKE` of its distance from the component's edge.

    On a short line the distance between the points limits the move, so that the hand does not go back and forth.
    """
    count = int(rng.integers(*CONTROLS, endpoint=True))
    controls = line[np.linspace(0, len(line) - 1, count).astype(int)]
    columns, rows = np.rint(controls).astype(int).T
    room = np.minimum(component.depth[rows, columns], length(line) / (count - 1))
    radius = SHAKE * room * np.sqrt(rng.random(count))
    angle = rng.uniform(0, 2 * np.pi, count)
    return _spline(controls + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def _bezier(controls: Points) -> Points:
    """The Bézier curve with these control points, shape (CURVE_POINTS, 2)."""
    degree = len(controls) - 1
    t = np.linspace(0, 1, CURVE_POINTS)
    basis = [math.comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)]
    return np.stack(basis, axis=1) @ controls


def _spline(controls: Points) -> Points:
    """The cubic spline through these points, shape (CURVE_POINTS, 2)."""
    chords = np.hypot(*np.diff(controls, axis=0).T)
    controls = controls[np.append(True, chords > 0)]
    if len(controls) < 2:
        return controls
    t = np.append(0, np.cumsum(chords[chords > 0]))
    return make_interp_spline(t, controls, k=min(3, len(controls) - 1))(np.linspace(0, t[-1], CURVE_POINTS))
