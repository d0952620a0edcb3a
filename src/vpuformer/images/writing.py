"""Images and masks to files: the whole file or none."""

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.errors import ImageError, MaskError
from vpuformer.files import write_file

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_deflate"},
}

_LONGEST_OF_OPENCV = 1_000_000
"""Longest side in pixels that OpenCV writes as PNG."""


def write_mask(path: str | os.PathLike[str], mask: npt.NDArray[Any]) -> None:
    """Write a mask (H, W) as an 8-bit grey PNG: bool as 0 and 255, floats in 0..1 as 0..255.

    The file appears whole or not at all, also when the disk is full or the program is stopped; an older file of that
    name stays until the new one is complete.

    Raises:
        MaskError: `mask` is of another shape, type or range.
        ImageError: `path` ends otherwise, its folder is missing, or the disk does not take the file.
    """
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise ImageError(f"a mask is written as PNG, which keeps every pixel, not as {target.name!r}; end it in .png")
    _check_folder(target)
    write_file(target, grey_png(_grey(mask)), error=ImageError)


def grey_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Grey values (H, W) as a PNG of 8 bits."""
    if max(pixels.shape) > _LONGEST_OF_OPENCV:
        return _encode(Image.fromarray(pixels), "PNG")
    # In a third of Pillow's time.
    return cv2.imencode(".png", pixels)[1].tobytes()


def write_image(path: str | os.PathLike[str], rgb: npt.NDArray[np.uint8]) -> None:
    """Write an image, uint8 (H, W, 3), in the format that the ending of `path` names.

    Raises:
        ImageError: `rgb` is of another shape or type, `path` ends otherwise, its folder is missing, the format cannot
            hold an image of this size, or the disk does not take the file.
    """
    target = Path(path)
    name = _FORMATS.get(target.suffix.lower())
    if name is None:
        raise ImageError(
            f"no image format ends as {target.name!r} does; end the name in one of {', '.join(sorted(_FORMATS))}"
        )
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ImageError(
            f"an image to write is uint8 of shape (height, width, 3), got {rgb.dtype} of shape {rgb.shape};"
            " pass it through read_image first"
        )
    _check_folder(target)
    write_file(target, _encode(Image.fromarray(np.ascontiguousarray(rgb)), name), error=ImageError)


def _grey(mask: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if mask.ndim != 2 or mask.size == 0:
        raise MaskError(f"a mask to write has the shape (height, width), got {mask.shape}")
    if mask.dtype == np.bool_:
        return mask.astype(np.uint8) * np.uint8(255)
    # Written so that NaN fails.
    if np.issubdtype(mask.dtype, np.floating) and mask.min() >= 0 and mask.max() <= 1:
        return np.rint(mask.astype(np.float32) * 255).astype(np.uint8)
    raise MaskError(
        f"a mask to write is bool or floats in 0..1, got {mask.dtype} from {mask.min()} to {mask.max()};"
        " threshold it or pass it through a sigmoid"
    )


def _check_folder(target: Path) -> None:
    if target.is_dir():
        raise ImageError(f"{target} is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise ImageError(f"there is no folder {target.parent} to write {target.name} in; make it first")


def _encode(image: Image.Image, name: str) -> bytes:
    # Into memory first: what then fails on the disk is the disk, and its reason is known.
    buffer = io.BytesIO()
    try:
        image.save(buffer, format=name, **_OPTIONS.get(name, {}))
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{name} cannot hold an image of {image.width}x{image.height} pixels ({error}); write PNG instead"
        ) from error
    return buffer.getvalue()
