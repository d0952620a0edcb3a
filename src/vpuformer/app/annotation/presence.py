"""The people who have the page open, and their images.

Kept in memory: a server knows the windows that it serves.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

MAX_WINDOWS = 1000
"""Maximum number of windows that are known; further ones are not shown to others."""


class Person(NamedTuple):
    """Whoever sends a request.

    Attributes:
        browser: random id of the browser; empty for a program.
        name: as the person gave it.
    """

    browser: str = ""
    name: str | None = None


class Here(NamedTuple):
    """A person who has the page open, and the id of the image that is open there."""

    name: str | None
    image: int | None


class _Window(NamedTuple):
    person: Person
    image: int | None
    until: float


class Presence:
    """The open windows. Safe to use from many threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def note(self, window: str, person: Person, image: int | None, seconds: float) -> None:
        """Note that a window is open, and will be for these seconds.

        Args:
            window: its random id.
            image: that is open in it; None for the same as before.
        """
        until = self._now() + seconds
        with self._lock:
            former = self._windows.get(window)
            if former is not None:
                image, until = image or former.image, max(until, former.until)
            elif len(self._windows) >= MAX_WINDOWS:
                return
            self._windows[window] = _Window(person, image, until)

    def others(self, window: str) -> list[Here]:
        """Return who else is here.

        Windows of the same browser are the same person's, and so are those with the same name.
        """
        now = self._now()
        with self._lock:
            self._windows = {key: each for key, each in self._windows.items() if each.until > now}
            own = self._windows[window].person if window in self._windows else Person()
            present = {
                Here(each.person.name, each.image)
                for key, each in self._windows.items()
                if key != window and not _are_one(each.person, own)
            }
        return sorted(present, key=lambda here: (here.name is None, here.name or "", here.image or 0))


def _are_one(person: Person, other: Person) -> bool:
    if person.browser and person.browser == other.browser:
        return True
    return person.name is not None and person.name == other.name
