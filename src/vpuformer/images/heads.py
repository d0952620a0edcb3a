"""Facts about an image file from its head, without decoding it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

import tifffile
from PIL import Image

from vpuformer.images.loading import (
    DEEP_MODES,
    TIFF_STARTS,
    TiffHead,
    formats,
    opened,
    opened_by_pillow,
    opened_by_tifffile,
    orientation_of,
)

_MOST_LOOKED_AT = 1000  # pages of a TIFF: a file of more is a stack, and each takes a tenth of a millisecond


@cache
def image_endings() -> frozenset[str]:
    """Endings of image files that can be read, in small letters.

    >>> sorted({".png", ".JPG", ".pdf", ".tif"} & image_endings())
    ['.png', '.tif']
    """
    known = formats()  # first, since it makes Pillow look for its formats
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known)


@contextmanager
def _head(path: Path) -> Iterator[tuple[tifffile.TiffFile, TiffHead] | Image.Image]:
    """A file opened by the library that reads its format."""
    with opened(path, "image") as file:
        start = file.read(4)
        file.seek(0)
        opener = opened_by_tifffile if start in TIFF_STARTS else opened_by_pillow
        with opener(file, path, "image") as head:
            yield head


def upright_size_of(path: Path) -> tuple[tuple[int, int], int]:
    """(height, width) of an upright first image, and its EXIF orientation, 1 to 8.

    Raises:
        ImageError: as in `load`, but a file that is cut short may pass.
    """
    with _head(path) as head:
        if isinstance(head, Image.Image):
            (width, height), turn = head.size, orientation_of(head)
        else:
            height, width, turn = head[1].height, head[1].width, head[1].orientation
    return ((width, height) if turn >= 5 else (height, width)), turn


@dataclass(frozen=True, slots=True)
class Contents:
    """Content of a file, and the part that is shown: the first frame, and its colour channels."""

    frames: int
    """Images: frames of an animation, pages of a TIFF. Smaller copies and masks of the first page are not counted,
    and neither are the views and maps that cameras put behind a photograph (MPO)."""
    channels: int
    shown: int
    """Number of channels of grey, colour and alpha."""
    turned: bool
    """Whether it is stored turned or mirrored, and its EXIF orientation says how it is to be seen."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """What of the file is not looked at, one short remark each."""
        remarks = []
        if self.frames > 1:
            remarks.append(f"the first of {self.frames} frames")
        if self.shown < self.channels:
            first = "the first" if self.shown == 1 else f"the first {self.shown}"
            remarks.append(f"{first} of {self.channels} channels")
        return tuple(remarks)


def contents_of(path: Path) -> Contents:
    """What is in a file, from its heads alone.

    Raises:
        ImageError: the file is missing, empty, no image, or too large.
    """
    with _head(path) as head:
        if isinstance(head, Image.Image):
            channels = len(head.getbands())
            return Contents(_frames(head), channels, channels, orientation_of(head) != 1)
        tiff, first = head
        return Contents(_pages(tiff), first.channels, first.shown, first.orientation != 1)


def colours_of(path: Path) -> Literal["grey", "palette", "colours"]:
    """The kind of pixels in a file, from its head: grey, palette indices, or colours.

    Raises:
        ImageError: as in `contents_of`.
    """
    with _head(path) as head:
        if isinstance(head, Image.Image):
            palette, grey = head.mode in ("P", "PA"), head.mode in ("1", "L", "LA", *DEEP_MODES)
        else:
            palette, grey = head[1].palette, head[1].shown <= 2
    return "palette" if palette else "grey" if grey else "colours"


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # broken behind the first image, which is the one that counts
        return 1


def _pages(tiff: tifffile.TiffFile) -> int:
    try:
        pages = len(tiff.pages)
        if pages > _MOST_LOOKED_AT:
            return pages
        counted = (cast(tifffile.TiffPage, page) for page in tiff.pages)
        return max(1, sum(not (page.is_reduced or page.is_mask) for page in counted))
    except Exception:  # as above
        return 1
