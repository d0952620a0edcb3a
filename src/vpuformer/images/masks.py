"""Masks: read from files, and checked where they arrive as arrays."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.errors import MaskError
from vpuformer.images.loading import DEEP_MODES, load

FloatMask = npt.NDArray[np.float32]
Size = tuple[int, int]

_TOLERANCE = 1e-3
"""How far a probability may lie outside 0..1: what resampling and half precision leave behind."""


_LARGEST_WHOLE = 2**53
"""Up to here a float of 64 bits holds every whole number."""


def read_mask(path: str | os.PathLike[str], size: Size | None = None) -> FloatMask:
    """A mask from a file, as float32 of shape (H, W) in 0..1.

    * **Palette and 1 bit**: every label but 0 is object.
    * **Grey of 8 or 16 bits**: divided by 255 or 65535, so that a probability map stays one; a file whose largest
      value is 1 holds 0 and 1 and is taken as it is.
    * **Floating point** (TIFF): 0..1.
    * **Colour**: as grey where the three channels agree; where they do not, the colours are labels, and every pixel
      that is not black is object. Alpha is not looked at.

    Args:
        path: a PNG, TIFF, BMP or another file that `read_image` can read.
        size: (height, width) of the picture that the mask belongs to, if it is to be checked.

    Raises:
        MaskError: the file is missing, broken or no picture; the mask is not of `size`; a value is not within 0..1.
    """
    mask = _fraction(_stored(Path(path)), f"the mask {path}")
    if size is not None:
        _check_size(mask.shape, size, f"the mask {path}")
    return mask


def read_labels(path: str | os.PathLike[str], size: Size | None = None) -> npt.NDArray[np.integer]:
    """A map of labels from a file, integers of shape (H, W), values as they are stored.

    A label is the index of a palette, the value of a grey pixel, 0 or 1 of a file of 1 bit, or the first channel of a
    colour. Values may be negative or of any size, and floats that are whole numbers: nothing is cut or wrapped.

    Raises:
        MaskError: the file is missing, broken or no picture, holds a value that is no whole number, or is not of
            `size`.
    """
    labels = _stored(Path(path))
    labels = labels[:, :, 0] if labels.ndim == 3 else labels
    if size is not None:
        _check_size(labels.shape, size, f"the label map {path}")
    return _whole(labels, str(path))


def _whole(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.integer]:
    """Labels as integers that hold every value."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if np.issubdtype(values.dtype, np.integer):
        return values
    if not np.issubdtype(values.dtype, np.floating):
        raise MaskError(f"{name} holds values of type {values.dtype}; labels are integers")
    odd = values[~((np.abs(values) <= _LARGEST_WHOLE) & (values == np.rint(values)))]
    if odd.size:
        raise MaskError(
            f"{name} holds the value {odd.flat[0]:g} at {odd.size:,} of {values.size:,} pixels; labels are whole"
            " numbers: write the map with integers"
        )
    return values.astype(np.int64)


def check_mask(array: npt.ArrayLike, size: Size) -> FloatMask:
    """A mask that somebody hands over as an array, as float32 of shape (H, W) in 0..1.

    >>> check_mask(np.array([[0, 255]], dtype=np.uint8), size=(1, 2)).tolist()
    [[0.0, 1.0]]

    Args:
        array: shape (H, W); bool, integers that are 0 and 1 or 0 and 255, or floats in 0..1.
        size: (height, width) of the picture that the mask belongs to.

    Raises:
        MaskError: the shape is not `size`, or a value is none of these or not a number.
    """
    mask = np.asarray(array)
    _check_size(mask.shape, size, "the mask")
    if mask.dtype == np.bool_:
        return mask.astype(np.float32)
    if np.issubdtype(mask.dtype, np.integer):
        highest = int(mask.max())
        if highest not in (0, 1, 255) or not np.isin(mask, (0, highest)).all():
            raise MaskError(
                f"the mask holds integers from {mask.min()} to {highest}, wanted 0 and 1 or 0 and 255; choose one label"
                " (labels == 3), or divide by 255 if these are probabilities"
            )
        return (mask > 0).astype(np.float32)
    if np.issubdtype(mask.dtype, np.floating):
        return _within_unit(mask, "the mask")
    raise MaskError(f"the mask is of type {mask.dtype}; a mask is of bool, 0 and 1, 0 and 255, or floats in 0..1")


def _stored(path: Path) -> npt.NDArray[Any]:
    """What is in the file, (H, W) or (H, W, 3): bool where it has 1 bit or labels of one, indices of a palette."""
    stored = load(path, "mask")
    if isinstance(stored, Image.Image):
        if stored.mode == "P":
            return np.asarray(stored).astype(np.int32)
        if stored.mode == "LA":
            return np.asarray(stored)[:, :, 0]
        if stored.mode in ("1", "L", *DEEP_MODES):
            return np.asarray(stored)
        return np.asarray(stored.convert("RGB"))
    if stored.ndim == 3 and stored.shape[2] <= 2:
        return stored[:, :, 0]
    return stored[:, :, :3] if stored.ndim == 3 else stored


def _fraction(values: npt.NDArray[Any], name: str) -> FloatMask:
    if values.ndim == 3:
        alike = np.array_equal(values, np.broadcast_to(values[:, :, :1], values.shape))
        values = values[:, :, 0] if alike else np.any(values > 0, axis=2)
    if np.issubdtype(values.dtype, np.floating):
        return _within_unit(values, name)
    if values.dtype in (np.uint8, np.uint16) and values.max() > 1:
        return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    return (values > 0).astype(np.float32)


def _within_unit(values: npt.NDArray[Any], name: str) -> FloatMask:
    low, high = float(values.min()), float(values.max())
    # Written so that NaN, which is below and above nothing, fails.
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
        raise MaskError(
            f"{name} holds floats from {low:g} to {high:g}, wanted probabilities in 0..1;"
            " pass logits through a sigmoid and replace what is not a number"
        )
    floats = values.astype(np.float32)
    return floats.clip(0, 1) if low < 0 or high > 1 else floats


def _check_size(shape: tuple[int, ...], size: Size, name: str) -> None:
    if 0 in shape or shape != tuple(size):
        came = f"{shape[1]} pixels wide and {shape[0]} high" if len(shape) == 2 else f"an array of shape {shape}"
        raise MaskError(
            f"{name} is {came}, its picture {size[1]} wide and {size[0]} high; give a mask of the very same size"
        )
