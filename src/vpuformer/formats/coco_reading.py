"""Masks of one image from a COCO file that may have come from anywhere."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from vpuformer.errors import MaskError, listed
from vpuformer.formats.coco_file import CocoFile
from vpuformer.formats.coco_masks import decode_mask
from vpuformer.formats.picture import BoolMask
from vpuformer.geometry import Size


def read_coco_masks(
    source: str | Path | bytes, picture: str, size: Size | None = None
) -> list[tuple[str | None, BoolMask]]:
    """`iter_coco_masks` as a list."""
    return list(iter_coco_masks(source, picture, size))


def iter_coco_masks(
    source: str | Path | bytes,
    picture: str,
    size: Size | None = None,
    *,
    on_note: Callable[[str], object] | None = None,
) -> Iterator[tuple[str | None, BoolMask]]:
    """The objects of an image: the name of their category, and a mask of bool, shape (H, W), decoded one by one.

    The image is the one of that `file_name`, else the only one whose name without folders is the same, else the only
    image of the file. Backslashes and the Unicode form of a name make no difference. Crowds (`iscrowd`), annotations
    without a segmentation and empty masks are left out, as in training.

    Args:
        source: path of a JSON file, or its content.
        picture: path within the folder of images, with forward slashes.
        size: (height, width) of the image, if it is to be checked.
        on_note: called with a sentence for a guess about the image, and, after the last mask, for what was left out.

    Raises:
        MaskError: the file is missing, no COCO file, or has nothing about this image; a mask is broken or of another
            size.
    """
    file = CocoFile(source)
    image = _find(file.file_names, picture, file.name)
    shape = file.size(image)
    if size is not None and shape != tuple(size):
        raise MaskError(
            f"{file.name} says that {picture} is {shape[1]}x{shape[0]} pixels, and it is {size[1]}x{size[0]}; give the"
            " annotations of this very image"
        )
    tell = on_note or (lambda _: None)
    if plain_name(file.file_names[image]) != plain_name(picture):
        tell(f"{file.name} has no image {picture}; these are the masks of {file.file_names[image]}")
    for found in file.objects(image):
        yield found.category, decode_mask(found.runs, shape)
    for note in file.notes:
        tell(note)


def plain_name(name: str) -> str:
    """A path as names are compared: forward slashes, composed letters, no `.` in front.

    >>> plain_name(".\\\\images\\\\a.png"), plain_name("u\\u0308.png") == plain_name("\\u00fc.png")
    ('images/a.png', True)
    """
    return unicodedata.normalize("NFC", PurePosixPath(name.replace("\\", "/")).as_posix())


def _find(file_names: Sequence[str], picture: str, name: str) -> int:
    names = [plain_name(file_name) for file_name in file_names]
    wanted = plain_name(picture)
    last = PurePosixPath(wanted).name
    same = [i for i, each in enumerate(names) if each == wanted]
    alike = [i for i, each in enumerate(names) if PurePosixPath(each).name == last]
    for found in (same, alike, range(len(names))):
        if len(found) == 1:
            return found[0]
    if not names:
        raise MaskError(f"{name} lists no image; give the annotations of {picture}")
    raise MaskError(
        f"{name} has several images ({listed(file_names)}), and none of them alone is called {picture}; rename it there"
    )
