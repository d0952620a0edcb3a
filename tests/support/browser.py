"""A person in a real browser on a real server, for tests and measurements."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page, sync_playwright

from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.http.server import create_app
from vpuformer.app.http.serving import bind
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import FILE, Store
from vpuformer.inference.protocol import Segmenter

EXAMPLES = Path(__file__).parents[2] / "examples"
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MARGIN, _FOOT = 20, 60
"""Around and below an image that fits the screen, as the page leaves it."""

# After the frame in which the page shows its newest state: it asks for that frame before anybody can ask for this one.
# The state is read before that frame: an answer that comes while it is waited for is shown in the next one only.
SEEN = """() => new Promise((resolve) => {
  const state = document.getElementById("connection").dataset.state ?? "idle";
  requestAnimationFrame(() => {
    const text = (id) => document.getElementById(id).textContent.trim();
    const current = [...document.querySelectorAll("#objects .object")].findIndex((row) => row.matches(".current"));
    const opening = text("image-size") === "opening…" || !(text("image-name") || text("empty-text"));
    resolve({
      state: state === "idle" && opening ? "busy" : state,
      image: text("image-name"),
      object: current < 0 ? "" : String(current + 1),
      area: text("mask-text").replace(/[^0-9]/g, "") || "0",
      steps: String(document.querySelectorAll("#steps .step:not(.undone)").length),
    });
  });
})"""

# Elements whose words need more room than they have. The margins of small buttons reach out by 6 pixels; some words are
# cut off on purpose, or are for screen readers alone.
TOO_LONG = """() => [...document.querySelectorAll(
  "button, label, label > span, output, h2, h3, th, caption, legend, .row, .card-head, .segments > *, header, .bar-part"
)].filter((element) => element.checkVisibility() && !element.closest(".ellipsis, .hidden")
  && element.scrollWidth > element.clientWidth + 6 && getComputedStyle(element).display !== "inline")
  .map((element) => `${element.id || element.className || element.tagName}: ${element.textContent.trim()}`)"""

Point = tuple[float, float]


def wanted() -> bool:
    """Whether the tests of the page must run. Without a browser, CI fails."""
    return CHROMIUM is not None or os.environ.get("CI") == "true"


MARKS = [
    pytest.mark.skipif(not wanted(), reason="there is no Chromium; install it to test the page"),
    # Playwright's loop and uvicorn's sockets are closed when Python gets to it.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of all tests in a browser."""


@contextlib.contextmanager
def served(
    folder: Path, segmenter: Segmenter | None = None, *, port: int = 0, token: str | None = None
) -> Iterator[str]:
    """The address of a server on a folder of images, by default with the bundled weights."""
    app = create_app(Folder(folder), Store(folder / FILE), segmenter or BackgroundSegmenter(), token=token)
    with running(app, port) as address:
        yield address + (f"?token={token}" if token else "")


@contextlib.contextmanager
def served_examples(folder: Path, segmenter: Segmenter) -> Iterator[str]:
    """The address of a server on two of the bundled photographs, copied into the folder."""
    for name in ("astronaut.jpg", "coffee.jpg"):
        shutil.copy(EXAMPLES / name, folder)
    with served(folder, segmenter) as address:
        yield address


@contextlib.contextmanager
def running(app: Any, port: int = 0) -> Iterator[str]:
    """The address of an application that is served."""
    with bind("127.0.0.1", port) as socket:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        if isinstance(app, FastAPI):
            app.state.ends = lambda: server.should_exit
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def opened(address: str, *, cut_off: bool = False, token: str | None = None, **options: Any) -> Iterator["Person"]:
    """A person in front of the page, by default in a window of 1280 x 800.

    Errors of the page are raised. With `cut_off`, failed connections are expected and not raised. A `token` is typed in
    on the page that asks for it.
    """
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        context = browser.new_context(
            **({"viewport": {"width": 1280, "height": 800}, "accept_downloads": True} | options)
        )
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(address)
        if token is not None:
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Open").click()
            page.locator("#connection").wait_for()
        person = Person(page)
        person.wait(state="idle")
        yield person
        browser.close()
        assert not [error for error in errors if not (cut_off and "Failed to load resource" in error)], errors


def placed(point: Point, stage: dict[str, float], size: str) -> Point:
    """Screen position of an image point, while the whole image is shown.

    Args:
        point: (x, y) in pixels of the image.
        stage: x, y, width and height of the part of the page with the image.
        size: of the image, as the page shows it.
    """
    width, height = (int(part) for part in size.split("\N{MULTIPLICATION SIGN}"))
    scale = min((stage["width"] - 2 * _MARGIN) / width, (stage["height"] - _MARGIN - _FOOT) / height, 8)
    left, over = stage["x"] + (stage["width"] - width * scale) / 2, stage["height"] - height * scale
    top = stage["y"] + min(over / 2, over - _FOOT)
    return left + (point[0] + 0.5) * scale, top + (point[1] + 0.5) * scale


class Person:
    """Works on the page, in pixels of the image that is open."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def status(self) -> dict[str, str]:
        """The state that a person sees on the page.

        state: "idle", "busy", "offline"; image: its name; object: the number of the current one in the list, "" for
        none; area: pixels of its mask; steps: how many of its steps are in force.
        """
        return self.page.evaluate(SEEN)

    @property
    def area(self) -> int:
        """Pixels of the mask that is shown."""
        return int(self.status["area"])

    def wait(self, timeout: float = 60, **wanted: object) -> dict[str, str]:
        """Until all of this is seen on the page."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            now = self.status
            if all(now.get(key) == str(value) for key, value in wanted.items()):
                return now
            self.page.wait_for_timeout(15)
        raise AssertionError(f"wanted {wanted}, seen {self.status}")

    def place(self, point: Point) -> Point:
        """Screen position of an image point, while the whole image is shown."""
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        return placed(point, dict(box), self.page.locator("#image-size").text_content() or "")

    def click(self, point: Point, *, positive: bool = True) -> dict[str, str]:
        self.page.mouse.click(*self.place(point), button="left" if positive else "right")
        return self.answered()

    def drag(self, path: Sequence[Point], *, positive: bool = True) -> dict[str, str]:
        button = "left" if positive else "right"
        first, *others = (self.place(point) for point in path)
        self.page.mouse.move(*first)
        self.page.mouse.down(button=button)  # type: ignore[arg-type]
        for point in others:
            self.page.mouse.move(*point, steps=4)
        self.page.mouse.up(button=button)  # type: ignore[arg-type]
        return self.answered()

    def scribble(self, path: Sequence[Point], *, positive: bool = True) -> dict[str, str]:
        self.page.keyboard.down("Shift")
        try:
            return self.drag(path, positive=positive)
        finally:
            self.page.keyboard.up("Shift")

    @property
    def toasts(self) -> list[str]:
        """The short messages that are shown."""
        return self.page.locator(".toast > span").all_inner_texts()

    def press(self, key: str) -> dict[str, str]:
        self.page.keyboard.press(key)
        return self.answered()

    def answered(self) -> dict[str, str]:
        """The status after everything has been answered."""
        self.page.wait_for_timeout(30)
        return self.wait(state="idle")
