"""TIFF files, which tifffile, Pillow and OpenCV read together.

tifffile decodes depths that Pillow cuts to 8 bits or does not open: 16 bits of colour, floats, planes, BigTIFF.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from vpuformer.errors import InputError
from vpuformer.images.loading import (
    DEEP_MODES,
    ORIENTATION,
    TURNS,
    Stored,
    What,
    as_stored,
    check_pixels,
    decode_by_opencv,
    load_upright,
    opened_by_pillow,
    undecodable,
    upright,
)

# What is wrong with a file is said once, in the error, and not also in a line of log on the terminal. A program that
# has set up logging still gets tifffile's lines.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class TiffHead(NamedTuple):
    """An open TIFF, and what its first page says of itself."""

    tiff: tifffile.TiffFile
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
        try:
            pages = len(self.tiff.pages)
            if pages > _MOST_LOOKED_AT:
                return pages
            counted = (cast(tifffile.TiffPage, page) for page in self.tiff.pages)
            return max(1, sum(not (page.is_reduced or page.is_mask) for page in counted))
        except Exception:  # broken behind the first page, which is the one that counts
            return 1


_MOST_LOOKED_AT = 1000
"""Pages that are counted one by one: a file of more is a stack, and each takes a tenth of a millisecond."""


def _head_of(tiff: tifffile.TiffFile) -> TiffHead:
    page = cast(tifffile.TiffPage, tiff.pages.first)
    bits = page.bitspersample
    orientation = page.tags.valueof(ORIENTATION, default=1)
    channels = int(page.samplesperpixel)
    has_alpha = any(extra in (1, 2) for extra in page.extrasamples)
    return TiffHead(
        tiff,
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
def opened_by_tifffile(file: BinaryIO, path: Path, what: What) -> Iterator[TiffHead]:
    """A TIFF of a size that is read, not yet decoded."""
    try:
        tiff = tifffile.TiffFile(file)
        head = _head_of(tiff)
    except Exception as error:
        raise undecodable(str(path), what, error) from error
    check_pixels(head.height, head.width, str(path), what)
    with tiff:
        yield head


def load_tiff(file: BinaryIO, path: Path, what: What) -> Stored:
    """The first page of a TIFF; see `vpuformer.images.loading.load`."""
    with opened_by_tifffile(file, path, what) as head:

        def by_pillow() -> Stored:
            file.seek(0)
            with opened_by_pillow(file, path, what) as image:
                found = load_upright(image, str(path), what)
            if found.mode in DEEP_MODES:
                return _as_seen(np.asarray(found), head, what)
            if what == "image" or found.mode not in ("1", "L"):
                return found
            return as_stored(found, 2**head.bits - 1 if head.bits in (2, 4) else None, inverted=head.inverted)

        def by_tifffile() -> Stored:
            pixels = _as_seen(_pixels_of(head), head, what)
            if head.inverted and what == "image":
                pixels = ~pixels if np.issubdtype(pixels.dtype, np.integer) or pixels.dtype == np.bool_ else -pixels
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
        if not head.compressed:
            ways.remove(by_opencv)  # has nothing to add
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


def _pixels_of(head: TiffHead) -> npt.NDArray[Any]:
    """The pixels of the first page, (H, W) or (H, W, channels), as they are stored."""
    page = cast(tifffile.TiffPage, head.tiff.pages.first)
    pixels = np.asarray(page.asarray())
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if page.axes not in ("YX", "YXS", "SYX") or pixels.shape[:2] != (head.height, head.width):
        raise ValueError(f"its first page has the axes {page.axes} and the shape {pixels.shape}")
    if page.photometric == tifffile.PHOTOMETRIC.SEPARATED and pixels.dtype == np.uint16 and pixels.shape[-1] == 4:
        ink = np.ascontiguousarray(pixels >> 8, dtype=np.uint8)
        return np.asarray(Image.fromarray(ink, "CMYK").convert("RGB"))
    return pixels
