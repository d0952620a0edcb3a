"""What somebody who means harm may send to the server, or lay into its folder."""

import asyncio
import contextlib
import hmac
import io
import itertools
import json
import os
import re
import socket
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.exceptions import RequestValidationError
from PIL import Image
from starlette.testclient import TestClient

from support.app_asgi import HOST, JSON, MARK, Header, ask
from support.app_disks import Disks
from support.app_process import Nursery, ServerProcess
from vpuformer.app.http.guard import MAX_BODY
from vpuformer.app.http.server import create_app
from vpuformer.app.http.token import cookie_name
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import Store
from vpuformer.formats import FORMATS

TOKEN = "a-secret-of-24-letters-or-so"
COOKIE = cookie_name(TOKEN)
_numbers = itertools.count(10_000_000)


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A server on this machine alone, and one for other machines too, with a token.

    They serve the tests in which nothing may change.
    """
    root = tmp_path_factory.mktemp("images")
    Image.fromarray(np.zeros((90, 120, 3), np.uint8)).save(root / "a.png")
    stores = tmp_path_factory.mktemp("stores")
    local = create_app(Folder(root), Store(stores / "local.sqlite"), Disks())
    wide = create_app(Folder(root), Store(stores / "wide.sqlite"), Disks(), token=TOKEN, any_host=True)
    with TestClient(local), TestClient(wide):
        yield local, wide


@pytest.fixture
def app(apps: tuple[Any, Any]) -> Any:
    return apps[0]


@pytest.fixture
def open_app(apps: tuple[Any, Any]) -> Any:
    return apps[1]


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG file of 1-bit grey of this size, with next to no pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def assert_headers(headers: dict[str, str]) -> None:
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "cache-control" in headers


# Files outside the folder


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static/..%5cserver.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/.%00./server.py",
        "/static/index.html%00.js",
        "/static/%ff%fe",
        "/static/",
        "/static",
        "/static/" + "a" * 5000,
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/vpuformer.sqlite",
        "/api/images/../../vpuformer.sqlite",
        "/api/images/..%2f..%2fetc%2fpasswd",
        "/api/images/1%2f..%2f2",
        "/api/images/a.png",
        "/api/images/1/tiles/..%2f..%2f..%2f/0/0/0",
        "/api/images/1/tiles/x/0/0/..%2f..%2fetc%2fpasswd",
        "/api/images/1/thumbnail/../../../secret",
    ],
)
def test_no_path_leads_to_another_file(app: Any, path: str) -> None:
    said = ask(app, "GET", path)
    assert said.status in (307, 404, 405, 422)
    assert b"root:" not in said.body
    assert b"import" not in said.body
    assert_headers(said.headers)


def test_a_link_out_of_the_folder_is_not_shown(image_folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "red").save(secret)
    (image_folder / "link.png").symlink_to(secret)
    (image_folder / "etc").symlink_to("/etc")
    folder = Folder(image_folder)
    assert "link.png" not in folder.names
    with TestClient(create_app(folder, Store(tmp_path / "x.sqlite"), Disks()), "http://127.0.0.1") as client:
        assert "link" not in client.get("/api/project").text


def test_a_image_that_becomes_a_link_out_of_the_folder(client: TestClient, image_folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "red").save(secret)
    (image_folder / "a.png").unlink()
    (image_folder / "a.png").symlink_to(secret)
    for path in ("", "/thumbnail", "/tiles/x/0/0/0"):
        answer = client.get(f"/api/images/1{path}")
        assert answer.status_code == 422
        assert "out of the folder" in answer.json()["error"]


# Too much of everything


def test_a_mask_that_says_it_is_huge(client: TestClient) -> None:
    answer = client.post("/api/images/1/masks", content=png_header(100_000, 100_000))
    assert answer.status_code == 422
    assert "100000" in answer.json()["error"] or "10000000000" in answer.json()["error"]
    assert client.get("/api/images/1").json()["objects"] == []


def test_a_mask_of_the_images_size_without_its_pixels(client: TestClient) -> None:
    answer = client.post("/api/images/1/masks", content=png_header(120, 90)[:-40])
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_a_image_that_says_it_is_huge(client: TestClient, image_folder: Path) -> None:
    (image_folder / "a.png").write_bytes(png_header(100_000, 100_000))
    for path in ("", "/thumbnail", "/tiles/x/0/0/0"):
        answer = client.get(f"/api/images/1{path}")
        assert answer.status_code == 422, path
        assert "pixels" in answer.json()["error"]
    assert client.get("/api/images/2").status_code == 200


def test_a_body_is_not_read_when_it_says_that_it_is_too_long(app: Any) -> None:
    said = ask(app, "POST", "/api/labels", [HOST, MARK, JSON, ("Content-Length", str(MAX_BODY + 1))], _forbidden())
    assert (said.status, said.error) == (413, "a request has at most 32 MB; send less at a time")
    assert_headers(said.headers)


def _forbidden() -> Iterator[bytes]:
    class Never(bytes):
        def __len__(self) -> int:
            raise AssertionError("read")

    yield Never()


@pytest.mark.parametrize("path", ["/api/labels", "/api/images/1/masks", "/api/objects/1/steps"])
@pytest.mark.parametrize("said_length", [None, "10"])
def test_a_body_that_goes_on_and_on_is_cut_off(app: Any, path: str, said_length: str | None) -> None:
    headers = [HOST, MARK, JSON, *([] if said_length is None else [("Content-Length", said_length)])]
    chunk = b" " * 4_000_000
    said = ask(app, "POST", path, headers, [chunk] * 9)
    assert (said.status, said.error) == (413, "a request has at most 32 MB; send less at a time")
    assert_headers(said.headers)


_MANY = range(20_000)
_BAD_POLYGON = {"type": "polygon", "outlines": [[[] for _ in _MANY]]}
_BAD_ATTRIBUTE = {"name": "a", "kind": "text", "choices": [[]] * 900}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/objects/1/undo", {"revision": 0} | {str(number): 0 for number in _MANY}),
        ("PATCH", "/api/objects/1", {"attributes": {str(number): [] for number in _MANY}}),
        ("POST", "/api/objects/1/steps", {"key": "12345678", "revision": 0, "step": _BAD_POLYGON}),
        ("PUT", "/api/labels/settings", {"attributes": [_BAD_ATTRIBUTE], "tags": [], "label_required": True}),
    ],
    ids=["fields", "attributes", "points", "choices"],
)
def test_a_request_full_of_mistakes_is_refused_at_the_first_ones(
    app: Any, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any
) -> None:
    found: list[int] = []
    errors = RequestValidationError.errors

    def counted(self: RequestValidationError) -> Any:
        found.append(len(errors(self)))
        return errors(self)

    monkeypatch.setattr(RequestValidationError, "errors", counted)
    said = ask(app, method, path, chunks=[json.dumps(body).encode()])
    assert (said.status, len(said.error) < 300) == (422, True), said.error
    assert max(found) < 10


@pytest.mark.parametrize("length", ["-1", "1e9", "0x10", "٣", "9" * 400, "9" * 5000, "10, 10", ""])
def test_lengths_that_are_no_numbers(app: Any, length: str) -> None:
    headers = [HOST, MARK, JSON, ("Content-Length", length.encode().decode("latin-1"))]
    assert ask(app, "POST", "/api/labels", headers, [b"{}"]).status == 413


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}"])
def test_deeply_nested_json(app: Any, body: bytes) -> None:
    said = ask(app, "POST", "/api/labels", chunks=[body])
    assert said.status in (400, 422)
    assert len(said.error) < 2000
    assert_headers(said.headers)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "9" * 5000])
def test_numbers_that_are_none(client: TestClient, number: str) -> None:
    app = client.app
    client.post("/api/images/1/objects", json={"key": "12345678"})
    for step in (
        '{"type": "click", "point": [%s, 1]}',
        '{"type": "box", "box": [0, 0, 1, %s]}',
        '{"type": "scribble", "path": [[1, 1], [%s, 1]]}',
        '{"type": "brush", "path": [[1, 1]], "radius": %s}',
        '{"type": "lasso", "path": [[1, 1], [%s, 1]]}',
        '{"type": "remove", "step": %s}',
    ):
        body = '{"key": "12345678", "revision": 0, "step": %s}' % (step % number)
        assert ask(app, "POST", "/api/objects/1/steps", chunks=[body.encode()]).status in (400, 422), step
    for path, method, form in (
        ("/api/objects/1/undo", "POST", '{"revision": %s}'),
        ("/api/place", "PUT", '{"image": %s}'),
        ("/api/objects/1", "PATCH", '{"label": %s}'),
        ("/api/images/1/objects", "POST", '{"key": "87654321", "label": %s}'),
    ):
        said = ask(app, method, path, chunks=[(form % number).encode()])
        assert said.status in (400, 409, 422), path
        json.loads(said.body, parse_constant=lambda word: pytest.fail(f"{word} in an answer"))
    for value in (number, number.replace("I", "i")):
        said = ask(app, "GET", f"/api/images/1/tiles/x/0/0/0?low={value}&high=1")
        assert said.status == 422
        assert said.error
    assert client.get("/api/objects/1").json()["steps"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe{\x00}\x00",
        b"{",
        b"null",
        b'"text"',
        b"\x00",
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"name": "a", "\\udfff\\n<script>": 1}',
        b'{"name": "a", "' + b"x" * 1_000_000 + b'": 1}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"__proto__": {}, "constructor": 1}',
        b'{"name": "a"}{"name": "b"}',
    ],
)
def test_bodies_that_are_no_requests(app: Any, body: bytes) -> None:
    said = ask(app, "POST", "/api/labels", chunks=[body])
    assert said.status in (400, 422)
    assert len(said.error) < 2000
    assert_headers(said.headers)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "?/"])
def test_a_form_is_not_taken_for_json(app: Any, kind: str) -> None:
    said = ask(app, "POST", "/api/labels", [HOST, MARK, ("Content-Type", kind)], [b'{"name": "cat"}'])
    assert said.status == 422


def test_a_long_history_of_strange_masks_is_refused(client: TestClient) -> None:
    client.post("/api/images/1/objects", json={"key": "12345678"})
    for runs in ("gICAgICAgICAgAE=", "/////w8=", "AAAAAAAAAAAAAAAA", "sFQB", "r1Q=", "A" * 1_000_000):
        mask = {"width": 120, "height": 90, "runs": runs}
        sent = {"key": "87654321", "revision": 0, "step": {"type": "mask", "mask": mask}}
        answer = client.post("/api/objects/1/steps", json=sent)
        assert answer.status_code == 422, runs[:20]
    sent["step"]["mask"] = {"width": 2**40, "height": 2**40, "runs": "AA=="}
    assert client.post("/api/objects/1/steps", json=sent).status_code == 422


# Other sites


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, JSON],
        [HOST, JSON, ("X-VPUFormer-Not", "1")],
        [HOST, JSON, MARK, ("Origin", "http://evil.example")],
        [HOST, JSON, MARK, ("Origin", "null")],
        [HOST, JSON, MARK, ("Origin", "http://127.0.0.1:9999")],
        [HOST, JSON, MARK, ("Origin", "http://127.0.0.1:8123.evil.example")],
        [HOST, JSON, MARK, ("Origin", "http://127.0.0.1:8123@evil.example")],
        [HOST, JSON, MARK, ("Origin", "http://[")],
        [HOST, JSON, MARK, ("Origin", "127.0.0.1:8123")],
        [HOST, JSON, MARK, ("Sec-Fetch-Site", "cross-site")],
        [HOST, JSON, MARK, ("Sec-Fetch-Site", "same-site")],
        [HOST, JSON, MARK, ("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.example")],
        [HOST, ("Content-Type", "text/plain"), ("Origin", "http://evil.example")],
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_another_site_changes_nothing(app: Any, headers: list[Header], method: str) -> None:
    said = ask(app, method, "/api/labels", headers, [b'{"name": "cat"}'])
    assert (said.status, said.error) == (
        403,
        "a change must come from the page itself; programs must send the header X-VPUFormer: 1",
    )
    assert json.loads(ask(app, "GET", "/api/project").body)["labels"] == []
    assert_headers(said.headers)


@pytest.mark.parametrize(
    "more",
    [
        [],
        [("Origin", "http://127.0.0.1:8123")],
        [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://127.0.0.1:8123")],
        [("Sec-Fetch-Site", "none")],
    ],
    ids=str,
)
def test_the_page_itself_and_programs_may_change(app: Any, more: list[Header]) -> None:
    assert ask(app, "PUT", "/api/place", [HOST, MARK, JSON, *more], [b'{"image": 1}']).status == 204


def test_another_site_is_not_allowed_to_ask_with_the_header(app: Any) -> None:
    asked = [
        ("Origin", "http://evil.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "x-vpuformer"),
    ]
    said = ask(app, "OPTIONS", "/api/labels", [HOST, *asked])
    assert said.status == 405
    assert not [name for name in said.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8123",
        "127.0.0.1.evil.example",
        "127.0.0.1:8123.evil.example",
        "evil.example:127.0.0.1",
        "user@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1:80@evil.example:80",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:123456",
        "127.0.0.1:80:80",
        "127.0.0.1:-1",
        "127.0.0.1:²",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "localhost.",
        "[::1",
        "[::1]x",
        "[::1%25eth0]",
        "::1",
        "",
        " 127.0.0.1",
        "127.0.0.1/",
        "127.0.0.1\\evil.example",
    ],
)
def test_another_name_is_not_answered(app: Any, host: str) -> None:
    for path in ("/", "/api/project", "/healthz", "/static/index.html"):
        said = ask(app, "GET", path, [("Host", host)])
        assert said.status == 400
        assert said.error.startswith("this server answers on its own machine only, not as")
        assert_headers(said.headers)


def test_a_request_without_a_host_is_not_answered(app: Any) -> None:
    assert ask(app, "GET", "/api/project", []).status == 400


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "127.0.1.1:8123", "LocalHost:65535", "[::1]", "[::1]:8123"]
)
def test_names_of_this_machine_are_answered(app: Any, host: str) -> None:
    assert ask(app, "GET", "/api/project", [("Host", host)]).status == 200


def test_a_websocket_is_refused(app: Any) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/api/project", "headers": [(b"host", b"127.0.0.1")], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "X" * 5000, "get", "G\u00c4T"])
def test_methods_that_there_are_not(app: Any, method: str) -> None:
    said = ask(app, method, "/api/project")
    assert said.status == 405
    assert_headers(said.headers)
    assert method.encode("latin-1") not in ask(app, "GET", "/metrics").body.replace(b"_get", b"")


# The token


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/project", []),
        ("/", []),
        ("/static/index.html", []),
        ("/metrics", []),
        ("/docs", []),
        ("/openapi.json", []),
        ("/nothing", []),
        ("/?token=wrong", []),
        ("/?token=", []),
        (f"/?token={TOKEN[:-1]}", []),
        (f"/?token={TOKEN}x", []),
        (f"/?token={TOKEN.upper()}", []),
        (f"/?Token={TOKEN}", []),
        (f"/api/project?token={TOKEN}", []),
        (f"/static/index.html?token={TOKEN}", []),
        ("/api/project", [("Cookie", f"{COOKIE}=wrong")]),
        ("/api/project", [("Cookie", f"{COOKIE}=")]),
        ("/api/project", [("Cookie", COOKIE)]),
        ("/api/project", [("Cookie", f"other={TOKEN}")]),
        ("/api/project", [("Cookie", f"x{COOKIE}={TOKEN}")]),
        ("/api/project", [("Cookie", f'{COOKIE}="{TOKEN}"')]),
        ("/api/project", [("Cookie", f"{COOKIE}=\u00e4")]),
        ("/api/project", [("Authorization", "Bearer wrong")]),
        ("/api/project", [("Authorization", "Bearer")]),
        ("/api/project", [("Authorization", f"Basic {TOKEN}")]),
        ("/api/project", [("Authorization", TOKEN)]),
        ("/api/project", [("X-Token", TOKEN)]),
    ],
)
def test_nothing_without_the_token(open_app: Any, path: str, headers: list[Header]) -> None:
    said = ask(open_app, "GET", path, [("Host", "example.org"), *headers])
    assert (said.status, said.error) == (
        401,
        "this server requires its token; open the address that it printed when it started",
    )
    assert "set-cookie" not in said.headers
    assert_headers(said.headers)


def test_the_token_as_cookie_or_bearer(open_app: Any) -> None:
    for header in (
        ("Cookie", f"{COOKIE}={TOKEN}"),
        ("Cookie", f"a=b; {COOKIE}={TOKEN} ;c=d"),
        ("Cookie", f"{COOKIE}=old; {COOKIE}={TOKEN}"),
        ("Authorization", f"Bearer {TOKEN}"),
        ("Authorization", f"bearer  {TOKEN}"),
    ):
        assert ask(open_app, "GET", "/api/project", [("Host", "example.org"), header]).status == 200


def test_the_printed_address_gives_a_cookie_that_no_script_and_no_other_site_gets(open_app: Any) -> None:
    said = ask(open_app, "GET", f"/?token={TOKEN}", [("Host", "example.org:8123")])
    assert said.status == 303
    assert said.headers["location"] == "./"  # so that the token stays in no history
    assert said.headers["set-cookie"] == f"{COOKIE}={TOKEN}; Path=/; HttpOnly; SameSite=Strict"
    assert_headers(said.headers)


def test_servers_of_one_machine_leave_each_others_cookies_alone(open_app: Any) -> None:
    other = "another-server-on-another-port"
    assert cookie_name(other) != COOKIE
    both = ("Cookie", f"{cookie_name(other)}={other}; {COOKIE}={TOKEN}")
    assert ask(open_app, "GET", "/api/project", [("Host", "example.org"), both]).status == 200


def test_the_token_alone_changes_nothing_from_another_site(open_app: Any) -> None:
    known = [("Host", "example.org"), ("Cookie", f"{COOKIE}={TOKEN}"), JSON]
    body = [b'{"name": "cat"}']
    assert ask(open_app, "POST", "/api/labels", known, body).status == 403
    assert ask(open_app, "POST", "/api/labels", [*known, MARK, ("Origin", "http://evil.example")], body).status == 403
    assert ask(open_app, "POST", "/api/labels", [*known, MARK, ("Origin", "http://example.org")], body).status == 201


def test_health_may_be_asked_by_anybody(open_app: Any) -> None:
    assert ask(open_app, "GET", "/healthz", [("Host", "example.org")]).status == 200


def test_tokens_are_compared_in_the_same_time(open_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", noted)
    ask(open_app, "GET", "/api/project", [("Host", "x"), ("Cookie", f"{COOKIE}=guess")])
    ask(open_app, "GET", "/?token=guess", [("Host", "x"), ("Authorization", "Bearer guess")])
    assert compared == [(b"guess", TOKEN.encode())] * 3


# Text that is meant for somebody else

_TEXTS = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "'; DROP TABLE label; --",
    '" OR 1=1 --',
    "%s%n%x {0.__class__} ${7*7} {{7*7}}",
    "../../etc/passwd",
    "NULL",
    "=cmd|' /C calc'!A0",
]


def test_text_comes_back_as_it_was_and_as_data(client: TestClient) -> None:
    for number, text in enumerate(_TEXTS, 1):
        made = client.post("/api/labels", json={"name": text})
        assert made.status_code == 201
        assert made.headers["content-type"] == "application/json"
        assert made.json()["name"] == text
        again = client.post("/api/labels", json={"name": text})
        assert again.status_code == 409
        assert again.headers["content-type"] == "application/json"
        key = f"0000000{number:02}"
        client.post("/api/images/1/objects", json={"key": key, "label": number})
        step = {"key": key, "revision": 0, "step": {"type": "clear"}}
        assert client.post(f"/api/objects/{number}/steps", json=step).status_code == 200
        used = client.delete(f"/api/labels/{number}")
        assert (used.status_code, used.headers["content-type"]) == (409, "application/json")
    labels = client.get("/api/project").json()["labels"]
    assert [label["name"] for label in labels] == _TEXTS
    for path in ("/", "/docs", "/metrics"):
        assert "onerror=alert" not in client.get(path).text


@pytest.mark.parametrize(
    "text",
    [
        "a\r\nSet-Cookie: b=c",
        "a\x00b",
        "\x1b[2J",
        "a\x7f",
        "\n",
        "a\x85b",
        "\x9b2J",
        "\u202egnp.exe",
        "a\u2028b",
        "\ufeff?",
    ],
)
def test_a_label_is_one_line(client: TestClient, text: str) -> None:
    assert client.post("/api/labels", json={"name": text}).status_code == 422


def test_names_of_a_coco_file_become_lines_too(client: TestClient) -> None:
    names = ["a\r\nSet-Cookie: b=c", "\x00", "x" * 5000, "\ud800", "  cat "]
    square = [[9.5, 9.5, 19.5, 9.5, 19.5, 19.5, 9.5, 19.5]]
    file = {
        "images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 90}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": number, "segmentation": square} for number in range(len(names))
        ],
    }
    answer = client.post("/api/images/1/masks", content=json.dumps(file).encode())
    assert answer.status_code == 201, answer.text
    labels = {label["id"]: label["name"] for label in client.get("/api/project").json()["labels"]}
    assert [labels.get(state["label"]) for state in answer.json()["objects"]] == [
        "a Set-Cookie: b=c",
        None,
        "x" * 200,
        None,
        "cat",
    ]


def test_a_file_whose_name_is_an_attack_is_only_a_name(tmp_path: Path) -> None:
    root = tmp_path / "names"
    root.mkdir()
    names = ["<img onerror=alert(1)>.png", "a'; DROP TABLE image;--.png", "b\r\nSet-Cookie: c=d.png", "%2e%2e%2f.png"]
    for name in names:
        Image.new("RGB", (8, 8)).save(root / name, "PNG")
    app = create_app(Folder(root), Store(tmp_path / "x.sqlite"), Disks())
    with TestClient(app, "http://127.0.0.1", headers={"X-VPUFormer": "1"}) as client:
        listed = client.get("/api/project").json()["images"]
        assert sorted(image["name"] for image in listed) == sorted(names)
        for image in listed:
            answer = client.get(f"/api/images/{image['id']}")
            assert answer.json()["name"] == image["name"]
            assert "set-cookie" not in answer.headers
            (root / image["name"]).unlink()
            assert client.get(f"/api/images/{image['id']}").status_code == 422


def test_an_export_of_strange_labels_stays_in_its_zip(client: TestClient) -> None:
    for number, text in enumerate(_TEXTS, 1):
        client.post("/api/labels", json={"name": text})
        key = f"0000000{number:02}"
        client.post("/api/images/1/objects", json={"key": key, "label": number})
        step = {"key": key, "revision": 0, "step": {"type": "clear"}}
        assert client.post(f"/api/objects/{number}/steps", json=step).status_code == 200
        step = {"type": "click", "point": [number, number]}
        sent = {"key": f"0000000{number:02}", "revision": 0, "step": step}
        assert client.post(f"/api/objects/{number}/steps", json=sent).status_code == 200
        client.patch(f"/api/objects/{number}", json={"accepted": True})
    for form in FORMATS:
        answer = client.get(f"/api/export?format={form}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''images_{form}.zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                assert not name.startswith("/"), name
                assert ".." not in name.split("/"), name
                assert "\\" not in name, name


@pytest.mark.parametrize("form", ["", "../../etc/passwd", "coco\r\nA: b", "x" * 21, "COCO", "<b>"])
def test_formats_that_there_are_not(client: TestClient, form: str) -> None:
    answer = client.get("/api/export", params={"format": form})
    assert answer.status_code == 422
    assert answer.json()["error"]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_folder_whose_name_is_an_attack_or_no_text(tmp_path: Path) -> None:
    for number, name in enumerate((b'a\r\nSet-Cookie: b=c;"\x1b[2J', b"\xff\xfe", "\u00e4 \U0001f408".encode())):
        root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        root.mkdir()
        Image.new("RGB", (8, 8)).save(root / "a.png")
        app = create_app(Folder(root), Store(tmp_path / f"{number}.sqlite"), Disks())
        with TestClient(app, "http://127.0.0.1") as client:
            project = client.get("/api/project")
            assert project.status_code == 200
            assert project.json()["folder"]
            answer = client.get("/api/export?format=labels")
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers


# Every answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/static/index.html", 200),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/api/project", 200),
        ("GET", "/api/images/1/thumbnail", 200),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/project", 405),
        ("POST", "/api/labels", 422),
        ("GET", "/api/images/x", 422),
    ],
)
def test_every_answer_carries_the_headers_that_protect(app: Any, method: str, path: str, status: int) -> None:
    said = ask(app, method, path)
    assert said.status == status
    assert_headers(said.headers)
    assert "server" not in said.headers


def test_a_failure_tells_nothing_of_the_inside_and_carries_the_headers(client: TestClient, disks: Disks) -> None:
    def fail() -> None:
        raise RuntimeError("/srv/someone/secret")

    disks.before = fail
    client.post("/api/images/1/objects", json={"key": "12345678"})
    sent = {"key": "12345678", "revision": 0, "step": {"type": "click", "point": [1, 1]}}
    answer = client.post("/api/objects/1/steps", json=sent)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert_headers(dict(answer.headers))


def test_the_pages_hold_no_script_and_no_style_of_their_own() -> None:
    import vpuformer.app.http.server as server

    pages = list(server.STATIC.glob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text("utf-8")
        for script in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.S | re.I):
            assert "src=" in script[0], page.name
            assert not script[1].strip(), page.name
        assert not re.search(r"\son[a-z]+\s*=", re.sub(r"<!--.*?-->", "", text, flags=re.S)), page.name
        assert not re.search(r"<style|\sstyle\s*=", text, re.I), page.name
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", text, re.I), page.name


# On the wire

_CHANGE = b"POST /api/labels HTTP/1.1\r\nHost: 127.0.0.1\r\nX-VPUFormer: 1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A real server."""
    root = tmp_path_factory.mktemp("wire")
    content = io.BytesIO()
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(content, "PNG")
    (root / "a.png").write_bytes(content.getvalue())
    with Nursery() as nursery:
        yield nursery.start(root, root / "x.sqlite")


def on_the_wire(process: ServerProcess, *pieces: bytes, patience: float = 20) -> bytes:
    """The answer until the server hangs up, or until `patience` seconds of silence."""
    answer = b""
    with socket.create_connection(("127.0.0.1", process.port), timeout=patience) as wire:
        with contextlib.suppress(OSError):  # the server may hang up before it has heard all
            for piece in pieces:
                wire.sendall(piece)
        with contextlib.suppress(OSError):
            while piece := wire.recv(65536):
                answer += piece
    return answer


def test_an_answer_on_the_wire_names_no_software(process: ServerProcess) -> None:
    answer = on_the_wire(process, b"GET /api/project HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 200")
    assert b"\r\nserver:" not in head
    assert b"content-security-policy" in head


@pytest.mark.parametrize(
    "request_",
    [
        b"GET http://evil.example/api/project HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /api/project HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET /api/project HTTP/1.1\r\n\r\n",
        b"GET /api/project HTTP/1.0\r\n\r\n",
        b"GET /api/project\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        _CHANGE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        _CHANGE + b"Content-Length: -5\r\n\r\n",
        b"GET /api/project HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=lambda request: repr(request[:60]),
)
def test_requests_that_break_the_rules_of_http(process: ServerProcess, request_: bytes) -> None:
    answer = on_the_wire(process, request_, patience=1)
    assert answer.startswith(b"HTTP/1.1 400") or not answer
    assert on_the_wire(process, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").endswith(
        b'{"status":"ok"}'
    )


def test_a_second_request_cannot_be_smuggled(process: ServerProcess) -> None:
    inner = _CHANGE + b"Content-Length: 0\r\n\r\n"
    outer = _CHANGE + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (len(inner) + 5)
    answer = on_the_wire(process, outer + inner, patience=1)
    # Either refused or read as two requests, by the rules: never one request here and two elsewhere.
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 422"))


def test_an_upgrade_is_not_made(process: ServerProcess) -> None:
    answer = on_the_wire(
        process,
        b"GET /api/project HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        patience=1,
    )
    assert b" 101 " not in answer.partition(b"\r\n")[0]
    assert answer


def test_a_long_body_in_pieces_on_the_wire(process: ServerProcess) -> None:
    head = _CHANGE + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    answer = on_the_wire(process, head, *[piece] * 40)
    assert answer.startswith(b"HTTP/1.1 413") or not answer  # where the system drops it, for more was on its way


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_every_address_has_a_new_token_every_time(tmp_path: Path, host: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with Nursery() as nursery:
        tokens = [
            nursery.start(tmp_path, tmp_path / f"{number}.sqlite", host, no_token=False).token for number in range(2)
        ]
    assert len(set(tokens)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in tokens)
