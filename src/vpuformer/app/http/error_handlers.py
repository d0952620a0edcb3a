"""Answers to expected errors: a status and one sentence.

`vpuformer.app.http.guard` answers all other errors.
"""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vpuformer.app.schemas import ObjectState, Problem
from vpuformer.errors import BusyError, ConflictError, InputError, NotFoundError, StoreError, VPUFormerError
from vpuformer.files import DISK_IS_FULL

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 409, 413, 421, 422, 503, 507)
}


class OtherProjectError(VPUFormerError):
    """A request of a page that shows another project."""


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (OtherProjectError, 421),
    (NotFoundError, 404),
    (ConflictError, 409),
    (BusyError, 503),
    (StoreError, 507),  # most likely a full disk
    (InputError, 422),
)

_LONGEST = 1000
"""Maximum length of a sentence in characters."""


class OutdatedError(ConflictError):
    """A change to an outdated state; carries the current state."""

    def __init__(self, message: str, state: ObjectState) -> None:
        super().__init__(message)
        self.state = state


def add_error_handlers(app: FastAPI) -> None:
    """Make the application answer every expected error with a `Problem`."""
    app.add_exception_handler(VPUFormerError, _own_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OSError, _os_error)


def _own_error(_: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    state = error.state if isinstance(error, OutdatedError) else None
    return _response(status, str(error), state)


def _os_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, OSError) or error.errno not in DISK_IS_FULL:
        raise error
    where = f" at {error.filename}" if error.filename else ""
    return _response(507, f"the disk is full{where}; nothing was stored, make room and try again")


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if isinstance(ours := first.get("ctx", {}).get("error"), InputError):  # from a validator: already a sentence
        return _response(422, str(ours))
    field = ".".join(str(part) for part in first["loc"])
    return _response(422, f"{field}: {first['msg']}; see /docs for this request")


def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _response(error.status_code, f"{error.detail}; see /docs for all addresses", headers=error.headers)


def _response(status: int, sentence: str, state: ObjectState | None = None, headers: Any = None) -> JSONResponse:
    more = {"retry-after": "1"} if status == 503 else {}
    # The sentence may quote the request, and half of a surrogate pair cannot be encoded.
    shown = sentence.encode(errors="backslashreplace").decode()
    problem = Problem(error=shown[:_LONGEST], state=state)
    body = problem.model_dump(mode="json", exclude=None if state else {"state"})
    return JSONResponse(body, status, headers={**(headers or {}), **more})
