"""How large a set is: what is there, and what ought to be there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Images and objects of a complete set; None where nobody says.

    `tolerance` is the relative difference that says nothing, for counts that are published rounded.

    >>> Counts(50, 50).agrees(50, 49), Counts(99_000, tolerance=0.05).agrees(98_500, 7)
    (False, True)
    >>> str(Counts(20))
    '20 images'
    """

    images: int | None = None
    objects: int | None = None
    tolerance: float = 0.0

    def agrees(self, images: int, objects: int) -> bool:
        """Whether a set of this size is complete, as far as is known."""
        pairs = ((self.images, images), (self.objects, objects))
        return all(told is None or abs(told - found) <= self.tolerance * told for told, found in pairs)

    def __str__(self) -> str:
        told = [(self.images, "image"), (self.objects, "object")]
        about = "about " if self.tolerance else ""
        return ", ".join(f"{about}{n:,} {what}{'s' * (n != 1)}" for n, what in told if n is not None)
