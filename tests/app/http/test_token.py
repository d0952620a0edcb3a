"""The page that asks for the token, and the places where the token may appear."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image
from starlette.testclient import TestClient

from support.app_asgi import Header, Said, ask
from support.app_disks import Disks
from vpuformer.app.http.server import create_app
from vpuformer.app.http.token import MISSING, OPEN, cookie_name
from vpuformer.app.images.folder import Folder

TOKEN = "a-secret-of-24-letters-or-so"
COOKIE = f"{cookie_name(TOKEN)}={TOKEN}"
LOCAL: Header = ("Host", "127.0.0.1:8123")
BROWSER: Header = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
FORM: Header = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("images")
    Image.new("RGB", (8, 8)).save(root / "a.png")
    made = create_app(Folder(root), root / "x.sqlite", Disks(), token=TOKEN)
    with TestClient(made, "http://127.0.0.1"):
        yield made


def type_in(app: Any, word: str, *more: Header) -> Said:
    return ask(app, "POST", "/token", [LOCAL, FORM, BROWSER, *more], [urlencode({"token": word}).encode()])


@pytest.mark.parametrize("path", ["/", "/docs", "/nothing", "/?token=wrong", "/static/index.html"])
def test_a_browser_without_the_token_gets_a_page_that_asks_for_it(app: Any, path: str) -> None:
    said = ask(app, "GET", path, [LOCAL, BROWSER])
    assert (said.status, said.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert said.headers["cache-control"] == "no-store"
    assert said.headers["referrer-policy"] == "same-origin"
    policy = said.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    text = said.body.decode()
    assert ("This is not the token" in text) == ("wrong" in path)
    assert "wrong" not in text
    depth = "../" if path.count("/") == 2 else ""
    assert f'action="{depth}token"' in text
    assert not re.search(r"\{\w+\}", text)
    for file in re.findall(r'href="([^"]+)"', text):
        name = f"/{file.removeprefix(depth)}"
        assert name in OPEN
        assert ask(app, "GET", name, [LOCAL]).status == 200


@pytest.mark.parametrize("path", ["/api/project", "/api/images/1/thumbnail", "/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_program_without_the_token_gets_a_sentence(app: Any, path: str, method: str) -> None:
    accepts = [("Accept", "*/*")] if path == "/" else [BROWSER]
    said = ask(app, method, path, [LOCAL, *accepts])
    assert (said.status, said.error) == (401, MISSING)


@pytest.mark.parametrize("word", [TOKEN, f" {TOKEN}\t"])
def test_the_page_takes_the_token(app: Any, word: str) -> None:
    said = type_in(app, word, ("Origin", "http://127.0.0.1:8123"), ("Sec-Fetch-Site", "same-origin"))
    assert (said.status, said.headers["location"]) == (303, "./")
    assert said.headers["set-cookie"] == f"{COOKIE}; Path=/; HttpOnly; SameSite=Strict"
    assert said.headers["referrer-policy"] == "no-referrer"
    cookie = said.headers["set-cookie"].partition(";")[0]
    assert ask(app, "GET", "/", [LOCAL, BROWSER, ("Cookie", cookie)]).status == 200


@pytest.mark.parametrize("word", ["", "wrong", TOKEN[:-1], TOKEN.upper(), "x" * 5000, "\u00e4", "<script>"])
def test_the_page_takes_nothing_else(app: Any, word: str) -> None:
    said = type_in(app, word)
    assert said.status == 401
    assert "set-cookie" not in said.headers
    assert b"This is not the token" in said.body
    assert b"<script>" not in said.body


@pytest.mark.parametrize(
    "header", [("Origin", "http://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]
)
def test_another_site_signs_nobody_in(app: Any, header: Header) -> None:
    said = type_in(app, TOKEN, header)
    assert said.status == 403
    assert "set-cookie" not in said.headers


def test_a_form_without_end_is_not_read(app: Any) -> None:
    said = ask(app, "POST", "/token", [LOCAL, FORM], [b"token=" + b"x" * 3000] + [b"x" * 100_000] * 1000)
    assert said.status == 401


def test_a_form_in_pieces_is_read(app: Any) -> None:
    said = ask(app, "POST", "/token", [LOCAL, FORM], [b"tok", b"en=", TOKEN.encode()])
    assert said.status == 303


def test_the_token_stands_in_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    disks = Disks()

    def fail() -> None:
        raise ZeroDivisionError

    disks.before = fail
    app = create_app(tmp_path, None, disks, token=TOKEN)
    caplog.set_level(logging.DEBUG)
    with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False, headers={"X-VPUFormer": "1"}) as client:
        assert client.get(f"/?token={TOKEN}").status_code == 200
        client.post("/api/images/1/objects", json={"key": "12345678"})
        sent = {"key": "12345678", "revision": 0, "step": {"type": "click", "point": [1, 1]}}
        assert client.post(f"/api/objects/1/steps?token={TOKEN}", json=sent).status_code == 500
    own = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]  # the client's
    assert "POST '/api/objects/1/steps' failed" in own
    assert TOKEN not in "".join(own)


def test_a_token_for_the_browser_opens_the_page_once(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    made = create_app(Folder(tmp_path), tmp_path / "x.sqlite", Disks(), token=TOKEN, once="valid-a-single-time")
    with TestClient(made, "http://127.0.0.1"):
        bearer = ("Authorization", "Bearer valid-a-single-time")
        assert ask(made, "GET", "/api/project", [LOCAL, bearer]).status == 401
        said = ask(made, "GET", "/?token=valid-a-single-time", [LOCAL, BROWSER])
        assert (said.status, said.headers["location"]) == (303, "./")
        assert COOKIE in said.headers["set-cookie"]
        again = ask(made, "GET", "/?token=valid-a-single-time", [LOCAL, BROWSER])
        assert (again.status, "set-cookie" in again.headers) == (401, False)
        assert ask(made, "GET", f"/?token={TOKEN}", [LOCAL, BROWSER]).status == 303
