"""The token that requests must carry, and the page that asks for it.

A program sends it as `Authorization: Bearer`. A browser sends it once, as `/?token=...` or in the form of the page, and
then keeps it in a cookie that scripts and other sites cannot read. Later addresses and logs do not contain it.
"""

import hashlib
import hmac
from pathlib import Path
from urllib.parse import parse_qs

from vpuformer.app.http.asgi import Headers, Receive, Scope, Send, answer, is_foreign, redirect, refuse

OPEN = ("/healthz", "/static/theme.css", "/static/token.css", "/static/favicon.svg")
"""Paths that need no token: the health check, and the style of the page that asks for the token."""

FORM = "/token"
"""Path that the form posts to."""

MISSING = "this server requires its token; open the address that it printed when it started"
WRONG = (
    "this is not the token of this server; copy it from the address that it printed when it started, or type in the one"
    " that it was given"
)

_LONGEST = 2000
"""Maximum size of the form in bytes."""

_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Token:
    """Checks the token of requests.

    Args:
        secret: the token.
        page: file of the page that asks for it.
        once: another one that opens the page a single time.
    """

    def __init__(self, secret: str, page: Path, once: str | None = None) -> None:
        self._secret, self._page = secret.encode(), page
        self._once = None if once is None else once.encode()
        self._name = cookie_name(secret)

    async def answer(self, scope: Scope, path: str, headers: dict[bytes, bytes], receive: Receive, send: Send) -> bool:
        """Answer a request that lacks the token or delivers it, and return whether that was done.

        `path` is without the root path; `headers` have lower-case names.
        """
        if scope["method"] == "POST" and path == FORM:
            if is_foreign(headers):
                await refuse(send, 403, "a token must come from the page of this server itself")
            elif self._is_it(await _typed(receive)):
                await self._admit(send)
            else:
                await self._ask(send, path, WRONG)
            return True
        carried = self._is_it(_carried(headers, self._name))
        query = parse_qs(scope["query_string"].decode("latin-1")) if path == "/" else {}
        if "token" in query and (carried or self._is_it(query["token"]) or self._redeem(query["token"])):
            await self._admit(send)
        elif carried or path in OPEN:
            return False
        elif scope["method"] in ("GET", "HEAD") and not path.startswith("/api/") and _is_browser(headers):
            await self._ask(send, path, WRONG if "token" in query else MISSING)
        else:
            await refuse(send, 401, MISSING)
        return True

    async def _admit(self, send: Send) -> None:
        cookie = f"{self._name}={self._secret.decode()}; Path=/; HttpOnly; SameSite=Strict"
        # Redirect to the page, so that the token does not stay in the browser's history.
        await redirect(send, "./", [(b"set-cookie", cookie.encode())])

    async def _ask(self, send: Send, path: str, sentence: str) -> None:
        text = self._page.read_text("utf-8")
        for name, value in (("root", "../" * (path.count("/") - 1)), ("sentence", sentence.capitalize() + ".")):
            text = text.replace(f"{{{name}}}", value)
        kind: Headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", _POLICY),
            (b"referrer-policy", b"same-origin"),  # with "no-referrer", browsers do not send the origin of a form
        ]
        await answer(send, 401, text.encode(), kind)

    def _is_it(self, words: list[str]) -> bool:
        return _is_among(self._secret, words)

    def _redeem(self, words: list[str]) -> bool:
        """Whether the token that is valid once is among the words. It is not valid any more then."""
        if self._once is None or not _is_among(self._once, words):
            return False
        self._once = None
        return True


def _is_among(secret: bytes, words: list[str]) -> bool:
    return any(hmac.compare_digest(word.encode(), secret) for word in words)


def cookie_name(token: str) -> str:
    """Return a cookie name for this token.

    Servers need different names, because browsers share cookies between ports.
    """
    return f"vpuformer-{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _carried(headers: dict[bytes, bytes], name: str) -> list[str]:
    """Tokens in the cookies and the authorization header of a request."""
    cookies = [value for key, value in _pairs(headers.get(b"cookie", b"").decode("latin-1")) if key == name]
    kind, _, bearer = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return [*cookies, bearer.strip()] if kind.lower() == "bearer" else cookies


async def _typed(receive: Receive) -> list[str]:
    body, more = b"", True
    while more and len(body) <= _LONGEST:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    fields = parse_qs(body[:_LONGEST].decode("latin-1"))
    return [word.strip() for word in fields.get("token", [])]


def _is_browser(headers: dict[bytes, bytes]) -> bool:
    return b"text/html" in headers.get(b"accept", b"").lower()


def _pairs(cookies: str) -> list[tuple[str, str]]:
    """Names and values of a cookie header.

    >>> _pairs("a=1; b=2=3")
    [('a', '1'), ('b', '2=3')]
    """
    parts = (part.strip().partition("=") for part in cookies.split(";"))
    return [(key, value) for key, sign, value in parts if sign]
