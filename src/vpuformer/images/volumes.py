"""Files that hold many images: the slices of each, and how one is shown."""

import os
from pathlib import Path
from typing import cast

import numpy as np

from vpuformer.errors import ConfigError, ImageError
from vpuformer.images.addresses import AXES, Address, Axis, as_window, slice_suffix
from vpuformer.images.heads import ending_of, image_endings
from vpuformer.images.loading import DEEP_MODES, MAX_SLICES, Kind, Loaded, Stored, kind_of, load, opened, volume_reader


def load_shown(path: Path, *, least: int | None = None) -> Loaded:
    """An image, or the slice that an address names, and the range that it is shown in.

    All slices of a volume and all pages of a stack are shown in one range, so that they look alike.

    Args:
        least: see `vpuformer.images.loading.load`.

    Raises:
        ImageError: as in `load`.
    """
    address = Address.of(path)
    kind = _kind(address.file)
    if kind in ("dicom", "nifti"):
        return volume_reader(kind).load_slice(address)
    stored = load(path, least=least)
    if not is_deep(stored):
        return Loaded(stored)
    if address.window is not None:
        return Loaded(stored, address.window.range, f"window {address.window}")
    if kind == "tiff":
        from vpuformer.images.tiff_stack import range_of_stack

        if (shown := range_of_stack(address)) is not None:
            return Loaded(stored, shown, "range of the pages")
    return Loaded(stored)


def slice_suffixes(file: Path) -> list[str]:
    """What follows the name of a file in the addresses of its slices; [""] for one image.

    The first page of a TIFF has the name of the file. Of several volumes in a file, those of the first are listed, and
    the address of another one lists its slices.

    Raises:
        ImageError: the file is missing or broken, or holds no image.
        MissingDependencyError: the file needs the extra `medical`.
    """
    axis, count = _counted(Address.of(file).file)
    if count > MAX_SLICES:
        raise ImageError(f"{file} holds {count:,} slices, and at most {MAX_SLICES:,} are listed; split the file")
    if axis == "page":
        return ["", *(slice_suffix(axis, index) for index in range(1, count))]
    return [slice_suffix(axis, index) for index in range(count)] if count > 1 else [""]


def names_in(path: str | os.PathLike[str], name: str) -> list[str]:
    """The names of the images in a file that is called `name`.

    A file of a kind that holds one image is not opened, nor made a `Path`: large folders hold many of them.

    Raises:
        ImageError, MissingDependencyError: as in `slice_suffixes`.
    """
    ending = ending_of(os.fspath(path).rpartition(os.sep)[2])
    if ending in image_endings() and not (ending in (".tif", ".tiff") and _has_second_page(Path(path))):
        return [name]
    return [name + suffix for suffix in slice_suffixes(Path(path))]


def slices_of(path: str | os.PathLike[str]) -> list[Path]:
    """The addresses of all images in a file. Whatever reads an image reads them.

    Raises:
        ImageError, MissingDependencyError: as in `slice_suffixes`.
    """
    file = Path(path)
    return [file.with_name(file.name + suffix) for suffix in slice_suffixes(file)]


def slice_path(
    path: str | os.PathLike[str],
    index: int | None = None,
    *,
    axis: str | None = None,
    time: int | None = None,
    window: tuple[float, float] | None = None,
) -> Path:
    """The address of one image in a file, `scan.nii.gz@z012`.

    Args:
        index: of the slice, page or frame, from 0; None for a file with one image.
        axis: "x", "y" or "z" for sagittal, coronal or axial slices of a volume. By default the one along which it was
            taken, pages of a TIFF, and frames of a DICOM file.
        time: of a file with several volumes (4-D NIfTI), which one, from 0; by default the first.
        window: centre and width of the values that are shown, in the unit of the file.

    Raises:
        ConfigError: there is no such axis, it comes without an index, a number is negative, or the window is not one.
        ImageError, MissingDependencyError: as in `slice_suffixes`.
    """
    address = Address.of(Path(path))
    if axis is not None and axis not in AXES:
        raise ConfigError(f"the axis of slices is one of {', '.join(AXES)}, got {axis!r:.20}")
    if axis is not None and index is None:
        raise ConfigError(f"an axis comes with a slice; choose one along {axis}")
    for what, number in (("slices", index), ("volumes", time)):
        if number is not None and number < 0:
            raise ConfigError(f"{what} are counted from 0, got {number}")
    if time is not None:
        address = address._replace(time=time)
    if index is not None:
        address = address._replace(axis=cast(Axis, axis) if axis else _counted(address.file)[0], number=index)
    if window is not None:
        address = address._replace(window=as_window(window))
    return address.path


def _counted(file: Path) -> tuple[Axis, int]:
    """The direction in which the images of a file are counted by default, and their number."""
    kind = _kind(file)
    if kind == "nifti":
        from vpuformer.images.nifti import count_slices

        return count_slices(file)
    if kind == "dicom":
        from vpuformer.images.dicom import count_frames

        return "frame", count_frames(file)
    if kind == "tiff":
        from vpuformer.images.tiff_stack import count_pages

        return "page", count_pages(file)
    return "page", 1


def _has_second_page(file: Path) -> bool:
    from vpuformer.images.tiff_stack import has_second_page

    return has_second_page(file)


def _kind(file: Path) -> Kind | None:
    with opened(file, "image") as content:
        return kind_of(content)


def is_deep(stored: Stored) -> bool:
    """Whether an image has more than 8 bits."""
    if isinstance(stored, np.ndarray):
        return stored.dtype.itemsize > 1
    return stored.mode in DEEP_MODES
