"""Types of ASGI, and answers that middleware gives before the application runs."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def is_foreign(headers: dict[bytes, bytes]) -> bool:
    """Whether the browser's headers show that a request comes from another site."""
    host = headers.get(b"host", b"").decode("latin-1")
    origin = headers.get(b"origin", b"").decode("latin-1")
    site = headers.get(b"sec-fetch-site", b"same-origin")
    return bool(origin and origin.partition("://")[2] != host) or site not in (b"same-origin", b"none")


async def refuse(send: Send, status: int, sentence: str) -> None:
    """Answer with a `vpuformer.app.schemas.Problem`."""
    # Close the connection instead of waiting for the rest of the body.
    kind = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await answer(send, status, json.dumps({"error": sentence}).encode(), kind)


async def redirect(send: Send, to: str, headers: Headers | None = None) -> None:
    """Redirect to another address, with a GET."""
    await answer(send, 303, b"", [(b"location", to.encode("latin-1")), *(headers or [])])


async def answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Answer with these bytes and headers."""
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": body})
