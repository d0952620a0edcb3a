"""The lines of docs/deploy.md in a real nginx: token, changes, uploads, events."""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from support.app_disks import Disks
from support.browser import running
from vpuformer.app.http.guard import MAX_BODY
from vpuformer.app.http.server import create_app
from vpuformer.app.http.serving import bind

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
OPENSSL = shutil.which("openssl")
PAGE = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text(encoding="utf-8")
LINES = re.findall(r"^```nginx\n(.*?)^```", PAGE, re.M | re.S)
TOKEN = "a-token-for-the-team"
NAME = "images.example.org"
CHANGE = {"X-VPUFormer": "1", "Content-Type": "application/json", "Origin": f"https://{NAME}"}

with_nginx = pytest.mark.skipif(
    NGINX is None or OPENSSL is None, reason="there is no nginx; install it to test the page"
)


@contextmanager
def proxied(folder: Path, lines: str) -> Iterator[int]:
    """The port of nginx with these lines, in front of the server on an image."""
    Image.new("RGB", (80, 60)).save(folder / "a.png")
    made = create_app(folder, None, Disks(), token=TOKEN, root_path="/annotate", server_name=NAME)
    subject = ["-subj", f"/CN={NAME}", "-keyout", folder / "images.key", "-out", folder / "images.pem"]
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *subject],
        check=True,
        capture_output=True,
    )
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with running(made) as address:
        for before, after in (
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("http://127.0.0.1:8123/", address),
            ("/etc/ssl/", f"{folder}/"),
            ("/var/log/nginx/", f"{folder}/"),
        ):
            assert before in lines
            lines = lines.replace(before, after)
        places = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        settings = folder / "nginx.conf"
        settings.write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{places}{lines}}}\n"
        )
        started = subprocess.Popen([str(NGINX), "-e", "stderr", "-p", folder, "-c", settings])
        try:
            for _ in range(200):
                if started.poll() is not None or (folder / "pid").exists():
                    break
                time.sleep(0.01)
            yield port
        finally:
            started.terminate()
            started.wait(10)


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = connected(port)
    try:
        connection.request(method, f"/annotate{path}", body, {"Host": NAME, **headers})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def connected(port: int) -> http.client.HTTPSConnection:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusting)


def entered(port: int) -> dict[str, str]:
    """The cookie of somebody who has typed the token in."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{NAME}"}
    response, _ = ask(port, "POST", "/token", form, f"token={TOKEN}".encode())
    assert response.status == 303
    cookie = response.headers["set-cookie"]
    assert "; HttpOnly" in cookie
    assert re.search("; secure", cookie, re.I)
    return {"Cookie": cookie.partition(";")[0]}


@with_nginx
def test_people_work_through_nginx(tmp_path: Path) -> None:
    with proxied(tmp_path, LINES[0]) as port:
        assert ask(port, "GET", "/healthz", {})[1] == b'{"status":"ok"}'
        assert ask(port, "GET", f"/?token={TOKEN}", {})[0].status == 303
        response, page = ask(port, "GET", "/", {"Accept": "text/html"})
        assert (response.status, b"<form" in page) == (401, True)
        own = entered(port)
        assert b'src="static/' in ask(port, "GET", "/", own)[1]

        # Another person hears of a change at once.
        stream = connected(port)
        stream.request("GET", "/annotate/api/news/stream?window=window-bob", headers={"Host": NAME, **own})
        messages = stream.getresponse()
        began = time.monotonic()
        assert messages.readline().startswith(b"data: ")
        made = ask(port, "POST", "/api/images/1/objects", own | CHANGE, b'{"key": "the-key-1"}')
        step = {"key": "the-key-2", "revision": 0, "step": {"type": "click", "point": [50, 50]}}
        path = f"/api/objects/{json.loads(made[1])['id']}/steps"
        assert ask(port, "POST", path, own | CHANGE, json.dumps(step).encode())[0].status == 200
        heard = b""
        while b'"changes":[{"image":1' not in heard:
            heard = messages.readline()
        assert time.monotonic() - began < 4
        stream.close()

        # What the server takes reaches it, and it refuses the name; nginx refuses what is larger.
        assert ask(port, "POST", "/api/labels", own | CHANGE, long_name(3_000_000))[0].status == 422
        assert ask(port, "POST", "/api/labels", own | CHANGE, long_name(MAX_BODY))[0].status == 413
    log = (tmp_path / "images.log").read_text()
    assert "GET /annotate/ 303" in log
    assert TOKEN not in log


@with_nginx
@pytest.mark.parametrize(
    ("line", "size", "status"),
    [("client_max_body_size 32000000;", 2_000_000, 413), ("proxy_set_header Host $http_host;", 20, 403)],
)
def test_the_lines_are_needed(tmp_path: Path, line: str, size: int, status: int) -> None:
    assert line in LINES[0]
    with proxied(tmp_path, LINES[0].replace(line, "")) as port:
        own = {"Authorization": f"Bearer {TOKEN}"}
        assert ask(port, "POST", "/api/labels", own | CHANGE, long_name(size))[0].status == status


def long_name(size: int) -> bytes:
    return json.dumps({"name": "a" * size}).encode()


def test_the_page_and_the_service_agree() -> None:
    (lines,) = LINES
    assert f"client_max_body_size {MAX_BODY};" in lines
    (service,) = re.findall(r"^```ini\n(.*?)^```", PAGE, re.M | re.S)
    assert f"--server-name {re.search(r'server_name (.*);', lines)[1]}" in service  # type: ignore[index]
    assert f"--root-path {re.search(r'location (.*)/ {', lines)[1]} " in service  # type: ignore[index]
    assert f"--port {re.search(r'proxy_pass http://127.0.0.1:([0-9]*)/;', lines)[1]} " in service  # type: ignore[index]
