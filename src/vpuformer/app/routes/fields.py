"""Types of path and query parameters that several routes share."""

from typing import Annotated

from fastapi import Path, Query

Identity = Annotated[int, Path(ge=1, le=2**31 - 1)]
MaybeLabel = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Bound = Annotated[float | None, Query(allow_inf_nan=False)]
