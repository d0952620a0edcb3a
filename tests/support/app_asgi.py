"""Requests to an ASGI application without a client library that corrects them."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

Header = tuple[str, str]

HOST: Header = ("Host", "127.0.0.1:8123")
MARK: Header = ("X-VPUFormer", "1")
JSON: Header = ("Content-Type", "application/json")


class Said(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The sentence of a `Problem`, which this must be."""
        content = json.loads(self.body)
        assert set(content) <= {"error", "state"}
        return content["error"]


def ask(
    app: Any, method: str, path: str, headers: Iterable[Header] = (HOST, MARK, JSON), chunks: Iterable[bytes] = ()
) -> Said:
    """Return the answer of an ASGI application.

    Args:
        app: the application.
        method: any word.
        path: path with the query, percent-encoded as on the wire.
        headers: all headers; no others are added.
        chunks: parts of the body.
    """
    raw, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8123),
    }
    waiting = iter([*chunks, b""])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        chunk = next(waiting, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": chunk != b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start, *rest = sent
    names = [name.decode("latin-1") for name, _ in start["headers"]]
    assert len(names) == len(set(names)), f"a header twice: {names}"
    return Said(
        start["status"],
        {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )
