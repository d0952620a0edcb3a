"""Every failure that is foreseen as one sentence and a status; `vpuformer.app.http.guard` answers the others."""

import errno
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vpuformer.app.schemas import ObjectState, Problem
from vpuformer.errors import BusyError, ConflictError, InputError, NotFoundError, StoreError, VPUFormerError

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 409, 413, 422, 503, 507)
}

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (BusyError, 503),
    (StoreError, 507),  # the disk, most likely: what was sent is not kept
    (InputError, 422),
)

_FULL = (errno.ENOSPC, errno.EDQUOT)

_LONGEST = 1000
"""Letters of a sentence."""


class OutdatedError(ConflictError):
    """A change that was made to an older state; carries the present one."""

    def __init__(self, message: str, state: ObjectState) -> None:
        super().__init__(message)
        self.state = state


def add_error_handlers(app: FastAPI) -> None:
    """Have the application answer every failure as a `Problem`."""
    app.add_exception_handler(VPUFormerError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_form)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(OSError, _of_system)


def _of_ours(_: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    state = error.state if isinstance(error, OutdatedError) else None
    return _response(status, str(error), state)


def _of_system(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, OSError) or error.errno not in _FULL:
        raise error
    where = f" at {error.filename}" if error.filename else ""
    return _response(507, f"there is no room left on the disk{where}; nothing was stored, make room and try again")


def _of_form(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[0]
    if isinstance(ours := found.get("ctx", {}).get("error"), InputError):  # of a validator, and a whole sentence
        return _response(422, str(ours))
    place = ".".join(str(part) for part in found["loc"])
    return _response(422, f"{place}: {found['msg']}; look the request up under /docs")


def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _response(error.status_code, f"{error.detail}; look the addresses up under /docs", headers=error.headers)


def _response(status: int, sentence: str, state: ObjectState | None = None, headers: Any = None) -> JSONResponse:
    more = {"retry-after": "1"} if status == 503 else {}
    # What came may be part of the sentence: letters that are no text (half of a surrogate pair) cannot be sent back.
    shown = sentence.encode(errors="backslashreplace").decode()
    problem = Problem(error=shown[:_LONGEST], state=state)
    body = problem.model_dump(mode="json", exclude=None if state else {"state"})
    return JSONResponse(body, status, headers={**(headers or {}), **more})
