"""TIFF files, which tifffile, Pillow and OpenCV read together.

tifffile decodes depths that Pillow cuts to 8 bits or does not open: 16 bits of colour, floats, planes, BigTIFF.
"""

import logging
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from vpuformer.errors import ImageError, InputError
from vpuformer.images.addresses import Address
from vpuformer.images.loading import (
    DEEP_MODES,
    MAX_PIXELS,
    MAX_SLICES,
    ORIENTATION,
    TURNS,
    Stored,
    What,
    as_stored,
    check_pixels,
    decode_by_opencv,
    error_for,
    load_upright,
    opened_by_pillow,
    undecodable,
    upright,
    without_limit_of_pillow,
)

# What is wrong with a file is said once, in the error, and not also in a line of log on the terminal. A program that
# has set up logging still gets tifffile's lines.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class TiffHead(NamedTuple):
    """A page of an open TIFF, and what it says of itself."""

    tiff: tifffile.TiffFile
    page: tifffile.TiffPage
    number: int | None
    """Number of the page among all pages, copies and masks as well; None for a smaller copy out of that order."""
    level: tuple[int, int, int] | None
    """(level, width, height) where a smaller copy is shown: its level, and the size of the whole page."""
    height: int
    width: int
    orientation: int
    bits: int
    compressed: bool
    channels: int
    shown: int
    """Number of channels of grey, colour and alpha."""
    inverted: bool
    """Large values are dark. False for fax, which has no values but black and white."""
    palette: bool
    nodata: float | None
    """The value of pixels without data, in GDAL's tag."""

    def pages(self) -> int:
        """Number of pages, without smaller copies and masks of the first one."""
        return len(full_pages(self.tiff))


_MOST_LOOKED_AT = 1000
"""Pages that are looked at one by one: a file of more is a stack, and each takes a tenth of a millisecond."""


def full_pages(tiff: tifffile.TiffFile) -> Sequence[int]:
    """The numbers of the pages that are neither smaller copies nor masks of others.

    Of a file that is broken behind its first page, it is the first one alone.

    Raises:
        ImageError: the file has more than `MAX_SLICES` pages.
    """
    try:
        _check_chain(tiff)
        count = len(tiff.pages)
        if count > _MOST_LOOKED_AT:
            return range(count)
        pages = (cast(tifffile.TiffPage, page) for page in tiff.pages)
        return [number for number, page in enumerate(pages) if not (page.is_reduced or page.is_mask)] or [0]
    except InputError:
        raise
    except Exception:
        return [0]


def _check_chain(tiff: tifffile.TiffFile) -> None:
    """Refuse pages that point to each other in a circle, which tifffile would follow for minutes, and too many."""
    layout, file = tiff.tiff, tiff.filehandle
    at, seen = cast(tifffile.TiffPage, tiff.pages.first).offset, set[int]()
    while 0 < at < file.size:
        if at in seen:
            raise ValueError("its pages point to each other in a circle")
        if len(seen) == MAX_SLICES:
            raise ImageError(f"{file.path} holds more than {MAX_SLICES:,} pages, which are not listed; split the file")
        seen.add(at)
        file.seek(at)
        (tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
        file.seek(tags * layout.tagsize, 1)
        (at,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))


def _head_of(tiff: tifffile.TiffFile, address: Address, what: What) -> TiffHead:
    page, number, level = cast(tifffile.TiffPage, tiff.pages.first), 0, None
    if address.number or page.is_reduced or page.is_mask:
        numbers, wanted = full_pages(tiff), address.number or 0
        if wanted >= len(numbers):
            raise error_for(what)(f"{address.file} has no page {wanted}; its pages are 0 to {len(numbers) - 1}")
        number = numbers[wanted]
        page = cast(tifffile.TiffPage, tiff.pages[number])
    if what == "image" and page.imagelength * page.imagewidth > MAX_PIXELS:
        copies = _smaller_copies(tiff, page, number)
        fitting = [k for k, (copy, _) in enumerate(copies) if copy.imagelength * copy.imagewidth <= MAX_PIXELS]
        if fitting:
            level = fitting[0] + 1, int(page.imagewidth), int(page.imagelength)
            page, number = copies[fitting[0]]
    return _described(tiff, page, number, level)


def _smaller_copies(
    tiff: tifffile.TiffFile, page: tifffile.TiffPage, number: int
) -> list[tuple[tifffile.TiffPage, int | None]]:
    """The copies of a page and their numbers, the largest first: those within it, else those right behind it."""
    within = cast(Sequence[tifffile.TiffPage], page.pages or ())
    copies: list[tuple[tifffile.TiffPage, int | None]] = [(each, None) for each in within]
    if not copies:
        _check_chain(tiff)
        for following in range(number + 1, len(tiff.pages)):
            each = cast(tifffile.TiffPage, tiff.pages[following])
            if not each.is_reduced:
                break
            copies.append((each, following))
    shape = page.imagelength / page.imagewidth
    alike = [(each, at) for each, at in copies if 0.9 < each.imagelength / max(1, each.imagewidth) / shape < 1.1]
    return sorted(alike, key=lambda copy: -copy[0].imagelength)


def _described(
    tiff: tifffile.TiffFile, page: tifffile.TiffPage, number: int | None, level: tuple[int, int, int] | None
) -> TiffHead:
    bits = page.bitspersample
    orientation = page.tags.valueof(ORIENTATION, default=1)
    channels = int(page.samplesperpixel)
    has_alpha = any(extra in (1, 2) for extra in page.extrasamples)
    return TiffHead(
        tiff,
        page,
        number,
        level,
        height=int(page.imagelength),
        width=int(page.imagewidth),
        orientation=int(orientation) if orientation in TURNS else 1,
        bits=max(bits) if isinstance(bits, tuple) else int(bits),
        compressed=page.compression != tifffile.COMPRESSION.NONE,
        channels=channels,
        shown=channels
        if has_alpha or page.photometric == tifffile.PHOTOMETRIC.SEPARATED
        else _SHOWN.get(channels, channels),
        inverted=page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and page.compression not in _FAX,
        palette=page.photometric == tifffile.PHOTOMETRIC.PALETTE,
        nodata=_number_in(page.tags.valueof(_NODATA)),
    )


_FAX = (2, 3, 4)  # compressions of CCITT: white is stored as 0, whatever it was before
_NODATA = 42113
_SHOWN = {2: 1, 4: 3}


def _number_in(text: Any) -> float | None:
    try:
        return float(str(text).strip(" \0"))
    except ValueError:
        return None


@contextmanager
def opened_by_tifffile(file: BinaryIO, address: Address, what: What) -> Iterator[TiffHead]:
    """A page of a TIFF, of a size that is read, not yet decoded.

    Of an image larger than is read, it is the largest smaller copy in the file that is not.
    """
    path = address.file
    if address.axis not in (None, "page") or address.time is not None:
        raise error_for(what)(f"{path} is a TIFF file, whose slices are its pages; leave {address.suffix} out")
    try:
        tiff = tifffile.TiffFile(file)
        head = _head_of(tiff, address, what)
    except InputError:
        raise
    except Exception as error:
        raise undecodable(str(path), what, error) from error
    check_pixels(head.height, head.width, str(path), what)
    with tiff:
        yield head


def load_tiff(file: BinaryIO, address: Address, what: What) -> Stored:
    """A page of a TIFF, by default the first; see `vpuformer.images.loading.load`."""
    path = address.file
    with opened_by_tifffile(file, address, what) as head:

        def by_pillow() -> Stored:
            file.seek(0)
            # Of a TIFF, Pillow checks its own limit once more while it decodes.
            with without_limit_of_pillow(), opened_by_pillow(file, path, what, any_size=True) as image:
                if head.number is None:
                    raise ValueError("its smaller copy cannot be decoded")
                image.seek(head.number)
                found = load_upright(image, str(path), what)
            if found.mode in DEEP_MODES:
                return _as_seen(np.asarray(found), head, what)
            if what == "image" or found.mode not in ("1", "L"):
                return found
            return as_stored(found, 2**head.bits - 1 if head.bits in (2, 4) else None, inverted=head.inverted)

        def by_tifffile() -> Stored:
            stored = _pixels_of(head)
            pixels = _as_seen(stored, head, what)
            if head.inverted and what == "image":
                pixels = _inverted(pixels, stored.dtype)
            return upright(pixels, head.orientation)

        def by_opencv() -> Stored:
            file.seek(0)
            return _as_seen(decode_by_opencv(file.read()), head, what)  # has turned it already

        # Alone, tifffile has no LZW and no JPEG, OpenCV no CMYK, and Pillow no depth: the first that can, does.
        # Values as stored come from tifffile alone; Pillow's can be turned back into them.
        if head.bits > 8:
            ways = [by_tifffile, by_opencv, by_pillow]
        else:
            ways = [by_pillow, by_tifffile, by_opencv]
            if what == "mask" and not head.palette:
                ways = [by_tifffile, by_pillow, by_opencv]
        if not head.compressed or head.number != 0:
            ways.remove(by_opencv)  # has nothing to add, and reads the first page alone
        reasons: list[Exception] = []
        for way in ways:
            try:
                return way()
            except Exception as error:
                reasons.append(error)
    reason = reasons[0]
    raise reason if isinstance(reason, InputError) else undecodable(str(path), what, reason)


def _as_seen(pixels: npt.NDArray[Any], head: TiffHead, what: What) -> npt.NDArray[Any]:
    """Without channels that are neither colour nor alpha; NaN where an image of more than 8 bits has no data."""
    if pixels.ndim == 3 and head.shown < head.channels == pixels.shape[2]:
        pixels = pixels[:, :, : head.shown]
    if what == "mask" or head.nodata is None or pixels.dtype.itemsize == 1:
        return pixels
    with np.errstate(over="ignore"):  # written with fewer digits than the type has, the lowest float lies beyond it
        nodata = np.float64(head.nodata).astype(pixels.dtype) if pixels.dtype.kind == "f" else head.nodata
    missing = pixels == nodata
    if not missing.any():
        return pixels
    floats = (
        pixels if pixels.dtype.kind == "f" else pixels.astype(np.float32 if pixels.dtype.itemsize == 2 else np.float64)
    )
    return np.where(missing, floats.dtype.type(np.nan), floats)


def _inverted(pixels: npt.NDArray[Any], stored: np.dtype[Any]) -> npt.NDArray[Any]:
    """Large values for small ones. Integers that became floats, since some have no data, as the other pages do."""
    if pixels.dtype == stored and stored.kind != "f":
        return ~pixels
    return (0 if stored.kind == "f" else -1 if stored.kind == "i" else np.iinfo(stored).max) - pixels


def _pixels_of(head: TiffHead) -> npt.NDArray[Any]:
    """The pixels of the page, (H, W) or (H, W, channels), as they are stored."""
    page = head.page
    pixels = np.asarray(page.asarray())
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if page.axes not in ("YX", "YXS", "SYX") or pixels.shape[:2] != (head.height, head.width):
        raise ValueError(f"its page has the axes {page.axes} and the shape {pixels.shape}")
    if page.photometric == tifffile.PHOTOMETRIC.SEPARATED and pixels.dtype == np.uint16 and pixels.shape[-1] == 4:
        ink = np.ascontiguousarray(pixels >> 8, dtype=np.uint8)
        return np.asarray(Image.fromarray(ink, "CMYK").convert("RGB"))
    return pixels
