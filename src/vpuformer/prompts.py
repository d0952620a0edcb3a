"""What a person shows: clicks, boxes and scribbles, each positive (in the object) or negative (not in it).

Coordinates are (x, y) floats in pixels of the original picture, pixel centres at integers: the picture of width `W`
covers x from -0.5 to `W` - 0.5. A prompt is a frozen value; it knows no tensor, no model and no screen.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vpuformer.errors import PromptError
from vpuformer.files import read_json

Points = npt.NDArray[np.float64]
"""Coordinates, shape (n, 2), x first."""

Kind = Literal["click", "box", "scribble"]
KINDS: tuple[Kind, ...] = ("click", "box", "scribble")


def _finite(what: str, *numbers: float) -> None:
    if not all(math.isfinite(number) for number in numbers):
        raise PromptError(f"{what} has a coordinate that is not a finite number: {numbers}; give x and y in pixels")


@dataclass(frozen=True, slots=True)
class Click:
    """A point at (`x`, `y`).

    >>> Click(120, 48, positive=False).bounds
    (120, 48, 120, 48)
    """

    x: float
    y: float
    positive: bool = True

    def __post_init__(self) -> None:
        _finite("a click", self.x, self.y)

    @property
    def kind(self) -> Kind:
        return "click"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
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
        PromptError: a corner is not finite, or the box has a negative or no extent.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    positive: bool = True

    def __post_init__(self) -> None:
        _finite("a box", self.x0, self.y0, self.x1, self.y1)
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise PromptError(
                f"a box needs x0 < x1 and y0 < y1, got x0={self.x0:g}, y0={self.y0:g}, x1={self.x1:g}, y1={self.y1:g};"
                " give the top left corner first, then the bottom right one"
            )

    @property
    def kind(self) -> Kind:
        return "box"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
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

    Raises:
        PromptError: there is no point, or one is not finite.
    """

    path: tuple[tuple[float, float], ...]
    positive: bool = True

    def __post_init__(self) -> None:
        try:
            path = tuple((float(x), float(y)) for x, y in self.path)
        except (TypeError, ValueError, OverflowError) as error:
            raise PromptError(f"a scribble is a list of (x, y) pairs, got {self.path!r:.80}") from error
        if not path:
            raise PromptError("a scribble needs at least one point, got none; give its points as (x, y) pairs")
        _finite("a scribble", *(number for point in path for number in point))
        object.__setattr__(self, "path", path)

    @property
    def kind(self) -> Kind:
        return "scribble"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0), (x1, y1) = self.points.min(axis=0).tolist(), self.points.max(axis=0).tolist()
        return (x0, y0, x1, y1)

    @property
    def points(self) -> Points:
        """Shape (n, 2)."""
        return np.array(self.path, dtype=np.float64)

    @property
    def length(self) -> float:
        """In pixels, along the stroke."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    def mapped(self, transform: Callable[[Points], Points]) -> "Scribble":
        """The same stroke in another frame."""
        return replace(self, path=tuple(map(tuple, transform(self.points).tolist())))


Prompt = Click | Box | Scribble


def fit_to_picture(prompts: Iterable[Prompt], size: tuple[int, int]) -> tuple[Prompt, ...]:
    """The prompts as they lie in a picture of `size` (H, W): boxes and scribbles that cross its edge are clipped to it.

    >>> fit_to_picture([Box(-20, 10, 30, 40)], (100, 100))
    (Box(x0=-0.5, y0=10, x1=30, y1=40, positive=True),)

    Raises:
        PromptError: a prompt lies wholly outside the picture.
    """
    return tuple(_fit(prompt, size) for prompt in prompts)


def _fit(prompt: Prompt, size: tuple[int, int]) -> Prompt:
    height, width = size
    x0, y0, x1, y1 = prompt.bounds
    left, top, right, bottom = -0.5, -0.5, width - 0.5, height - 0.5
    if x1 < left or y1 < top or x0 > right or y0 > bottom:
        where = f"({x0:g}, {y0:g})" if prompt.kind == "click" else f"({x0:g}, {y0:g}) to ({x1:g}, {y1:g})"
        raise PromptError(
            f"a {prompt.kind} at {where} lies outside the picture, which is {width} pixels wide and {height} high;"
            " x runs to the right and y downwards, from 0"
        )
    if left <= x0 and top <= y0 and x1 <= right and y1 <= bottom:
        return prompt
    if isinstance(prompt, Box):
        clipped = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
        if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
            raise PromptError(f"a box touches the picture ({width}x{height}) only along its edge: {prompt.bounds}")
        return Box(*clipped, positive=prompt.positive)
    return prompt.mapped(lambda points: np.clip(points, (left, top), (right, bottom)))


def prompt_to_dict(prompt: Prompt) -> dict[str, Any]:
    """A prompt as plain values, as `--prompts` files and records hold it.

    >>> prompt_to_dict(Click(3, 4))
    {'type': 'click', 'positive': True, 'point': [3, 4]}
    """
    head: dict[str, Any] = {"type": prompt.kind, "positive": prompt.positive}
    match prompt:
        case Click():
            return head | {"point": [prompt.x, prompt.y]}
        case Box():
            return head | {"box": list(prompt.bounds)}
        case Scribble():
            return head | {"path": [list(point) for point in prompt.path]}


def prompt_from_dict(values: Mapping[str, Any]) -> Prompt:
    """The inverse of `prompt_to_dict`; `positive` may be left out and is then true.

    Raises:
        PromptError: `values` is no prompt.
    """
    if not isinstance(values, Mapping):
        raise PromptError(f'a prompt is an object such as {{"type": "click", "point": [x, y]}}, got {values!r:.80}')
    positive = values.get("positive", True)
    if not isinstance(positive, bool):
        raise PromptError(f"'positive' of a prompt is true or false, got {positive!r:.40}")
    try:
        match values.get("type"):
            case "click":
                x, y = values["point"]
                return Click(float(x), float(y), positive)
            case "box":
                x0, y0, x1, y1 = values["box"]
                return Box(float(x0), float(y0), float(x1), float(y1), positive)
            case "scribble":
                return Scribble(values["path"], positive)
            case other:
                raise PromptError(f"the type of a prompt is one of {', '.join(KINDS)}, got {other!r:.40}")
    except PromptError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise PromptError(
            f"not a prompt: {dict(values)!r:.120}; wanted a click with 'point' [x, y], a box with 'box'"
            " [x0, y0, x1, y1] or a scribble with 'path' [[x, y], ...]"
        ) from error


def prompts_from_json(text: str | bytes) -> tuple[Prompt, ...]:
    """Read a list of prompts, in the order in which they were given. Bytes are UTF-8, UTF-16 or UTF-32.

    >>> prompts_from_json('[{"type": "box", "box": [4, 5, 30, 40]}]')
    (Box(x0=4.0, y0=5.0, x1=30.0, y1=40.0, positive=True),)

    Raises:
        PromptError: the text is no JSON, or no list of prompts.
    """
    content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    values = read_json(content, error=PromptError, name="the list of prompts")
    if isinstance(values, Mapping):
        values = values.get("prompts")
    if not isinstance(values, list):
        raise PromptError('prompts are a JSON list, or an object with a list under "prompts"')
    return tuple(prompt_from_dict(value) for value in values)


def prompts_to_json(prompts: Sequence[Prompt]) -> str:
    """The inverse of `prompts_from_json`."""
    return json.dumps([prompt_to_dict(prompt) for prompt in prompts])
