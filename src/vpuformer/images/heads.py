"""Facts about an image file from its head, without decoding it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

import tifffile
from PIL import Image

from vpuformer.images.loading import (
    DEEP_MODES,
    TIFF_STARTS,
    What,
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


def size_of(path: Path, what: What = "image") -> tuple[int, int]:
    """(height, width) of the first image in a file, upright, from the head of the file.

    Raises:
        ImageError: as in `load`, but a file that is cut short may pass (MaskError for a mask).
    """
    return upright_size_of(path, what)[0]


def upright_size_of(path: Path, what: What = "image") -> tuple[tuple[int, int], int]:
    """`size_of`, and the EXIF orientation of the file, from 1 (upright) to 8."""
    with opened(path, what) as file:
        start = file.read(4)
        file.seek(0)
        if start in TIFF_STARTS:
            with opened_by_tifffile(file, path, what) as (_, head):
                height, width, turn = head.height, head.width, head.orientation
        else:
            with opened_by_pillow(file, path, what) as image:
                (width, height), turn = image.size, orientation_of(image)
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
    with opened(path, "image") as file:
        start = file.read(4)
        file.seek(0)
        if start in TIFF_STARTS:
            with opened_by_tifffile(file, path, "image") as (tiff, head):
                return Contents(_pages(tiff), head.channels, head.shown, head.orientation != 1)
        with opened_by_pillow(file, path, "image") as image:
            channels = len(image.getbands())
            return Contents(_frames(image), channels, channels, orientation_of(image) != 1)


def colours_of(path: Path) -> Literal["grey", "palette", "colours"]:
    """The kind of pixels in a file, from its head: grey, palette indices, or colours.

    Raises:
        ImageError: as in `contents_of`.
    """
    with opened(path, "image") as file:
        start = file.read(4)
        file.seek(0)
        if start in TIFF_STARTS:
            with opened_by_tifffile(file, path, "image") as (_, head):
                return "palette" if head.palette else "grey" if head.shown <= 2 else "colours"
        with opened_by_pillow(file, path, "image") as image:
            if image.mode in ("P", "PA"):
                return "palette"
            return "grey" if image.mode in ("1", "L", "LA", *DEEP_MODES) else "colours"


def frames_of(path: Path) -> int:
    """Number of images in a file, of which the first is read.

    Raises:
        ImageError: as in `contents_of`.
    """
    return contents_of(path).frames


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
