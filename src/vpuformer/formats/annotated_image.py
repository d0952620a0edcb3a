"""The input of an export: an image and its objects, each a mask with a label."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vpuformer.arrays import BoolMask
from vpuformer.errors import InputError, MaskError
from vpuformer.formats.attributes import Values


@dataclass(frozen=True, eq=False, slots=True)
class LabelledMask:
    """An object: a mask, bool of shape (H, W), with a label and attributes.

    Attributes:
        id: unique in the set.
    """

    mask: BoolMask
    label: str | None
    id: int
    attributes: Values = field(default_factory=dict)


Objects = Sequence[LabelledMask] | Callable[[], Iterable[LabelledMask]]


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatedImage:
    """An image of a folder, and the objects on it.

    Objects may be given as a function that yields them, so that a large set needs the memory of one mask at a time.

    >>> dot = LabelledMask(np.array([[False, True]]), "dot", id=7)
    >>> image = AnnotatedImage("a/x.jpg", width=2, height=1, objects=lambda: [dot], id=1)
    >>> [thing.label for thing in image.masks()]
    ['dot']

    Args:
        image: path within the folder of the images, with forward slashes.
        objects: from the lowest to the topmost.
        id: unique in the set.
        tags: of the image.

    Raises:
        InputError: the path leads out of its folder or is not text, or the image has no pixels.
    """

    image: str
    width: int
    height: int
    objects: Objects
    id: int
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not all(part not in ("", ".", "..") for part in self.image.split("/")):
            raise InputError(
                f"an image is named by its path within its folder, with forward slashes, got {self.image!r}"
            )
        try:
            self.image.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the name {self.image!r} is not text in UTF-8; rename the image") from error
        if self.width < 1 or self.height < 1:
            raise InputError(f"{self.image} is {self.width}x{self.height} pixels; an image has at least one")

    def masks(self) -> Iterator[LabelledMask]:
        """The objects, each checked to fit the image.

        Raises:
            MaskError: a mask is not bool or not of the size of the image.
        """
        for thing in self.objects() if callable(self.objects) else self.objects:
            if thing.mask.dtype != np.bool_ or thing.mask.shape != (self.height, self.width):
                raise MaskError(
                    f"object {thing.id} of {self.image} is {thing.mask.dtype} of shape {thing.mask.shape}; its"
                    f" mask is bool of shape {(self.height, self.width)}"
                )
            yield thing
