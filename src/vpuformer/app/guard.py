"""Who may ask the server for what. Stands before everything else, as middleware of ASGI.

* **Host**: on a loopback address only loopback names are answered, so that a web page whose own name was turned to
  127.0.0.1 gets nothing (DNS rebinding).
* **Token**: with one, every request carries it, as a cookie (set once by `/?token=...`) or as `Authorization: Bearer`.
* **Cross-site requests**: what changes anything has the header `X-VPUFormer`, which another site's page cannot send
  without being allowed to, and comes from the same origin where the browser names one.
* **Size**: a body that is too long is not read to its end.
* **Failures**: an answer of 500 is made here too, so that it carries the same headers as every other.
"""

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MARK = b"x-vpuformer"
"""The header without which nothing is changed."""

_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""Names, with a port perhaps, that no other machine's page can have; Debian calls itself 127.0.1.1."""

MAX_BODY = 32_000_000
"""Bytes of a request: a mask of any honest picture."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

_log = logging.getLogger(__name__)


class Guard:
    """
    Args:
        app: what is guarded.
        token: the secret that every request must carry; None to ask for none.
        any_host: whether requests to other names than loopback ones are answered.
    """

    def __init__(self, app: App, *, token: str | None = None, any_host: bool = False) -> None:
        self._app, self._token, self._any_host = app, token, any_host
        self._cookie = None if token is None else cookie_name(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {name.lower(): value for name, value in scope["headers"]}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                own = [header for header in HEADERS if header[0] not in there]
                if b"cache-control" not in there:
                    own.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *own]
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(guarded, *refusal)
            return
        if self._token is not None and scope["path"] == "/" and b"token=" in scope["query_string"]:
            cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(guarded, 303, "", [(b"location", b"/"), (b"set-cookie", cookie.encode())])
            return
        read, started = 0, False

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise _TooLongError
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            if started or read <= MAX_BODY:  # else the application answers to a body that was cut off
                started = True
                await guarded(message)

        try:
            await self._app(scope, limited, noted)
        except _TooLongError:
            pass
        except Exception:
            _log.exception("%s %r failed", scope["method"], scope["path"])
            if not started:
                await _answer(guarded, 500, "the server failed on this request; its log says why")
                return
        if not started and read > MAX_BODY:
            await _answer(guarded, 413, _too_long())

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._any_host and not _LOOPBACK.fullmatch(host):
            return 400, f"this server answers on its own machine only, not as {host!r:.80}; open it as 127.0.0.1"
        if scope["path"] != "/healthz" and not self._knows(scope, headers):
            return 401, "this server wants its token; open the address that it printed when it was started"
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        origin = headers.get(b"origin", b"").decode("latin-1")
        site = headers.get(b"sec-fetch-site", b"same-origin")
        foreign = (origin and origin.partition("://")[2] != host) or site not in (b"same-origin", b"none")
        if foreign or MARK not in headers:
            return 403, "a change must come from the page itself; programs send the header X-VPUFormer: 1"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > MAX_BODY:
            return 413, _too_long()
        return None

    def _knows(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        if self._token is None:
            return True
        cookies = _pairs(headers.get(b"cookie", b"").decode("latin-1"))
        given = [value for key, value in cookies if key == self._cookie]
        kind, _, bearer = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() == "bearer":
            given.append(bearer.strip())
        if scope["path"] == "/":
            given += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return any(hmac.compare_digest(word.encode(), self._token.encode()) for word in given)


def cookie_name(token: str) -> str:
    """Of the cookie with this token: one for every server, for a browser keeps those of all ports together."""
    return f"vpuformer-{hashlib.sha256(token.encode()).hexdigest()[:12]}"


class _TooLongError(Exception):
    """The body goes on and on."""


def _too_long() -> str:
    return f"a request holds at most {MAX_BODY // 1_000_000} MB; send less at a time"


def _pairs(cookies: str) -> list[tuple[str, str]]:
    """
    >>> _pairs("a=1; b=2=3")
    [('a', '1'), ('b', '2=3')]
    """
    parts = (part.strip().partition("=") for part in cookies.split(";"))
    return [(key, value) for key, sign, value in parts if sign]


async def _answer(send: Send, status: int, sentence: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps({"error": sentence}).encode() if sentence else b""
    # The rest of a body that was not read is not waited for.
    kind = [(b"content-type", b"application/json"), (b"connection", b"close")] if sentence else []
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *length, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})
