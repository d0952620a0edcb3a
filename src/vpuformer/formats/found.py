"""What a reader finds in files: images by their names, and the objects of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vpuformer.arrays import BoolMask, Size
from vpuformer.errors import MaskError
from vpuformer.formats.attributes import NO_VALUES, Attribute, Values
from vpuformer.prompts import Box

LabelAndMask = tuple[str | None, BoolMask]
"""An object that was read: its label or None, and its mask, bool of shape (H, W)."""

AddNote = Callable[[str], object]
"""A function called with a sentence about a guess."""


@dataclass(frozen=True, slots=True)
class TargetImage:
    """The image of the folder whose objects are read.

    Attributes:
        image: path within the folder of images, with forward slashes.
        size: its height and width.
        labels: all labels of the project, in their order.
        others: paths of all images of the folder, against which a guess is held.
    """

    image: str
    size: Size
    labels: Sequence[str] = ()
    others: Sequence[str] = ()


class FoundObject(NamedTuple):
    """An object of a file.

    Attributes:
        label: None if the file has none.
        shape: mask, bool of shape (H, W), or the box of an object without a mask.
        id: what the file calls the object, unique within its image; None if it has no such name.
        points: keypoints on a boxed object that are visible, x and y.
        attributes: those with a value.
    """

    label: str | None
    shape: BoolMask | Box
    id: str | None = None
    points: Sequence[tuple[float, float]] = ()
    attributes: Values = NO_VALUES


class FoundTags(NamedTuple):
    """Tags of the image."""

    tags: Sequence[str]


class LeftOut(NamedTuple):
    """Things of a file that become no object.

    Attributes:
        thing: what they are, in the singular: "crowd".
        why: the rest of the sentence.
        number: how many.
    """

    thing: str
    why: str
    number: int = 1


class Remark(NamedTuple):
    """A guess about things of a file that become objects; fields as in `LeftOut`."""

    thing: str
    why: str
    number: int = 1


class Ignored(NamedTuple):
    """Pixels of the image that are neither object nor background, bool of shape (H, W)."""

    mask: BoolMask


Found = FoundObject | FoundTags | LeftOut | Remark | Ignored

Objects = Callable[[TargetImage, AddNote], Iterator[Found]]
"""The objects of an image, decoded one by one. It raises `MaskError` for objects that are broken or do not fit."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that files have annotations of.

    Attributes:
        name: path of the image in the files; None if they do not name it.
        objects: reads its objects.
        stem: the name lacks the ending of the image.
        mask: the name is that of a mask, which may be one of several of the image; see `naming.owners`.
        folder_known: the name begins where the image does, in some folder; if not, its folder is unknown.
        alias: another name to try, if no image has the first one.
        id: number of the image, unique in the files, as those of its objects then are; None if it has none.
    """

    name: str | None
    objects: Objects
    stem: bool = False
    mask: bool = False
    folder_known: bool = True
    alias: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Annotations:
    """The images in files of one format.

    Attributes:
        called: what messages call the files.
        images: in the order of the files.
        labels: names of the classes that the files list, in their order; [] if they list none.
        attributes: those that objects of a class can have, by its name.
    """

    called: str
    images: Sequence[FoundImage]
    labels: Sequence[str] = field(default=())
    attributes: Mapping[str, Sequence[Attribute]] = field(default_factory=dict)


def check_size(said: tuple[object, object], target: TargetImage, called: str) -> None:
    """Check the height and width that a file gives for an image, each None if it gives none.

    Raises:
        MaskError: the image has another size.
    """
    if any(side not in (None, actual) for side, actual in zip(said, target.size, strict=True)):
        height, width = (int(side) if isinstance(side, float) and side.is_integer() else side for side in said)
        raise MaskError(
            f"{called} says that {target.image} is {width!r:.20}x{height!r:.20} pixels, and it is"
            f" {target.size[1]}x{target.size[0]}; give the annotations of this very image"
        )


def found_box(
    label: str | None, edges: tuple[float, float, float, float], size: Size, identity: str | None = None
) -> FoundObject | LeftOut:
    """An object with a box: x0, y0, x1, y1, pixel corners at integers, clipped to the image.

    >>> found_box("cup", (3, 5, 4, 6), (10, 10)).shape
    Box(x0=2.5, y0=4.5, x1=3.5, y1=5.5, positive=True)
    >>> found_box("cup", (3, 5, 3, 6), (10, 10))
    LeftOut(thing='box', why='without an area within its image', number=1)
    """
    x0, y0, x1, y1 = edges
    left, top, right, bottom = (
        max(min(x0, x1), 0),
        max(min(y0, y1), 0),
        min(max(x0, x1), size[1]),
        min(max(y0, y1), size[0]),
    )
    if not (left < right and top < bottom):  # written so that NaN fails
        return LeftOut("box", "without an area within its image")
    return FoundObject(label, Box(left - 0.5, top - 0.5, right - 0.5, bottom - 0.5), identity)
