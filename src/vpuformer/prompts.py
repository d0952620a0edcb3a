"""Prompts: clicks, boxes and scribbles, each positive (object) or negative (background).

Coordinates are (x, y) floats in pixels of the original image, pixel centres at integers: the image of width `W`
covers x from -0.5 to `W` - 0.5. A prompt is a frozen value, independent of tensors, models and screens.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate, chain, pairwise
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np

from vpuformer.arrays import Points
from vpuformer.errors import PromptError
from vpuformer.files import read_json

Extent = tuple[float, float, float, float]
"""Left, top, right and bottom edge of a rectangle, as coordinates."""

Kind = Literal["click", "box", "scribble"]
KINDS: tuple[Kind, ...] = ("click", "box", "scribble")


def _coordinate(value: Any, what: str) -> float:
    number = _plain(value)
    if isinstance(number, Real | Decimal) and not isinstance(number, bool):
        try:
            coordinate = float(number)
        except (OverflowError, ValueError):  # a whole number beyond all floats, or a Decimal that signals
            coordinate = math.nan
        if math.isfinite(coordinate):
            return coordinate
    raise PromptError(f"{what} has a coordinate that is not a finite number: {number!r:.40}; give x and y in pixels")


def _sign(value: Any, what: str) -> bool:
    sign = _plain(value)
    if not isinstance(sign, bool):
        raise PromptError(f"'positive' of {what} is true or false, got {sign!r:.40}")
    return sign


def _plain(value: Any) -> Any:
    """A scalar of NumPy or torch as Python's own."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


@dataclass(frozen=True, slots=True)
class Click:
    """A point at (`x`, `y`), kept as floats.

    >>> Click(120, 48, positive=False).bounds
    (120.0, 48.0, 120.0, 48.0)

    Raises:
        PromptError: a coordinate is not a finite number, or `positive` is not a bool.
    """

    kind: ClassVar[Kind] = "click"
    x: float
    y: float
    positive: bool = True

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            object.__setattr__(self, name, _coordinate(getattr(self, name), "a click"))
        object.__setattr__(self, "positive", _sign(self.positive, "a click"))

    @property
    def bounds(self) -> Extent:
        return (self.x, self.y, self.x, self.y)

    @property
    def points(self) -> Points:
        """Shape (1, 2)."""
        return np.array([[self.x, self.y]], dtype=np.float64)

    def mapped(self, transform: Callable[[Points], Points]) -> "Click":
        """The same click in another frame; `transform` maps points of shape (n, 2)."""
        x, y = transform(self.points)[0].tolist()
        return replace(self, x=x, y=y)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle from (`x0`, `y0`) to (`x1`, `y1`), edges in pixels; its width is `x1 - x0`.

    The box around the single pixel (3, 5) is `Box(2.5, 4.5, 3.5, 5.5)`.

    Raises:
        PromptError: a coordinate is not a finite number, the box has a negative or no extent, or `positive` is not a
            bool.
    """

    kind: ClassVar[Kind] = "box"
    x0: float
    y0: float
    x1: float
    y1: float
    positive: bool = True

    def __post_init__(self) -> None:
        for name in ("x0", "y0", "x1", "y1"):
            object.__setattr__(self, name, _coordinate(getattr(self, name), "a box"))
        object.__setattr__(self, "positive", _sign(self.positive, "a box"))
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise PromptError(
                f"a box needs x0 < x1 and y0 < y1, got x0={self.x0:g}, y0={self.y0:g}, x1={self.x1:g}, y1={self.y1:g};"
                " give the top left corner first, then the bottom right one"
            )

    @property
    def bounds(self) -> Extent:
        return (self.x0, self.y0, self.x1, self.y1)

    @property
    def points(self) -> Points:
        """The top left and the bottom right corner, shape (2, 2)."""
        return np.array([[self.x0, self.y0], [self.x1, self.y1]], dtype=np.float64)

    def mapped(self, transform: Callable[[Points], Points]) -> "Box":
        """The same box in another frame; `transform` may mirror, but must keep axes parallel."""
        (xa, ya), (xb, yb) = transform(self.points).tolist()
        return replace(self, x0=min(xa, xb), y0=min(ya, yb), x1=max(xa, xb), y1=max(ya, yb))


@dataclass(frozen=True, slots=True)
class Scribble:
    """A stroke: straight lines through the points `path`, a tuple of (x, y).

    >>> Scribble([(10, 10), (40, 12)]).path
    ((10.0, 10.0), (40.0, 12.0))
    >>> Scribble([(0, 0), (9, 0), (9, 5), (0, 5)], gaps=[2]).length
    18.0

    Raises:
        PromptError: there is no point, a coordinate is not a finite number, `positive` is not a bool, or `gaps` are not
            ascending indices into the path.
    """

    kind: ClassVar[Kind] = "scribble"
    path: tuple[tuple[float, float], ...]
    positive: bool = True
    gaps: tuple[int, ...] = ()
    """Indices of points to which no line leads: the pen was lifted. `clip` makes such strokes."""

    def __post_init__(self) -> None:
        try:
            path = tuple((_coordinate(x, "a scribble"), _coordinate(y, "a scribble")) for x, y in self.path)
        except PromptError:
            raise
        except (TypeError, ValueError) as error:
            raise PromptError(f"a scribble is a list of (x, y) pairs, got {self.path!r:.80}") from error
        if not path:
            raise PromptError("a scribble needs at least one point, got none; give its points as (x, y) pairs")
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "positive", _sign(self.positive, "a scribble"))
        object.__setattr__(self, "gaps", _checked_gaps(self.gaps, len(path)))

    @property
    def bounds(self) -> Extent:
        (x0, y0), (x1, y1) = self.points.min(axis=0).tolist(), self.points.max(axis=0).tolist()
        return (x0, y0, x1, y1)

    @property
    def points(self) -> Points:
        """Shape (n, 2)."""
        return np.array(self.path, dtype=np.float64)

    @property
    def pieces(self) -> tuple[Points, ...]:
        """The unbroken lines of the stroke, in order; shape (n, 2) each."""
        return tuple(np.split(self.points, self.gaps))

    @property
    def length(self) -> float:
        """In pixels, along the stroke."""
        return sum(float(np.linalg.norm(np.diff(piece, axis=0), axis=1).sum()) for piece in self.pieces)

    def mapped(self, transform: Callable[[Points], Points]) -> "Scribble":
        """The same stroke in another frame."""
        return replace(self, path=tuple(map(tuple, transform(self.points).tolist())))


Prompt = Click | Box | Scribble


def _checked_gaps(gaps: Iterable[int], count: int) -> tuple[int, ...]:
    try:
        indices = tuple(operator.index(gap) for gap in gaps)
    except TypeError as error:
        raise PromptError(f"the gaps of a scribble are indices of its points, got {gaps!r:.80}") from error
    if any(low >= high for low, high in pairwise((0, *indices, count))):
        raise PromptError(f"the gaps of a scribble are ascending, from 1 to {count - 1} here, got {indices!r:.80}")
    return indices


def fit_to_image(prompts: Iterable[Prompt], size: tuple[int, int]) -> tuple[Prompt, ...]:
    """The prompts clipped to an image of `size` (H, W); see `clip`.

    >>> fit_to_image([Box(-20, 10, 30, 40)], (100, 100))
    (Box(x0=-0.5, y0=10.0, x1=30.0, y1=40.0, positive=True),)

    Raises:
        PromptError: these are not prompts, or one lies wholly outside the image.
    """
    if isinstance(prompts, Prompt) or not isinstance(prompts, Iterable):
        raise PromptError(f"prompts are a list of Click, Box and Scribble, got {prompts!r:.80}")
    height, width = size
    edges = (-0.5, -0.5, width - 0.5, height - 0.5)
    fitted = []
    for prompt in prompts:
        if not isinstance(prompt, Prompt):
            raise PromptError(f"a prompt is a Click, a Box or a Scribble, got {prompt!r:.80}")
        inside = clip(prompt, edges)
        if inside is None:
            x0, y0, x1, y1 = prompt.bounds
            where = f"({x0:g}, {y0:g})" if prompt.kind == "click" else f"({x0:g}, {y0:g}) to ({x1:g}, {y1:g})"
            raise PromptError(
                f"a {prompt.kind} at {where} lies outside the image, which is {width} pixels wide and {height} high;"
                " x runs to the right and y downwards, from 0"
            )
        fitted.append(inside)
    return tuple(fitted)


def encloses(outer: Extent, inner: Extent) -> bool:
    """Whether a rectangle holds another one; edges may touch."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def intersection(a: Extent, b: Extent) -> Extent:
    """The common part of two rectangles; its edges are out of order if there is none."""
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def clip(prompt: Prompt, edges: Extent) -> Prompt | None:
    """The part of a prompt inside a rectangle; None if it lies outside.

    A click is inside or not. A box is intersected with the rectangle, and must share an area with it. A scribble keeps
    all its pieces inside, in one stroke with gaps.

    >>> clip(Scribble([(5, 5), (5, -5), (9, -5), (9, 5)]), (0, 0, 20, 20))
    Scribble(path=((5.0, 5.0), (5.0, 0.0), (9.0, 0.0), (9.0, 5.0)), positive=True, gaps=(2,))
    """
    if encloses(edges, prompt.bounds):
        return prompt
    match prompt:
        case Click():
            return None
        case Box():
            x0, y0, x1, y1 = intersection(prompt.bounds, edges)
            return replace(prompt, x0=x0, y0=y0, x1=x1, y1=y1) if x0 < x1 and y0 < y1 else None
        case Scribble():
            pieces = [inside for piece in prompt.pieces for inside in _pieces_inside(piece.tolist(), edges)]
            # Where the stroke merely touches an edge there is nothing to keep, unless it is all there is.
            pieces = [piece for piece in pieces if len(set(piece)) > 1] or pieces[:1]
            if not pieces:
                return None
            ends = tuple(accumulate(len(piece) for piece in pieces))
            return replace(prompt, path=tuple(chain.from_iterable(pieces)), gaps=ends[:-1])


def _pieces_inside(path: list[list[float]], edges: Extent) -> list[list[tuple[float, float]]]:
    """The parts of an unbroken line inside a rectangle, in order, each ending where it leaves."""
    pieces: list[list[tuple[float, float]]] = []
    connected = False
    for start, end in pairwise(path if len(path) > 1 else path * 2):
        inside = _shares_inside(start, end, edges)
        if inside is None:
            connected = False
            continue
        enters, leaves = inside
        if not connected:
            pieces.append([_point_between(start, end, enters, edges)])
        pieces[-1].append(_point_between(start, end, leaves, edges))
        connected = leaves == 1.0
    return pieces


def _point_between(start: list[float], end: list[float], share: float, edges: Extent) -> tuple[float, float]:
    """A point of a line; never outside the rectangle by the rounding of the last digit."""
    # Halves, so that no difference of two finite numbers overflows.
    x, y = (a + 2 * share * (b / 2 - a / 2) if share < 1 else b for a, b in zip(start, end, strict=True))
    left, top, right, bottom = edges
    return min(max(x, left), right), min(max(y, top), bottom)


def _shares_inside(start: list[float], end: list[float], edges: Extent) -> tuple[float, float] | None:
    """Shares of a line, 0..1, at which it enters and leaves a rectangle (Liang and Barsky, 1984)."""
    enters, leaves = 0.0, 1.0
    for axis in (0, 1):
        step = end[axis] / 2 - start[axis] / 2
        to_low, to_high = edges[axis] / 2 - start[axis] / 2, edges[axis + 2] / 2 - start[axis] / 2
        if step == 0:
            if to_low > 0 or to_high < 0:
                return None
            continue
        first, last = sorted((to_low / step, to_high / step))
        enters, leaves = max(enters, first), min(leaves, last)
    return (enters, leaves) if enters <= leaves else None


def prompt_to_dict(prompt: Prompt) -> dict[str, Any]:
    """A prompt as plain values, as `--prompts` files and records hold it.

    >>> prompt_to_dict(Click(3, 4))
    {'type': 'click', 'positive': True, 'point': [3.0, 4.0]}
    """
    head: dict[str, Any] = {"type": prompt.kind, "positive": prompt.positive}
    match prompt:
        case Click():
            return head | {"point": [prompt.x, prompt.y]}
        case Box():
            return head | {"box": list(prompt.bounds)}
        case Scribble():
            path = head | {"path": [list(point) for point in prompt.path]}
            return path | {"gaps": list(prompt.gaps)} if prompt.gaps else path


def prompt_from_dict(values: Mapping[str, Any]) -> Prompt:
    """The inverse of `prompt_to_dict`; `positive` may be left out and is then true.

    Raises:
        PromptError: `values` is not a prompt.
    """
    if not isinstance(values, Mapping):
        raise PromptError(f'a prompt is an object such as {{"type": "click", "point": [x, y]}}, got {values!r:.80}')
    positive = values.get("positive", True)
    try:
        match values.get("type"):
            case "click":
                x, y = values["point"]
                return Click(x, y, positive)
            case "box":
                x0, y0, x1, y1 = values["box"]
                return Box(x0, y0, x1, y1, positive)
            case "scribble":
                return Scribble(values["path"], positive, values.get("gaps", ()))
            case other:
                raise PromptError(f"the type of a prompt is one of {', '.join(KINDS)}, got {other!r:.40}")
    except PromptError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise PromptError(
            f"not a prompt: {dict(values)!r:.120}; wanted a click with 'point' [x, y], a box with 'box'"
            " [x0, y0, x1, y1] or a scribble with 'path' [[x, y], ...]"
        ) from error


def prompts_from_json(text: str | bytes) -> tuple[Prompt, ...]:
    """Read a list of prompts, in their order. Bytes are UTF-8, UTF-16 or UTF-32.

    >>> prompts_from_json('[{"type": "box", "box": [4, 5, 30, 40]}]')
    (Box(x0=4.0, y0=5.0, x1=30.0, y1=40.0, positive=True),)

    Raises:
        PromptError: the text is not JSON, or no list of prompts.
    """
    content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    values = read_json(content, error=PromptError, name="the list of prompts")
    if isinstance(values, Mapping):
        values = values.get("prompts")
    if not isinstance(values, list):
        raise PromptError('prompts are a JSON list, or an object with a list under "prompts"')
    return tuple(prompt_from_dict(value) for value in values)
