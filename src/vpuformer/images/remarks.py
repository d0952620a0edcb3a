"""Remarks on how an image is shown: what is left out, and the range of values."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.arrays import RGB
from vpuformer.errors import ImageError
from vpuformer.images.heads import contents_of
from vpuformer.images.loading import DEEP_MODES, Loaded, Stored
from vpuformer.images.ranges import display_range
from vpuformer.images.reading import to_rgb
from vpuformer.images.volumes import load_shown


def read_with_remarks(path: Path) -> tuple[RGB, tuple[str, ...]]:
    """`read_image` of a file, and what of the file it does not show.

    Raises:
        ImageError: as in `read_image`.
    """
    loaded = load_shown(path)
    return to_rgb(loaded, str(path)), remarks_on(path, loaded)


def unseen(path: Path) -> list[str]:
    """Sentences on unread frames and channels and on EXIF orientation, from the head.

    A file that cannot be read yields no sentence: reading it raises the error.
    """
    try:
        contents = contents_of(path)
    except ImageError:
        return []
    turned = ["turned upright, as its EXIF orientation says"] * contents.turned
    return [f"{path}: {remark}" for remark in (*contents.unseen, *turned)]


def remarks_on(path: Path, loaded: Loaded) -> tuple[str, ...]:
    """Short remarks on frames, channels, values and alpha of a file that are not shown."""
    stored = loaded.stored
    remarks = [*contents_of(path).unseen, *loaded.remarks, *_on_values(deep_values(stored), loaded)]
    if isinstance(stored, Image.Image) and stored.mode == "CMYK":
        remarks.append("CMYK, converted without its colour profile")
    if _is_transparent(stored):
        remarks.append("transparency is not shown")
    return tuple(remarks)


def deep_values(stored: Stored) -> npt.NDArray[Any] | None:
    """The colours as stored, where they are of more than 8 bits, without transparency."""
    if isinstance(stored, Image.Image):
        if stored.mode not in DEEP_MODES:
            return None
        values = np.asarray(stored)
        # Pillow has 16 bits as 32 where they come from some formats.
        return values.astype(np.uint16) if stored.mode == "I" and 0 <= values.min() <= values.max() < 2**16 else values
    if stored.dtype.itemsize == 1:
        return None
    if stored.ndim == 3:
        stored = stored[:, :, 0] if stored.shape[2] <= 2 else stored[:, :, :3]
    return np.ascontiguousarray(stored)


def _on_values(deep: npt.NDArray[Any] | None, loaded: Loaded) -> list[str]:
    shown = None if deep is None else loaded.shown or display_range(deep)
    if deep is None or shown is None:
        return []
    low, high = shown
    missing = int(np.count_nonzero(~np.isfinite(deep))) if deep.dtype.kind == "f" else 0
    kind = "floating point" if deep.dtype.kind == "f" else f"{deep.dtype.itemsize * 8} bits per channel"
    what = f"shown from {_number(low)} to {_number(high)}" if low < high else f"every value is {_number(low)}"
    remarks = [f"{kind}: {what}{f' ({loaded.why})' if loaded.why else ''}"]
    outside = int(np.count_nonzero(deep < low)) + int(np.count_nonzero(deep > high))
    if outside and loaded.shown is None:
        remarks.append(f"values outside that range: {outside:,}")
    if missing:
        remarks.append(f"values without data, shown black: {missing:,}")
    return remarks


def _is_transparent(stored: Stored) -> bool:
    """Whether some pixel is not opaque."""
    if isinstance(stored, Image.Image):
        if stored.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
            alpha: Any = stored.getchannel(len(stored.getbands()) - 1)
            return alpha.getextrema()[0] < 255
        return "transparency" in stored.info
    if stored.ndim == 2 or stored.shape[2] not in (2, 4):
        return False
    opaque = np.iinfo(stored.dtype).max if np.issubdtype(stored.dtype, np.integer) else 1
    return bool(stored[:, :, -1].min() < opaque)


def _number(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
