"""Masks: read from files, and checked where they arrive as arrays."""

import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.errors import MaskError
from vpuformer.images.heads import contents_of
from vpuformer.images.loading import DEEP_MODES, load
from vpuformer.images.meaning import Meaning, coverage, meaning_of

_LARGEST_WHOLE = 2**53
"""Up to here a float of 64 bits holds every whole number."""


def read_meaning(path: str | os.PathLike[str], size: Size | None = None) -> Meaning:
    """Meaning of a file with a mask or label map, values as stored (`images.meaning`).

    Args:
        path: a PNG, TIFF, BMP or another file that `read_image` can read.
        size: (height, width) of the image that the mask belongs to, if it is to be checked.

    Raises:
        MaskError: the file is missing, broken, no image or not of `size`; its values are those of no mask.
    """
    values, alpha, palette = _stored(Path(path))
    if size is not None:
        _check_size(values.shape[:2], size, f"the mask {path}")
    try:
        meaning = meaning_of(values, alpha, palette=palette)
    except MaskError as error:
        raise MaskError(str(error).replace("the mask", f"the mask {path}", 1)) from error
    unseen = contents_of(Path(path)).unseen
    return replace(meaning, taken=f"{meaning.taken}, {' and '.join(unseen)}") if unseen else meaning


def read_mask(path: str | os.PathLike[str], size: Size | None = None, *, label: int | None = None) -> FloatMap:
    """A mask from a file, as float32 of shape (H, W) in 0..1.

    A binary mask is 0 and 1, probabilities are as they are, and of a map of labels `label` is the object.

    Raises:
        MaskError: as in `read_meaning`; or there are several labels and no choice.
    """
    return read_meaning(path, size).probability(f"the mask {path}", label)


def read_foreground(path: str | os.PathLike[str], size: Size | None = None) -> BoolMask:
    """Foreground of a mask, bool of shape (H, W): labels of any value, and probabilities above
    `MASK_THRESHOLD`.

    Raises:
        MaskError: as in `read_meaning`.
    """
    return read_meaning(path, size).foreground


def read_labels(path: str | os.PathLike[str], size: Size | None = None) -> npt.NDArray[np.integer]:
    """A map of labels from a file, integers of shape (H, W), values as they are stored.

    A label is the index of a palette, the value of a grey pixel, 0 or 1 of a file of 1 bit, or the first channel of a
    colour. Where all colours are the same, the labels are in the alpha channel: 1 for an object alone. Values may be
    negative or of any size, and floats that are whole numbers: nothing is cut or wrapped.

    Raises:
        MaskError: the file is missing, broken or no image, holds a value that is not a whole number, or is not of
            `size`.
    """
    labels, alpha, _ = _stored(Path(path))
    if alpha is not None and (labels == labels[:1, :1]).all():
        labels = alpha > 0 if ((alpha == 0) | (alpha == alpha.max())).all() else alpha
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
    if values.dtype.itemsize == 2:
        values = values.astype(np.float32)  # half floats end below the largest whole number
    with np.errstate(invalid="ignore"):  # of NaN that signals
        odd = values[~((np.abs(values) <= _LARGEST_WHOLE) & (values == np.rint(values)))]
    if odd.size:
        raise MaskError(
            f"{name} holds the value {odd.flat[0]:g} at {odd.size:,} of {values.size:,} pixels; labels are whole"
            " numbers: write the map with integers"
        )
    return values.astype(np.int64)


def check_mask(array: npt.ArrayLike, size: Size) -> FloatMap:
    """A mask that somebody hands over as an array, as float32 of shape (H, W) in 0..1.

    Its values mean what they mean in a file (`vpuformer.images.meaning`). A mask of every pixel is taken with a
    warning, and so is one that has values but no pixel.

    >>> check_mask(np.array([[0, 255]], dtype=np.uint8), size=(1, 2)).tolist()
    [[0.0, 1.0]]

    Args:
        array: shape (H, W); bool, integers or floats.
        size: (height, width) of the image that the mask belongs to.

    Raises:
        MaskError: the shape is not `size`, there are several labels, or a value is none of these or not a number.
    """
    mask = np.asarray(array)
    _check_size(mask.shape, size, "the mask")
    found = meaning_of(mask)
    if found.kind == "labels":
        raise MaskError(f"the mask holds {found.taken}; choose one of them, such as labels == {found.labels[0]}")
    if found.kind == "binary" and mask.any():
        warn_of_coverage(found.values, found.taken)
    return found.probability("the mask")


def warn_of_coverage(mask: BoolMask, taken: str) -> None:
    """Warn the caller of this package if a mask (H, W), read as `taken`, is empty or full."""
    remark = coverage(mask)
    if remark is not None:
        warnings.warn(f"the mask is {taken}: {remark}", UserWarning, stacklevel=_outside())


def _outside() -> int:
    """The `stacklevel` at which the code that called this package stands."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("vpuformer."):
        level, frame = level + 1, frame.f_back
    return level


def _stored(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None, bool]:
    """The values in a file, (H, W) or (H, W, 3); its alpha channel, (H, W); whether the values are palette indices."""
    stored = load(path, "mask")
    if isinstance(stored, Image.Image):
        alpha = np.asarray(stored.getchannel("A")) if "A" in stored.getbands() else None
        if stored.mode in ("P", "PA"):
            return np.asarray(stored.getchannel("P")).astype(np.int32), None, True
        if stored.mode in ("1", "L", *DEEP_MODES):
            return np.asarray(stored), None, False
        if stored.mode == "LA":
            return np.asarray(stored.getchannel("L")), alpha, False
        return np.asarray(stored.convert("RGB")), alpha, False
    if stored.ndim == 2:
        return stored, None, False
    alpha = stored[:, :, -1] if stored.shape[2] in (2, 4) else None
    return (stored[:, :, 0] if stored.shape[2] <= 2 else stored[:, :, :3]), alpha, False


def _check_size(shape: tuple[int, ...], size: Size, name: str) -> None:
    if 0 in shape or shape != tuple(size):
        came = f"{shape[1]} pixels wide and {shape[0]} high" if len(shape) == 2 else f"an array of shape {shape}"
        raise MaskError(
            f"{name} is {came}, its image {size[1]} wide and {size[0]} high; give a mask of the very same size"
        )
