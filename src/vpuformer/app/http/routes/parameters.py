"""Parameters that several routes share."""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.presence import Person
from vpuformer.app.http.person import person_of


async def _annotator(request: Request) -> Annotator:  # async: it needs no thread
    """The annotator that was opened when the application started."""
    return request.app.state.annotator


async def _window(request: Request) -> str | None:
    """The id of the window that sends a change; None for a program, which sends "1"."""
    mark = request.headers.get("x-vpuformer", "")
    return mark if re.fullmatch(r"[A-Za-z0-9-]{8,64}", mark) else None


async def _announce(request: Request) -> Callable[..., None]:
    """Adds a change to the news for the other windows."""
    return partial(request.app.state.annotator.changes.add, await _window(request))


async def _body(request: Request) -> bytes:
    """The raw body. FastAPI would parse JSON, but importers need the bytes."""
    return await request.body()


ANY_FILE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""Description of a body that is a file."""

Body = Annotated[bytes, Depends(_body)]
Identity = Annotated[int, Path(ge=1, le=2**31 - 1)]
MaybeId = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Bound = Annotated[float | None, Query(allow_inf_nan=False)]
Opened = Annotated[Annotator, Depends(_annotator)]
Visitor = Annotated[Person, Depends(person_of)]
WindowId = Annotated[str | None, Depends(_window)]
Announce = Annotated[Callable[..., None], Depends(_announce)]
"""Adds a change of an image, or of an object on it, to the news for the other windows."""
