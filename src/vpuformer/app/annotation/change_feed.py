"""The latest changes of a folder, for pages that show them while they happen."""

import threading
import time
from collections import deque
from itertools import islice
from typing import NamedTuple

LENGTH = 1000
"""Number of changes that are known."""


class Change(NamedTuple):
    """A change by a window.

    Attributes:
        window: random id of the window; None for a program.
        image: that was changed; 0 for several images, None for the labels or the fine-tuning.
        object: that was changed; None for the image itself, or more than one object.
    """

    window: str | None
    image: int | None
    object: int | None


class ChangeFeed:
    """Numbered changes. Safe to use from many threads."""

    def __init__(self) -> None:
        # A number of an earlier run of the server is too small for this one.
        self._number = int(time.time() * 1000)
        self._changes: deque[Change] = deque(maxlen=LENGTH)
        self._lock = threading.Lock()

    @property
    def number(self) -> int:
        """The number of the last change."""
        return self._number

    def add(self, window: str | None, image: int | None = None, identity: int | None = None) -> None:
        """Add a change of an image, or of the object with this id on it."""
        with self._lock:
            self._number += 1
            self._changes.append(Change(window, image, identity))

    def since(self, number: int, window: str) -> tuple[int, list[Change] | None]:
        """Return the number of the last change, and the changes by other windows since.

        Those are the changes after the one with this number; None if they are no longer known.
        """
        with self._lock:
            new = self._number - number
            if not 0 <= new <= len(self._changes):
                return self._number, None
            latest = islice(self._changes, len(self._changes) - new, None)
            return self._number, [each for each in dict.fromkeys(latest) if each.window != window]
