"""Any honest image, from a file, from Pillow or from an array, as 8-bit RGB."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import RGB, row_strips
from vpuformer.errors import ImageError
from vpuformer.images.heads import upright_size_of
from vpuformer.images.loading import DEEP_MODES, Loaded, check_pixels, load_upright
from vpuformer.images.ranges import display_range
from vpuformer.images.volumes import load_shown

Shown = tuple[float, float] | None
"""The values shown as black and as white; None for `display_range`."""

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def read_image(source: str | os.PathLike[str] | Image.Image | npt.NDArray[Any]) -> RGB:
    """An image as uint8 RGB of shape (H, W, 3), upright, whatever it comes as.

    * **Orientation**: turned and mirrored as EXIF says, also where `source` is a Pillow image. An array is taken as
      it is.
    * **Several images in one file**: the first one of an animation or of pages. A path that ends in `@z012`,
      `@page003` or `@frame005` is that slice, page or frame (`vpuformer.images.slice_path`). All slices are shown in
      one range of values; a DICOM file says in which.
    * **Grey** is repeated; a **palette**, **CMYK** and YCbCr become RGB; a colour profile is not applied.
    * **Alpha** is dropped and the colours are taken as they are stored, also under transparent pixels.
    * **bool** and 1 bit: 0 and 255. **uint8**: as it is.
    * **Other integers** (16-bit microscopy, tomography, depth): linearly from the smallest to the largest value of
      the image, all channels together, alpha apart, to 0..255. Single extremes, such as hot pixels, are left out of
      that range (`vpuformer.images.ranges.display_range`).
    * **Floating point**: 0..1 to 0..255; an image with values outside 0..1 from its smallest to its largest value,
      as integers are. An image of one value only that is not within 0..1, or of wide integers, is black.
    * **Pixels without data** in a file of more than 8 bits, which are NaN or have the value that GDAL's tag names:
      black.

    The result may share its memory with `source` where that is an array of uint8.

    >>> read_image(np.array([[0.0, 0.5, 1.0]]))[0, :, 0].tolist()
    [0, 128, 255]
    >>> read_image(np.array([[1000, 2000, 3000]], dtype=np.uint16))[0, :, 0].tolist()
    [0, 128, 255]

    Args:
        source: the path of a file; a Pillow image in any mode; or an array (H, W), (H, W, 1), (H, W, 2) of grey and
            alpha, (H, W, 3) of RGB or (H, W, 4) of RGB and alpha.

    Raises:
        ImageError: the file is missing, a folder, empty, cut short or no image; it has more than `MAX_PIXELS`
            pixels or no value that is finite; the array has another shape, no pixel, a type that is not a number, or a
            value that is not finite.
    """
    if isinstance(source, Image.Image):
        return _from_pillow(load_upright(source, "the image"), "the image")
    if isinstance(source, np.ndarray):
        if source.dtype.kind == "f" and not np.isfinite(source).all():
            raise ImageError(
                "the array has values that are not finite (NaN or infinite); replace them, for example by 0"
            )
        return _from_array(source, "the array")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return to_rgb(load_shown(path), str(path))
    raise ImageError(
        f"an image is the path of a file, a Pillow image or a NumPy array, got {type(source).__name__};"
        " convert it, for example with numpy.asarray(image)"
    )


def to_rgb(loaded: Loaded, name: str) -> RGB:
    """What `read_image` makes of what `load_shown` found in a file; `name` is for its errors."""
    stored, shown = loaded.stored, loaded.shown
    return _from_pillow(stored, name, shown) if isinstance(stored, Image.Image) else _from_array(stored, name, shown)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(height, width) that `read_image(path)` would have, from the head of the file alone.

    Raises:
        ImageError: the file is missing, no image, or larger than is read.
    """
    return upright_size_of(Path(path))[0]


def _from_pillow(image: Image.Image, name: str, shown: Shown = None) -> RGB:
    if image.mode in DEEP_MODES:
        return _from_array(np.asarray(image), name, shown)
    try:
        if image.mode in ("RGBa", "La"):  # colours multiplied by alpha
            image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))
    except Exception as error:  # a colour mode without a way to RGB
        raise ImageError(f"{name} has colours of the mode {image.mode}; convert it to RGB") from error


def _from_array(array: npt.NDArray[Any], name: str, shown: Shown = None) -> RGB:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        hint = "; move the channels to the end" if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ""
        raise ImageError(
            f"{name} has the shape {array.shape}; an image is (height, width) or (height, width, channels)"
            f" with 1 to 4 channels{hint}"
        )
    if array.shape[0] < 1 or array.shape[1] < 1:
        check_pixels(array.shape[0], array.shape[1], name)
    colours = array[:, :, None] if array.ndim == 2 else array
    colours = colours[:, :, :1] if colours.shape[2] < 3 else colours[:, :, :3]
    eight_bits = _to_eight_bits(colours, name, shown)
    if eight_bits.shape[2] == 1:
        return np.repeat(eight_bits, 3, axis=2)
    return np.ascontiguousarray(eight_bits)


def _to_eight_bits(values: npt.NDArray[Any], name: str, shown: Shown) -> RGB:
    if values.dtype == np.uint8 and (shown is None or values.shape[2] == 3):
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(values.dtype, np.integer) and not np.issubdtype(values.dtype, np.floating):
        raise ImageError(f"{name} is of type {values.dtype}; an image is of bool, integers or floats")
    shown = display_range(values) if shown is None else shown
    if shown is None:
        raise ImageError(f"{name} has no value that is finite, or marked as data; give an image with some")
    low, high = shown
    scale = 255 / (high - low) if high > low else 0.0
    if values.dtype == np.uint16:
        # A table: as fast as a copy, and no floating-point image of twelve times the memory.
        table = (np.arange(65536) - low) * scale + 0.5
        return table.clip(0, 255).astype(np.uint8)[values]
    wide = values.dtype.itemsize > 2 and values.dtype != np.float32
    kind = np.float64 if wide or scale > _LARGEST_FLOAT32 else np.float32
    result = np.empty(values.shape, np.uint8)
    for rows in row_strips((values.shape[0], values.shape[1])):  # in strips, since floats take many times the memory
        within = np.nan_to_num(values[rows].astype(kind), copy=False, nan=low).clip(low, high)
        above = within - low
        stretched = above * scale if math.isfinite(scale) else above / (high - low) * 255  # a range next to nothing
        result[rows] = stretched + 0.5
    return result
