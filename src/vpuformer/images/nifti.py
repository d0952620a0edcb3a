"""NIfTI volumes: one slice of them as an image. Needs the extra `medical`.

Only the slice is read from a file that is not compressed. A compressed one is unpacked once, into a temporary file
without a name, and the last few of them stay open.
"""

import gzip
import logging
import math
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from vpuformer.errors import ImageError, InputError
from vpuformer.extras import require
from vpuformer.files import DISK_IS_FULL
from vpuformer.images.addresses import Address, Axis
from vpuformer.images.loading import Loaded, What, check_pixels, error_for, undecodable
from vpuformer.images.planes import Planes, planes_of, spacings, taken_along

_GZIP = b"\x1f\x8b"
_HEAD = 544
"""Bytes of the longer of the two heads, with the flag of extensions."""
_BLOCK = 1 << 22
_OPEN = 2
"""Volumes that stay open: a compressed one takes as much of the disk as its values."""
_PLANES, _VALUES = 16, 1_000_000
"""Planes and values from which the range of a volume is taken."""
_PERCENTILES = 0.5, 99.5

_opening = threading.Lock()

# nibabel's remarks on a header that it mends. Without a handler, Python would print them.
_quiet = logging.Logger("nibabel.header")
_quiet.addHandler(logging.NullHandler())


def _start(file: IO[bytes]) -> bytes:
    start = file.read(_HEAD)
    if start.startswith(_GZIP):
        file.seek(0)
        try:
            return gzip.GzipFile(fileobj=file).read(_HEAD)
        except (OSError, EOFError):
            return b""
    return start


def read_header(file: Path) -> Any:
    """nibabel's header of a NIfTI file, without its extensions.

    Raises:
        ImageError: it describes no volume.
    """
    import nibabel

    with file.open("rb") as opened:
        start = _start(opened)
    kind: Any = nibabel.Nifti2Header if start[4:8] == b"n+2\0" else nibabel.Nifti1Header
    header = kind(start[: kind.template_dtype.itemsize], check=False)
    header.check_fix(logger=_quiet)
    shape = header.get_data_shape()
    if len(shape) < 2 or min(shape) < 1:
        raise ImageError(f"{file} has the shape {shape}; a volume has at least one voxel")
    return header


class Nifti:
    """A volume: the geometry in its header, and its values once they are opened.

    Attributes:
        header: nibabel's.
        shape: (I, J, K) of the first volume of the file.
        volumes: number of volumes in the file.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.header = file, read_header(file)
        self._all = tuple(map(int, self.header.get_data_shape()))
        self.shape = (*self._all, 1)[:3]
        self.volumes = math.prod(self._all[3:])
        self._values: Any = None

    def open(self) -> "Nifti":
        """Open the values, so that `plane` can be called. It returns itself.

        Raises:
            ImageError: the file is cut short, or the disk has no room to unpack it.
            OSError, EOFError, zlib.error: it is a gzip file that is broken.
        """
        from nibabel.arrayproxy import ArrayProxy

        kind, offset = self.header.get_data_dtype(), int(self.header.get_data_offset())
        needed = offset + kind.itemsize * math.prod(self._all)
        with self.file.open("rb") as content:
            packed = content.read(2) == _GZIP
            content.seek(0)
            source = _unpacked(content, self.file, needed) if packed else str(self.file)
            length = _length(content if isinstance(source, str) else source)
        if not isinstance(source, str):
            weakref.finalize(self, source.close)
        if length < needed:
            raise ImageError(f"{self.file} is cut short: it has {length:,} of {needed:,} bytes; copy it again")
        slope, inter = self.header.get_slope_inter()  # None for a slope of 0, which means no scaling
        scaling = (1.0, 0.0) if slope is None else (slope, inter)
        self._values = ArrayProxy(source, (self._all, kind, offset, *scaling), mmap=False)
        return self

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """(4, 4), from indices to millimetres in RAS."""
        return self.header.get_best_affine()

    def axis(self) -> Axis:
        """The direction along which the slices are counted if nothing else is wanted."""
        return taken_along(self.affine, self.shape)

    def count(self, axis: Axis) -> int:
        """Number of slices along a direction."""
        return self.shape[planes_of(self.affine, axis).along]

    def plane(self, planes: Planes, number: int, time: int = 0) -> npt.NDArray[Any]:
        """Plane `number` of volume `time`: two axes of the array in their order.

        Raises:
            ValueError: the values are neither numbers nor colours.
        """
        later = np.unravel_index(time, self._all[3:] or (1,), order="F")
        wanted = (*planes.at(number), *map(int, later))[: len(self._all)]
        values = np.asarray(self._values[wanted])
        if values.ndim == 1:
            values = values[:, None]  # across an image of two axes
        if values.dtype.names is not None:
            return np.stack([values[name] for name in values.dtype.names], axis=-1)
        if values.dtype.kind not in "uif":
            raise ValueError(f"its values are of the type {values.dtype}")
        return values.astype(np.float64) if values.dtype.itemsize > 8 else values

    @cached_property
    def range(self) -> tuple[float, float] | None:
        """The values shown as black and as white in all slices, also of later volumes.

        Of the first volume, they are the percentiles .5 of all values, and 99.5 of those that are not 0. None if no
        value of it is finite, or all are the same.
        """
        numbers = np.unique(np.linspace(0, self.shape[2] - 1, _PLANES).round().astype(int))
        step = max(1, self.shape[0] * self.shape[1] * len(numbers) // _VALUES)
        planes = Planes(2, False, (False, False))
        sample = np.concatenate([self.plane(planes, int(number)).ravel()[::step].copy() for number in numbers])
        sample = sample[np.isfinite(sample)].astype(np.float64)
        if not sample.size or sample.min() == sample.max():
            return None
        low = float(np.percentile(sample, _PERCENTILES[0]))
        high = float(np.percentile(sample[sample != 0], _PERCENTILES[1]))
        return (low, high) if low < high else (float(sample.min()), float(sample.max()))


def _length(content: IO[bytes]) -> int:
    return content.seek(0, 2)


def _no_room_for(file: Path) -> str:
    return f"{file} is unpacked in {tempfile.gettempdir()}, which has no room for it; unpack the file yourself"


def _unpacked(packed: IO[bytes], file: Path, most: int) -> IO[bytes]:
    """The first bytes in a gzip file, in a temporary one, which the system removes when it is closed.

    Raises:
        ImageError: the disk has no room for it.
    """
    left = most
    if shutil.disk_usage(tempfile.gettempdir()).free < most + _BLOCK:
        raise ImageError(_no_room_for(file))
    with ExitStack() as on_failure:
        target = on_failure.enter_context(tempfile.TemporaryFile())
        source = gzip.GzipFile(fileobj=packed)
        while block := source.read(min(_BLOCK, left)):
            target.write(block)
            left -= len(block)
        source.read(1)  # at the end of the file, this compares its checksum
        target.flush()
        on_failure.pop_all()
        return cast(IO[bytes], target)


@lru_cache(_OPEN)
def _kept(file: Path, _time: int, _size: int) -> Nifti:
    return Nifti(file).open()


@contextmanager
def _errors(file: Path, what: What) -> Iterator[None]:
    """Failures of nibabel as one sentence."""
    try:
        yield
    except InputError as error:
        raise error_for(what)(str(error)) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
            raise error_for(what)(_no_room_for(file)) from error
        raise undecodable(str(file), what, error) from error


def opened_volume(file: Path, what: What = "image") -> Nifti:
    """The volume in a file, which stays open for a while.

    Raises:
        ImageError: it is broken, cut short or too large (MaskError for a mask).
    """
    require("medical", f"reading {file.name}")
    with _errors(file, what), _opening:
        state = file.stat()
        return _kept(file, state.st_mtime_ns, state.st_size)


def count_slices(file: Path) -> tuple[Axis, int]:
    """The direction in which the slices of a volume are counted, and their number.

    Raises:
        ImageError: it is broken.
    """
    require("medical", f"reading {file.name}")
    with _errors(file, "image"):
        volume = Nifti(file)
        return volume.axis(), volume.count(volume.axis())


def size_of(address: Address) -> tuple[int, int]:
    """(H, W) of a slice, from the head of its file.

    Raises:
        ImageError: as in `load_slice`.
    """
    require("medical", f"reading {address.file.name}")
    with _errors(address.file, "image"):
        volume = Nifti(address.file)
        planes, _ = _chosen(volume, address)
        return planes.size(volume.shape)


def load_slice(address: Address, what: What = "image") -> Loaded:
    """A slice of the volume that the address names; by default of the first one in the file.

    Raises:
        ImageError: the file is broken, or the volume or slice is not in it (MaskError for a mask).
    """
    file = address.file
    with _errors(file, what):
        check_pixels(*size_of(address), str(file), what)  # before it is unpacked
    volume = opened_volume(file, what)
    with _errors(file, what):
        planes, number = _chosen(volume, address)
        values = planes.image(volume.plane(planes, number, address.time or 0))
        remarks = [] if volume.volumes == 1 else [_which_volume(address, volume.volumes)]
        rows, columns = _spacing(volume, planes)
        if max(rows, columns) > 1.01 * min(rows, columns):
            remarks.append(f"pixels are {columns:.3g} wide and {rows:.3g} high, shown as squares")
        if what == "mask" or values.ndim == 3:
            return Loaded(values, remarks=tuple(remarks))
        if address.window is not None:
            return Loaded(values, address.window.range, f"window {address.window}", tuple(remarks))
        return Loaded(values, volume.range, "percentiles of the volume", tuple(remarks))


def _which_volume(address: Address, volumes: int) -> str:
    if address.time is not None:
        return f"volume {address.time} of {volumes}, counted from 0"
    return f"the first of {volumes} volumes; the next is {address._replace(time=1, window=None).path.name}"


def _spacing(volume: Nifti, planes: Planes) -> tuple[float, float]:
    first, second = (step for axis, step in enumerate(spacings(volume.affine)) if axis != planes.along)
    return (second, first) if planes.transposed else (first, second)


def _chosen(volume: Nifti, address: Address) -> tuple[Planes, int]:
    axis = address.axis or volume.axis()
    if axis not in ("x", "y", "z"):
        raise ImageError(f"{address.file} is a volume without {axis}s; its slices are counted along x, y or z")
    if (address.time or 0) >= volume.volumes:
        held = "one volume" if volume.volumes == 1 else f"the volumes 0 to {volume.volumes - 1}"
        raise ImageError(f"{address.file} has no volume {address.time}; it holds {held}")
    number = volume.count(axis)
    return planes_of(volume.affine, axis), chosen_slice(address, axis, number)


def chosen_slice(address: Address, axis: Axis, number: int) -> int:
    """The index of the slice that is wanted, of so many.

    Raises:
        ImageError: it is not in the file, or none was chosen where there are several.
    """
    if address.number is None and number > 1:
        example = address._replace(axis=axis, number=number // 2).path
        raise ImageError(f"{address.file} holds {number} slices; choose one, such as {example}")
    index = address.number or 0
    if index >= number:
        raise ImageError(f"{address.file} has no slice {axis} {index}; its slices are 0 to {number - 1}")
    return index
