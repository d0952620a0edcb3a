"""Access control, as ASGI middleware in front of the application.

* **Host**: on a loopback address, only requests to loopback names are answered, against DNS rebinding.
* **Token**: if set, every request must carry it; see `vpuformer.app.http.token`.
* **Read-only view**: every change is refused.
* **Cross-site requests**: a change needs the header `X-VPUFormer`, which pages of other sites may not send, and must
  come from the same origin if the browser sends one.
* **Size**: a body that is too long is not read to its end.
* **Failures**: answers with status 500 are made here, so that they carry the same headers as all others.
"""

import logging
import re
from pathlib import Path

from vpuformer.app.http.asgi import App, Message, Receive, Scope, Send, is_foreign, redirect, refuse
from vpuformer.app.http.token import Token

MARK = b"x-vpuformer"
"""Header that every change needs."""

_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""Loopback names with an optional port. Debian gives its own host name the address 127.0.1.1."""

MAX_BODY = 32_000_000
"""Maximum size of a request body in bytes; enough for a mask of any real image."""

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

_WRONG_HOST = (
    "this server answers on its own machine only, not as {host}; open it as 127.0.0.1, or start it with --server-name"
    " and the name of the proxy"
)

_READ_ONLY = "this view is read-only, and nothing was changed; start the server without --read-only to change something"

_log = logging.getLogger(__name__)


class Guard:
    """Middleware that refuses requests without access.

    Args:
        static: folder with the page that asks for the token.
        token: secret that every request must carry; None to require no token.
        once: another token, which opens the page a single time.
        any_host: whether to answer requests to names other than loopback names.
        server_name: an additional name to answer.
        read_only: whether to refuse every change.
    """

    def __init__(
        self,
        app: App,
        *,
        static: Path,
        token: str | None = None,
        once: str | None = None,
        any_host: bool = False,
        server_name: str | None = None,
        read_only: bool = False,
    ) -> None:
        self._app, self._any_host, self._read_only = app, any_host, read_only
        self._server_name = None if server_name is None else server_name.lower()
        self._token = None if token is None else Token(token, static / "token.html", once)

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
                present = {name.lower() for name, _ in message["headers"]}
                own = [header for header in HEADERS if header[0] not in present]
                if b"cache-control" not in present:
                    own.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *own]
            await send(message)

        host = headers.get(b"host", b"").decode("latin-1")
        if not self._answers_to(host):
            await refuse(guarded, 400, _WRONG_HOST.format(host=f"{host!r:.80}"))
            return
        root = scope.get("root_path", "")
        path = scope["path"].removeprefix(root)
        if not path:  # addresses in the page are relative and need the slash
            query = scope["query_string"].decode("latin-1")
            await redirect(guarded, f"{root}/" + (f"?{query}" if query else ""))
            return
        if self._token is not None and await self._token.answer(scope, path, headers, receive, guarded):
            return
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await refuse(guarded, *refusal)
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
            if started or read <= MAX_BODY:  # else the application answers a body that was cut off
                started = True
                await guarded(message)

        try:
            await self._app(scope, limited, noted)
        except _TooLongError:
            pass
        except Exception:
            _log.exception("%s %r failed", scope["method"], scope["path"])
            if not started:
                await refuse(guarded, 500, "the server failed on this request; see its log")
                return
        if not started and read > MAX_BODY:
            await refuse(guarded, 413, _too_long())

    def _refusal(self, method: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if method in ("GET", "HEAD", "OPTIONS"):
            return None
        if self._read_only:
            return 403, _READ_ONLY
        if is_foreign(headers) or MARK not in headers:
            return 403, "a change must come from the page itself; programs must send the header X-VPUFormer: 1"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > MAX_BODY:
            return 413, _too_long()
        return None

    def _answers_to(self, host: str) -> bool:
        if self._any_host or _LOOPBACK.fullmatch(host):
            return True
        return self._server_name is not None and host.lower().partition(":")[0] == self._server_name


class _TooLongError(Exception):
    """The request body is too long."""


def _too_long() -> str:
    return f"a request has at most {MAX_BODY // 1_000_000} MB; send less at a time"
