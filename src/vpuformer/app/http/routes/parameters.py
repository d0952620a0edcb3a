"""Parameter types shared by several routes."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from vpuformer.app.annotation.annotator import Annotator


async def _annotator(request: Request) -> Annotator:  # async: it needs no thread
    """The annotator that was opened when the application started."""
    return request.app.state.annotator


Identity = Annotated[int, Path(ge=1, le=2**31 - 1)]
MaybeLabel = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Bound = Annotated[float | None, Query(allow_inf_nan=False)]
Opened = Annotated[Annotator, Depends(_annotator)]
