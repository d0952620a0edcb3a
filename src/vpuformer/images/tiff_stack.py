"""TIFF files of many pages: their number, and the range of values that they share."""

import math
import struct
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from vpuformer.errors import ImageError, InputError
from vpuformer.images.addresses import Address
from vpuformer.images.loading import TIFF_STARTS, load
from vpuformer.images.ranges import display_range
from vpuformer.images.tiff import full_pages

_PAGES, _VALUES = 8, 250_000
"""Pages, and values of each, that the range of a stack is taken from."""


def count_pages(file: Path) -> int:
    """Number of pages, without smaller copies and masks; 1 for a file that is broken.

    Raises:
        ImageError: they are too many.
    """
    if not has_second_page(file):
        return 1
    try:
        with tifffile.TiffFile(file) as tiff:
            return len(full_pages(tiff))
    except InputError:
        raise
    except Exception:  # opening the first page raises what is to be said
        return 1


def has_second_page(file: Path) -> bool:
    """Whether the first directory of a TIFF points to another; fast, for folders of many.

    False for a file that is broken, or no TIFF.
    """
    try:
        with file.open("rb") as content:
            start = content.read(16)
            if start[:4] not in TIFF_STARTS:
                return False
            order = "<" if start[:2] == b"II" else ">"
            counted, pointer, entry = ("Q", "Q", 20) if start[:4] in TIFF_STARTS[2:] else ("H", "I", 12)
            (at,) = struct.unpack_from(order + pointer, start, 8 if pointer == "Q" else 4)
            content.seek(at)
            (entries,) = struct.unpack(order + counted, content.read(struct.calcsize(counted)))
            content.seek(entries * entry, 1)
            (following,) = struct.unpack(order + pointer, content.read(struct.calcsize(pointer)))
    except (struct.error, OSError, OverflowError, ValueError):
        return False
    return following != 0


def range_of_stack(address: Address) -> tuple[float, float] | None:
    """The range of all pages, or of those of the same channel; None for a single page."""
    state = address.file.stat()
    channels = _channels(address.file, state.st_mtime_ns, state.st_size)
    if len(channels) < 2:
        return None
    alike = np.flatnonzero(channels == channels[address.number or 0])
    return _range(address.file, tuple(alike.tolist()), state.st_mtime_ns, state.st_size)


@lru_cache(16)
def _channels(file: Path, _time: int, _size: int) -> npt.NDArray[np.intp]:
    """The channel of each page, as OME-TIFF and ImageJ say; else 0 for all."""
    count = count_pages(file)
    same = np.zeros(count, np.intp)
    try:
        with tifffile.TiffFile(file) as tiff:
            if count == 1 or not (tiff.is_ome or tiff.is_imagej):  # the series of others takes seconds to find
                return same
            series = tiff.series[0]
            planes, axes = series.shape[: len(series.axes.rstrip("YXS"))], series.axes.rstrip("YXS")
    except Exception:  # a description that is broken is none
        return same
    if "C" not in axes or math.prod(planes) != count:
        return same
    return np.unravel_index(np.arange(count), planes)[axes.index("C")]


@lru_cache(64)
def _range(file: Path, pages: tuple[int, ...], _time: int, _size: int) -> tuple[float, float] | None:
    chosen = np.unique(np.linspace(0, len(pages) - 1, _PAGES).round().astype(int))
    samples = []
    for number in chosen:
        try:
            values = np.asarray(load(Address(file, "page", pages[number]).path))
        except ImageError:  # others are shown all the same
            continue
        if values.ndim == 3:
            values = values[:, :, : 1 if values.shape[2] == 2 else 3]  # without alpha
        samples.append(values.ravel()[:: max(1, values.size // _VALUES)].copy())  # a view would keep the page
    return display_range(np.concatenate(samples)) if samples else None
