"""The size of a data set, as counted or as published."""

from dataclasses import dataclass

from vpuformer.errors import counted


@dataclass(frozen=True)
class Counts:
    """Numbers of images and objects of a complete set; None where no number is published.

    `tolerance` is the relative difference that is accepted, for counts that are published rounded.

    >>> Counts(50, 50).agrees(50, 49), Counts(99_000, tolerance=0.05).agrees(98_500, 7)
    (False, True)
    >>> str(Counts(20))
    '20 images'
    """

    images: int | None = None
    objects: int | None = None
    tolerance: float = 0.0

    def agrees(self, images: int, objects: int) -> bool:
        """Whether a set of this size is complete, as far as published numbers show."""
        pairs = ((self.images, images), (self.objects, objects))
        return all(wanted is None or abs(wanted - number) <= self.tolerance * wanted for wanted, number in pairs)

    def __str__(self) -> str:
        known = [(self.images, "image"), (self.objects, "object")]
        about = "about " if self.tolerance else ""
        return ", ".join(f"{about}{counted(number, what)}" for number, what in known if number is not None)
