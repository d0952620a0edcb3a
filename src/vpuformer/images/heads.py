"""Facts about an image file from its head, without decoding it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from PIL import Image

from vpuformer.extras import missing
from vpuformer.images.addresses import Address
from vpuformer.images.loading import (
    DEEP_MODES,
    check_single,
    formats,
    kind_of,
    opened,
    opened_by_pillow,
    orientation_of,
    volume_reader,
)

if TYPE_CHECKING:
    from vpuformer.images.tiff import TiffHead


MEDICAL_ENDINGS = frozenset({".dcm", ".dicom", ".ima", ".nii", ".nii.gz"})
"""Endings, in small letters, of files that the extra `medical` reads."""


def ending_of(name: str) -> str:
    """The ending of a file's name, in small letters; "" without one. Of two, `.nii.gz` is one.

    >>> ending_of("a.TIF"), ending_of("a.nii.gz"), ending_of("a.tar.gz"), ending_of("IM0001")
    ('.tif', '.nii.gz', '.gz', '')
    """
    _, point, last = name.lower().rpartition(".")  # much faster than pathlib
    return ".nii.gz" if last == "gz" and name.lower().endswith(".nii.gz") else point + last if point else ""


def readable_endings() -> frozenset[str]:
    """`image_endings`, with those of medical files if their extra is installed."""
    return image_endings() if missing("medical") else image_endings() | MEDICAL_ENDINGS


@cache
def image_endings() -> frozenset[str]:
    """Endings of image files that can be read, in small letters.

    >>> sorted({".png", ".JPG", ".pdf", ".tif"} & image_endings())
    ['.png', '.tif']
    """
    known = formats()  # first, since it makes Pillow look for its formats
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known)


class _Slice(NamedTuple):
    """A slice of a volume."""

    height: int
    width: int
    orientation: int = 1
    channels: int = 1
    shown: int = 1
    palette: bool = False

    def pages(self) -> int:
        """Number of images of the file that are not shown under other addresses, and this one."""
        return 1


@contextmanager
def _head(path: Path) -> "Iterator[TiffHead | Image.Image | _Slice]":
    """A file opened by the library that reads its format."""
    address = Address.of(path)
    with opened(address.file, "image") as file:
        kind = kind_of(file)
        if kind in ("dicom", "nifti"):
            yield _Slice(*volume_reader(kind).size_of(address))
        elif kind == "tiff":
            from vpuformer.images.tiff import opened_by_tifffile  # only now: other files need no tifffile

            with opened_by_tifffile(file, address, "image") as tiff:
                yield tiff
        else:
            check_single(address)
            with opened_by_pillow(file, address.file, "image") as image:
                yield image


def upright_size_of(path: Path) -> tuple[tuple[int, int], int]:
    """(height, width) of an upright image or a slice, and its EXIF orientation, 1 to 8.

    Raises:
        ImageError: as in `load`, but a file that is cut short may pass.
    """
    with _head(path) as head:
        if isinstance(head, Image.Image):
            (width, height), turn = head.size, orientation_of(head)
        else:
            height, width, turn = head.height, head.width, head.orientation
    return ((width, height) if turn >= 5 else (height, width)), turn


@dataclass(frozen=True, slots=True)
class Contents:
    """Content of a file, and the part that is shown: the first frame, and its colour channels."""

    frames: int
    """Images: frames of an animation, pages of a TIFF. Smaller copies and masks of the first page are not counted,
    and neither are the views and maps that cameras put behind a photograph (MPO). 1 for the address of a slice."""
    channels: int
    shown: int
    """Number of channels of grey, colour and alpha."""
    turned: bool
    """Whether it is stored turned or mirrored, and its EXIF orientation says how it is to be seen."""
    reduced: str = ""
    """How a smaller copy that is shown for the image is called; "" for the image itself."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """What of the file is not looked at, one short remark each."""
        remarks = [self.reduced] * bool(self.reduced)
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
        frames = 1 if Address.of(path).axis else head.pages()
        reduced = "" if isinstance(head, _Slice) or head.level is None else _reduced(head)
        return Contents(frames, head.channels, head.shown, head.orientation != 1, reduced)


def _reduced(head: "TiffHead") -> str:
    assert head.level is not None
    level, width, height = head.level
    return f"a smaller copy in the file, level {level}: {head.width}x{head.height} of {width}x{height} pixels"


def colours_of(path: Path) -> Literal["grey", "palette", "colours"]:
    """The kind of pixels in a file, from its head: grey, palette indices, or colours.

    Raises:
        ImageError: as in `contents_of`.
    """
    with _head(path) as head:
        if isinstance(head, Image.Image):
            palette, grey = head.mode in ("P", "PA"), head.mode in ("1", "L", "LA", *DEEP_MODES)
        else:
            palette, grey = head.palette, head.shown <= 2
    return "palette" if palette else "grey" if grey else "colours"


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # broken behind the first image, which is the one that counts
        return 1
