"""What a note of an export is about."""

from vpuformer.errors import counted, listed


class Affected:
    """The number of objects, pixels or images that a note is about, and the images concerned.

    >>> affected = Affected()
    >>> affected.add("a.png", 2)
    >>> affected.add("b.png")
    >>> affected.add("c.png", 0)
    >>> affected.note("object", "not accepted, left out")
    '3 objects not accepted, left out: a.png, b.png.'
    """

    def __init__(self) -> None:
        self.number = 0
        self._images: dict[str, None] = {}

    def __bool__(self) -> bool:
        return self.number > 0

    def add(self, image: str, number: int = 1) -> None:
        """Count some more on this image."""
        if number:
            self.number += number
            self._images[image] = None

    def of(self, thing: str) -> str:
        """The number, and what it counts."""
        return counted(self.number, thing)

    def note(self, thing: str, fact: str) -> str | None:
        """The number of things, a fact about them, and the images; None without any."""
        return f"{self.of(thing)} {fact}: {self.images}." if self else None

    @property
    def images(self) -> str:
        """The names of the first ten images and the number of others, on one line."""
        return listed(name if name.isprintable() else repr(name) for name in self._images)
