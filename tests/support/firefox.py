"""Firefox, driven by its own protocol Marionette: Playwright needs a newer one than Debian's, or a patched one."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from support.browser import SEEN, Point, placed

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
KEYS = {"Enter": "\ue007", "Control": "\ue009", "Shift": "\ue008", "ArrowRight": "\ue014"}
"""Characters that WebDriver has for keys without one."""

_START = 60
"""Seconds that Firefox may take to start."""


class Firefox:
    """A person in front of the page in Firefox."""

    def __init__(self, connection: socket.socket) -> None:
        self._file, self._number = connection.makefile("rwb"), 0
        self._read()  # its greeting
        self.command("WebDriver:NewSession", {})
        self.command("WebDriver:SetWindowRect", {"x": 0, "y": 0, "width": 1280, "height": 900})

    def command(self, name: str, parameters: dict[str, Any]) -> Any:
        """Send a command of WebDriver, and return its result."""
        self._number += 1
        message = json.dumps([0, self._number, name, parameters]).encode()
        self._file.write(b"%d:%b" % (len(message), message))
        self._file.flush()
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def script(self, text: str) -> Any:
        """The value of an expression of JavaScript on the page; a promise is awaited."""
        return self.command("WebDriver:ExecuteScript", {"script": f"return {text}", "args": []})["value"]

    def open(self, address: str) -> None:
        self.command("WebDriver:Navigate", {"url": address})
        self.answered()

    @property
    def status(self) -> dict[str, str]:
        """As `Person.status`."""
        return self.script(f"({SEEN})()")

    def answered(self, timeout: float = 60) -> dict[str, str]:
        """The status after everything has been answered."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            time.sleep(0.05)
            status = self.status
            if status["state"] == "idle":
                return status
        raise AssertionError(self.status)

    def text(self, selector: str) -> str:
        return self.script(f"document.querySelector({json.dumps(selector)}).innerText")

    def press_button(self, selector: str) -> dict[str, str]:
        """Click the middle of an element."""
        box = self._box(selector)
        return self._mouse([(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)])

    def draw(self, path: Sequence[Point], *, positive: bool = True) -> dict[str, str]:
        """Drag the mouse along points of the image, or click on the only one."""
        stage, size = self._box("#stage"), self.script("document.getElementById('image-size').textContent")
        return self._mouse([placed(point, stage, size) for point in path], button=0 if positive else 2)

    def press(self, *keys: str) -> dict[str, str]:
        """Press keys together, such as Control and z."""
        values = [KEYS.get(key, key) for key in keys]
        down = [{"type": "keyDown", "value": value} for value in values]
        up = [{"type": "keyUp", "value": value} for value in reversed(values)]
        return self._act({"type": "key", "id": "keys", "actions": [*down, *up]})

    def _mouse(self, path: Sequence[Point], button: int = 0) -> dict[str, str]:
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 40 * (index > 0)}
            for index, (x, y) in enumerate(path)
        ]
        down, up = ({"type": kind, "button": button} for kind in ("pointerDown", "pointerUp"))
        actions = [moves[0], down, *moves[1:], up]
        return self._act({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions})

    def _act(self, actions: dict[str, Any]) -> dict[str, str]:
        self.command("WebDriver:PerformActions", {"actions": [actions]})
        return self.answered()

    def _box(self, selector: str) -> dict[str, float]:
        return self.script(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")

    def _read(self) -> Any:
        length = b""
        while (byte := self._file.read(1)) != b":":
            length += byte
        return json.loads(self._file.read(int(length)))


@contextlib.contextmanager
def firefox(profile: Path) -> Iterator[Firefox]:
    """A Firefox with a new profile in this folder."""
    assert FIREFOX is not None
    profile.mkdir()
    (profile / "user.js").write_text('user_pref("marionette.port", 0);\n')  # a free port
    command = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        file, deadline = profile / "MarionetteActivePort", time.monotonic() + _START
        while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", int(file.read_text())), timeout=_START) as connection:
            yield Firefox(connection)
    finally:
        process.terminate()
        process.wait(_START)
