"""The page that needs no server, in a browser that reaches nothing but one folder, for tests and measurements."""

import contextlib
import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from support.browser import _FLAGS, CHROMIUM, Point, placed

PACKAGE = Path(__file__).parents[2] / "page/node_modules/onnxruntime-web"
"""ONNX Runtime Web, as `make page` installs it."""

NEEDS_PACKAGE = pytest.mark.skipif(
    not PACKAGE.is_dir() and os.environ.get("CI") != "true", reason="ONNX Runtime Web is missing; run make page"
)


class _Handler(http.server.SimpleHTTPRequestHandler):
    headers_of_all: tuple[tuple[str, str], ...] = ()

    def end_headers(self) -> None:
        for name, value in self.headers_of_all:
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _IsolatingHandler(_Handler):
    headers_of_all = (
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
    )


@contextlib.contextmanager
def served_folder(folder: Path, *, isolated: bool = False) -> Iterator[str]:
    """The address of a folder, served as `python -m http.server` does.

    With `isolated`, the server sends the headers that allow a page to use several threads.
    """
    handler = functools.partial(_IsolatingHandler if isolated else _Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def opened_site(address: str, **options: Any) -> Iterator["Visitor"]:
    """A visitor of the page, whose browser knows no other computer.

    Errors of the page and requests to other addresses are raised.
    """
    with sync_playwright() as play:
        flags = [*_FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options)).new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda sent: None if sent.url.startswith((address, "blob:")) else wrong.append(sent.url))
        page.goto(address)
        yield Visitor(page)
        browser.close()
        assert not wrong, wrong


class Visitor:
    """Works on the page, in pixels of the image that is open."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def wait(self) -> str:
        """The status, once everything has been answered."""
        self.page.locator("body[data-state=idle], body[data-state=failed]").wait_for(timeout=60_000)
        return self.page.inner_text("#status")

    @property
    def area(self) -> int:
        """Pixels of the mask that the status names."""
        return int(self.wait().partition(" pixels")[0].replace(",", ""))

    def place(self, point: Point) -> Point:
        """Screen position of an image point, while the whole image is shown."""
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        return placed(point, dict(box), self.page.inner_text("#image-name").rpartition(", ")[2])

    def click(self, point: Point, *, positive: bool = True) -> int:
        """Area of the mask after a click."""
        self.page.mouse.click(*self.place(point), button="left" if positive else "right")
        return self.area

    def drag(self, *path: Point) -> int:
        """Area of the mask after a drag, of a box or a scribble."""
        first, *others = (self.place(point) for point in path)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in others:
            self.page.mouse.move(*point, steps=4)
        self.page.mouse.up()
        return self.area

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name).click()

    def downloaded(self, name: str, to: Path) -> Path:
        """The file that a button lets the browser save."""
        with self.page.expect_download() as download:
            self.press(name)
        target = to / download.value.suggested_filename
        download.value.save_as(target)
        return target
