"""A mask and the prompts that made it, drawn on the image.

Everything is drawn as coverage: how much of each pixel a shape covers, 0..1, from the distance of the pixel centre to
the shape. Edges are therefore smooth, and coordinates may lie between pixels.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB, BoolMask, Points
from vpuformer.errors import ImageError, MaskError
from vpuformer.images.palette import DARK, LIGHT, NEGATIVE, OBJECT, POSITIVE, RGBColour

Coverage = npt.NDArray[np.floating]
Shape = Literal["point", "box", "line"]

_TINT = 0.35
_POINTS_NEEDED = {"point": (1, 1), "box": (2, 2), "line": (1, None)}
_STRIP = 1_000_000  # pixels blended at once, so that a huge image needs no huge arrays of floats


@dataclass(frozen=True, eq=False, slots=True)
class Mark:
    """A prompt as it is drawn: a point, the two corners of a box, or the corners of a line.

    >>> Mark("line", [(10, 10), (40, 12)], positive=False).points.shape
    (2, 2)

    Args:
        shape: "point", "box" or "line".
        points: (x, y) in pixels of the image, shape (n, 2).
        positive: on the object, or on what is not the object.

    Raises:
        ImageError: the points do not make that shape.
    """

    shape: Shape
    points: Points
    positive: bool = True

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64)
        least, most = _POINTS_NEEDED[self.shape]
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < least or (most and len(points) > most):
            wanted = f"{least}" if most == least else f"at least {least}"
            raise ImageError(f"a {self.shape} to draw has {wanted} (x, y), shape (n, 2), got the shape {points.shape}")
        if not np.isfinite(points).all():
            raise ImageError(f"a {self.shape} to draw has a coordinate that is not a finite number")
        object.__setattr__(self, "points", points)


def overlay(image: RGB, mask: BoolMask, marks: Iterable[Mark] = (), *, colour: RGBColour = OBJECT) -> RGB:
    """The image with the object tinted and outlined, and the prompts on top.

    The outline is a light line with a dark one around it, so that it shows on any image. Positive marks are green
    with a plus, negative ones orange with a minus. Everything grows with the image.

    Args:
        image: uint8 RGB, shape (H, W, 3); it stays as it is.
        mask: bool, shape (H, W).
        marks: drawn in this order; parts outside the image are cut off.
        colour: of the object, RGB.

    Returns:
        A new image, uint8, shape (H, W, 3).

    Raises:
        MaskError: the mask is not bool, or not of the size of the image.
    """
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise MaskError(
            f"a mask to draw is bool of the shape of its image {image.shape[:2]}, got {mask.dtype} of shape"
            f" {mask.shape}"
        )
    canvas = image.copy()
    unit = max(0.8, (mask.size**0.5) / 512)
    _draw_object(canvas, mask, unit, colour)
    for mark in marks:
        _draw_mark(canvas, mark, unit)
    return canvas


def _draw_object(canvas: RGB, mask: BoolMask, unit: float, colour: RGBColour) -> None:
    if not mask.any():
        return
    margin = int(6 * unit) + 2
    rows, columns = (_span(np.any(mask, axis=axis), margin) for axis in (1, 0))
    inside = mask[rows, columns]
    outwards = _signed_distance(inside, unit)
    window = canvas[rows, columns]
    step = max(1, _STRIP // inside.shape[1])
    for start in range(0, len(inside), step):
        strip, distance = window[start : start + step], outwards[start : start + step]
        _blend(strip, _TINT * _covered(distance), colour)
        _blend(strip, 0.75 * _covered(np.abs(distance - 1.2 * unit) - 1.2 * unit), DARK)
        _blend(strip, _covered(np.abs(distance) - 0.9 * unit), LIGHT)


def _signed_distance(inside: BoolMask, unit: float) -> Coverage:
    """Distance to the outline in pixels, below 0 in the object, a little smoothed so that the outline has no stairs."""
    # A frame of background: cv2 gives no distance in an array without it, and an image ends where its edge is.
    framed = np.pad(inside.astype(np.uint8), 1)
    out = cv2.distanceTransform(1 - framed, cv2.DIST_L2, cv2.DIST_MASK_5)
    into = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)
    distance = np.where(framed > 0, 0.5 - into, out - 0.5).astype(np.float32)
    smooth = cv2.GaussianBlur(distance, (0, 0), 0.8 * max(1.0, unit))
    return np.asarray(smooth, np.float32)[1:-1, 1:-1]


def _draw_mark(canvas: RGB, mark: Mark, unit: float) -> None:
    colour = POSITIVE if mark.positive else NEGATIVE
    points = mark.points
    if mark.shape == "box":
        (x0, y0), (x1, y1) = points
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    if len(points) > 1:
        width = 1.3 * unit if mark.shape == "box" else 2.2 * unit
        _draw_line(canvas, points, width + 1.9 * unit, DARK, 0.6)
        _draw_line(canvas, points, width + 1.1 * unit, LIGHT)
        _draw_line(canvas, points, width, colour)
    _draw_badge(canvas, points[0], colour, mark.positive, unit)


def _draw_badge(canvas: RGB, centre: Points, colour: RGBColour, plus: bool, unit: float) -> None:
    dot = centre[None]
    _draw_line(canvas, dot, 9.6 * unit, DARK, 0.6)
    _draw_line(canvas, dot, 8.8 * unit, LIGHT)
    _draw_line(canvas, dot, 7.1 * unit, colour)
    arm = 3.5 * unit
    _draw_line(canvas, centre + np.array([(-arm, 0), (arm, 0)]), 1.05 * unit, LIGHT)
    if plus:
        _draw_line(canvas, centre + np.array([(0, -arm), (0, arm)]), 1.05 * unit, LIGHT)


def _draw_line(canvas: RGB, points: Points, radius: float, colour: RGBColour, opacity: float = 1.0) -> None:
    """A line of width 2 * `radius` with round ends; a single point is a disc."""
    reach = radius + 1
    x0, y0 = np.floor(points.min(axis=0) - reach).astype(int)
    x1, y1 = np.ceil(points.max(axis=0) + reach).astype(int) + 1
    height, width = canvas.shape[:2]
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if left >= right or top >= bottom:
        return
    covered = np.zeros((bottom - top, right - left), np.float32)
    corners = np.array([(left - reach, top - reach), (right + reach, bottom + reach)])
    for start, end in _short_pieces(points, longest=4 * reach, within=corners):
        low = np.floor(np.minimum(start, end) - reach).astype(int) - (left, top)
        high = np.ceil(np.maximum(start, end) + reach).astype(int) + 1 - (left, top)
        (xa, ya), (xb, yb) = np.maximum(low, 0), np.minimum(high, (right - left, bottom - top))
        if xa < xb and ya < yb:
            distance = _distance_to_piece(np.arange(xa, xb) + left, np.arange(ya, yb) + top, start, end)
            piece = covered[ya:yb, xa:xb]
            np.maximum(piece, _covered(distance - radius), out=piece)
    _blend(canvas[top:bottom, left:right], opacity * covered, colour)


def _short_pieces(points: Points, longest: float, within: Points) -> Iterator[tuple[Points, Points]]:
    """The straight pieces of a line, cut up: a short piece fills most of the rectangle around it, a long one little.

    What lies outside the rectangle with the corners `within` is left out.
    """
    if len(points) == 1:
        yield points[0], points[0]
    for begin, finish in pairwise(points):
        along = finish - begin
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.sort((within - begin) / along, axis=0)  # at which the line enters and leaves each strip
        first, last = np.nanmax((0, *shares[0])), np.nanmin((1, *shares[1]))
        if first > last:
            continue
        start, end = begin + first * along, begin + last * along
        cuts = max(1, math.ceil(float(np.hypot(*(end - start))) / longest))
        yield from pairwise(np.linspace(start, end, cuts + 1))


def _distance_to_piece(xs: npt.NDArray[Any], ys: npt.NDArray[Any], start: Points, end: Points) -> Coverage:
    """Distance of the pixels in columns `xs` and rows `ys` to a straight piece, shape (len(ys), len(xs))."""
    dx, dy = (xs - start[0])[None, :], (ys - start[1])[:, None]
    along = end - start
    length = float(along @ along)
    share = np.clip((dx * along[0] + dy * along[1]) / length, 0, 1) if length > 0 else 0.0
    return np.hypot(dx - share * along[0], dy - share * along[1]).astype(np.float32)


def _covered(distance: Coverage) -> Coverage:
    """How much of a pixel lies within an edge whose signed distance is given, below 0 inside."""
    return np.clip(0.5 - distance, 0, 1)


def _blend(window: RGB, opacity: Coverage, colour: RGBColour) -> None:
    """Lay a colour over part of an image, in place; opacity has the shape (height, width), 0..1."""
    paint = np.array(colour, np.float32)
    if np.count_nonzero(opacity) > opacity.size // 8:
        share = opacity[:, :, None]
        window[:] = np.rint(window * (1 - share) + paint * share)
        return
    # A line leaves nearly all pixels of its window alone, and indexing a few is faster than mixing all.
    rows, columns = np.nonzero(opacity)
    share = opacity[rows, columns, None]
    window[rows, columns] = np.rint(window[rows, columns] * (1 - share) + paint * share)


def _span(hit: BoolMask, margin: int) -> slice:
    """From the first to the last true value, and `margin` more on either side."""
    places = np.flatnonzero(hit)
    return slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1)
