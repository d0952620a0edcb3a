"""Prompts as marks on an image. Imports no torch."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from vpuformer.images import Mark
from vpuformer.prompts import Kind, Prompt, Scribble

_SHAPES: Mapping[Kind, Literal["point", "box", "line"]] = MappingProxyType(
    {"click": "point", "box": "box", "scribble": "line"}
)


def marks_of(prompts: Iterable[Prompt]) -> list[Mark]:
    """Marks of prompts for `images.overlay`; each piece of a stroke with gaps is one mark.

    >>> from vpuformer.prompts import Click
    >>> marks_of([Click(3, 4, positive=False)])[0].shape
    'point'
    """
    return [
        Mark(_SHAPES[prompt.kind], points, prompt.positive)
        for prompt in prompts
        for points in (prompt.pieces if isinstance(prompt, Scribble) else (prompt.points,))
    ]
