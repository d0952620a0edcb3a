"""Parameters that several routes share."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from vpuformer.app.annotation.annotator import Annotator


async def _annotator(request: Request) -> Annotator:  # async: it needs no thread
    """The annotator that was opened when the application started."""
    return request.app.state.annotator


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
