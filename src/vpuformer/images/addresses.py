"""Addresses of slices: paths such as `scan.nii.gz@z012` name one image of a file.

`scan.nii.gz@z012` is slice 12 of a volume, `stack.tif@page003` a page, `cine.dcm@frame005` a frame. Of a file with
several volumes it is the first, and `bold.nii.gz@time003@z012` is a slice of another. Numbers count from 0. What
follows as `@window40,400` is the window that the slice is shown in. An address is a path, and whatever reads an image
from a path reads a slice.
"""

import math
import re
from pathlib import Path
from typing import Literal, NamedTuple, cast

from vpuformer.errors import ConfigError

Axis = Literal["x", "y", "z", "page", "frame"]
"""The direction in which slices are counted.

Sagittal, coronal and axial slices of a volume, pages of a TIFF, frames of a DICOM file.
"""

AXES: tuple[Axis, ...] = ("x", "y", "z", "page", "frame")

LARGEST = 1e30
"""Bound of the centre and width of a window."""

_DIGITS = 3
_SLICE = re.compile(rf"@({'|'.join(AXES)})([0-9]{{{_DIGITS},9}})\Z")
_TIME = re.compile(rf"@time([0-9]{{{_DIGITS},9}})\Z")
_WINDOW = re.compile(r"@window(-?[0-9.e+-]{1,30},[0-9.e+-]{1,30})\Z")


class Window(NamedTuple):
    """Centre and width of the range of values that is shown from black to white."""

    center: float
    width: float

    @property
    def range(self) -> tuple[float, float]:
        """The values shown as black and as white."""
        return self.center - self.width / 2, self.center + self.width / 2

    def __str__(self) -> str:
        return f"{self.center:.15g},{self.width:.15g}"


def parse_window(text: str) -> Window:
    """The window that a text such as `40,400` names: centre, width.

    >>> parse_window("40,400").range
    (-160.0, 240.0)

    Raises:
        ConfigError: the text is not two finite numbers, or the width is not positive.
    """
    try:
        center, width = (float(word) for word in text.split(","))
    except ValueError:
        center, width = math.nan, math.nan
    if not (abs(center) < LARGEST and 1 / LARGEST < width < LARGEST):
        raise ConfigError(f"a window is CENTER,WIDTH such as 40,400, two numbers, the width above 0; got {text!r:.80}")
    return Window(center, width)


def as_window(window: tuple[float, float] | None) -> Window | None:
    """A window from its centre and width.

    >>> as_window((40, 400))
    Window(center=40.0, width=400.0)

    Raises:
        ConfigError: as in `parse_window`.
    """
    return None if window is None else parse_window(str(Window(*window)))


class Address(NamedTuple):
    """A file, its slice, window and volume; None for what the address does not name."""

    file: Path
    axis: Axis | None = None
    number: int | None = None
    window: Window | None = None
    time: int | None = None

    @classmethod
    def of(cls, path: Path) -> "Address":
        """The parts of a path.

        >>> address = Address.of(Path("a/scan.nii.gz@z012@window40,400"))
        >>> address.file.name, address.axis, address.number, address.window
        ('scan.nii.gz', 'z', 12, Window(center=40.0, width=400.0))
        >>> Address.of(Path("me@work.png"))
        Address(file=PosixPath('me@work.png'), axis=None, number=None, window=None, time=None)
        """
        name, window, axis, number, time = path.name, None, None, None, None
        if "@" not in name:
            return cls(path)
        if shown := _WINDOW.search(name):
            try:
                window = parse_window(shown[1])
            except ConfigError:  # a file may be called so
                return cls(path)
            name = name[: shown.start()]
        if part := _SLICE.search(name):
            axis, number, name = cast(Axis, part[1]), int(part[2]), name[: part.start()]
        if moment := _TIME.search(name):
            time, name = int(moment[1]), name[: moment.start()]
        # What is left has to be a name: neither nothing, nor "." or "..".
        return cls(path.with_name(name), axis, number, window, time) if name.strip(".") else cls(path)

    @property
    def path(self) -> Path:
        """The address as a path, the inverse of `of`."""
        window = "" if self.window is None else f"@window{self.window}"
        return self.file.with_name(f"{self.file.name}{self.suffix}{window}")

    @property
    def suffix(self) -> str:
        """The part that names volume and slice, such as `@time003@z012`; "" without any."""
        volume = "" if self.time is None else time_suffix(self.time)
        return volume if self.axis is None or self.number is None else volume + slice_suffix(self.axis, self.number)


def slice_suffix(axis: Axis, index: int) -> str:
    """
    >>> slice_suffix("z", 7), slice_suffix("page", 12345)
    ('@z007', '@page12345')
    """
    return f"@{axis}{index:0{_DIGITS}}"


def time_suffix(time: int) -> str:
    """
    >>> time_suffix(3)
    '@time003'
    """
    return f"@time{time:0{_DIGITS}}"


def slice_part(name: str) -> str:
    """What follows the file in the name of a slice: volume, slice and window; "" for a file.

    >>> slice_part("scan.nii.gz@z012@window40,400"), slice_part("scan.nii.gz")
    ('@z012@window40,400', '')
    """
    return name[len(Address.of(Path(name)).file.name) :] if "@" in name else ""


def without_window(name: str) -> str:
    """A path without its window, which changes how a slice is seen, and none of its pixels.

    >>> without_window("a/scan.nii.gz@z012@window40,400")
    'a/scan.nii.gz@z012'
    """
    return Address.of(Path(name))._replace(window=None).path.as_posix() if "@window" in name else name
