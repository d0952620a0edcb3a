"""A proxy in front of the server, on a path of its own, which it keeps or removes."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

import vpuformer.app.http.server as server
from support.app_asgi import HOST, JSON, MARK, ask
from support.app_disks import Disks
from vpuformer.app.http.asgi import refuse
from vpuformer.app.http.root_path import checked_root_path
from vpuformer.app.http.server import create_app
from vpuformer.errors import ConfigError

ROOT = "/annotate"
NAMED = ("Host", "images.example.org")


@pytest.fixture
def app(tmp_path: Path) -> Any:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    made = create_app(tmp_path, None, Disks(), root_path=ROOT, server_name="images.example.org")
    with TestClient(made, "http://127.0.0.1"):
        yield made


@pytest.mark.parametrize("cut_off", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/static/main.js",
        "/api/project",
        "/api/images/1/thumbnail",
    ],
)
def test_every_address_is_found_with_the_path_or_without(app: Any, path: str, cut_off: bool) -> None:
    assert ask(app, "GET", path if cut_off else ROOT + path).status == 200


def test_what_lies_beside_the_path_is_not_found(app: Any) -> None:
    for path in (f"{ROOT}x/api/project", f"{ROOT}{ROOT}/api/project", f"/x{ROOT}/api/project"):
        assert ask(app, "GET", path).status == 404


def test_the_path_without_a_slash_leads_to_the_page(app: Any) -> None:
    said = ask(app, "GET", f"{ROOT}?token=x")
    assert (said.status, said.headers["location"]) == (303, f"{ROOT}/?token=x")


def test_the_name_of_the_proxy_is_answered_and_no_other(app: Any) -> None:
    for name, status in (("images.example.org", 200), ("IMAGES.example.org:8443", 200), ("example.org", 400)):
        assert ask(app, "GET", f"{ROOT}/api/project", [("Host", name)]).status == status
    body, origin = [b'{"name": "cat"}'], ("Origin", "https://images.example.org")
    assert ask(app, "POST", f"{ROOT}/api/labels", [NAMED, MARK, JSON, origin], body).status == 201
    # A proxy that does not pass the name on makes every change look foreign.
    assert ask(app, "POST", f"{ROOT}/api/labels", [HOST, MARK, JSON, origin], body).status == 403


def test_no_address_in_the_page_begins_at_the_root() -> None:
    files = [*server.STATIC.glob("*.html"), *server.STATIC.glob("*.js"), *server.STATIC.glob("*.css")]
    assert len(files) > 20
    for file in files:
        found = re.findall(r"""(?:["'(=]/(?:api|static|docs|openapi)\b|`/(?:api|static)/).*""", file.read_text("utf-8"))
        assert not found, f"{file.name}: {found}"


def test_root_paths() -> None:
    assert [checked_root_path(path) for path in ("", "/", "/a", "a/b/", "/a.b/~c")] == ["", "", "/a", "/a/b", "/a.b/~c"]
    for path in ("/a b", "/..", "/./a", "http://example.org", "//a//b", "/a?b", "/\u00e4", "/%2e%2e", "/a\nb"):
        with pytest.raises(ConfigError, match="is not valid; use letters"):
            checked_root_path(path)


@pytest.mark.parametrize("cut_off", [True, False])
def test_the_page_works_behind_a_proxy(tmp_path: Path, cut_off: bool) -> None:
    """A browser at the proxy's address enters the token, and a prompt is answered."""
    browsing = pytest.importorskip("support.browser")
    if not browsing.wanted():
        pytest.skip("there is no Chromium")
    Image.new("RGB", (80, 60)).save(tmp_path / "a.png")
    made = create_app(tmp_path, None, Disks(), token="my-own-secret", root_path=ROOT)

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if not scope["path"].startswith(ROOT):
                await refuse(send, 404, "not on this path")
                return
            if cut_off:
                scope = {**scope, "path": scope["path"].removeprefix(ROOT) or "/"}
        await made(scope, receive, send)

    with (
        browsing.running(proxy) as address,
        browsing.opened(f"{address}{ROOT[1:]}/", cut_off=True, token="my-own-secret") as person,
    ):
        assert person.page.url == f"{address}{ROOT[1:]}/"
        assert int(person.click((40, 30))["area"]) > 0
        person.page.wait_for_function("() => document.querySelector('.thumb img')?.naturalWidth > 0")
