"""Open images: pixels, tiles, and remarks for the person."""

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from vpuformer.app.images.cache import Cache
from vpuformer.app.images.folder import Folder, version_of
from vpuformer.app.images.pyramid import TILE, ImagePyramid, Pixels, level_sizes
from vpuformer.app.images.web_image import WebImage, to_web_image
from vpuformer.arrays import RGB
from vpuformer.errors import ImageError, NotFoundError
from vpuformer.images.loading import DEEP_MODES, Stored
from vpuformer.images.ranges import display_range
from vpuformer.images.reading import to_rgb
from vpuformer.images.remarks import deep_values, remarks_on
from vpuformer.images.volumes import load_shown

_AVERAGED = ("uint16", "int16", "float32", "float64")  # types that OpenCV can scale down


class OpenImage:
    """An open image. Safe to use from any number of threads.

    Args:
        rgb: the image as `vpuformer.images.read_image` returns it and the network sees it; becomes read-only.
        deep: the stored values if they have more than 8 bits, (H, W) or (H, W, 3); becomes read-only.
        shown: the values of `deep` that `rgb` shows as black and white; by default its `display_range`.
        grey: whether the three channels of `rgb` are equal, so that tiles need only one.
        notes: short remarks for the person.
        version: version of the file.

    Attributes:
        range: values of `deep` that `rgb` shows as black and white; None without `deep` or if all values are equal.
        levels: (width, height) of each pyramid level; the last one fits into a tile.
    """

    def __init__(
        self,
        rgb: RGB,
        deep: Pixels | None = None,
        shown: tuple[float, float] | None = None,
        *,
        grey: bool = False,
        notes: tuple[str, ...] = (),
        version: str = "",
    ) -> None:
        rgb.flags.writeable = False
        self.rgb, self.deep, self.notes, self.version = rgb, deep, notes, version
        self.range: tuple[float, float] | None = None
        self.levels = level_sizes(self.width, self.height)
        self._shown, self._stored = ImagePyramid(rgb[:, :, 0] if grey else rgb), None
        if deep is not None:
            deep.flags.writeable = False
            low, high = shown or display_range(deep) or (0.0, 0.0)
            self.range = (low, high) if low < high else None
            self._stored = ImagePyramid(deep)

    @property
    def width(self) -> int:
        """In pixels."""
        return self.rgb.shape[1]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.rgb.shape[0]

    @property
    def nbytes(self) -> int:
        """Maximum memory in bytes, including all pyramid levels (a third of the image)."""
        return (self.rgb.nbytes + (0 if self.deep is None else self.deep.nbytes)) * 4 // 3

    def tile(self, level: int, x: int, y: int, low: float | None = None, high: float | None = None) -> WebImage:
        """Return a tile of `TILE` x `TILE` pixels, or smaller at the right and bottom edges.

        Tiles of level 0 are lossless, to show single pixels; the others are JPEG.

        Args:
            level: pyramid level, 0 for the image itself.
            x, y: column and row of the tile, from 0.
            low, high: values of `deep` that are shown black and white; only for images with `deep`.

        Raises:
            NotFoundError: there is no such tile.
            ImageError: the image has no `deep`, or `low` is not below `high`.
        """
        rows, columns = self._tile_slices(level, x, y)
        if low is None and high is None:
            pixels = self._shown.level(level)[rows, columns]
        else:
            if self._stored is None:
                raise ImageError("the image has 8 bits per channel and is shown as it is; leave out low and high")
            window = _checked_window(low, high)
            pixels = _windowed(self._stored.level(level)[rows, columns], *window)
        return to_web_image(np.ascontiguousarray(pixels), exact=level == 0)

    def _tile_slices(self, level: int, x: int, y: int) -> tuple[slice, slice]:
        if not 0 <= level < len(self.levels):
            raise NotFoundError(f"there is no level {level}; the image has the levels 0 to {len(self.levels) - 1}")
        columns, rows = (math.ceil(length / TILE) for length in self.levels[level])
        if not (0 <= x < columns and 0 <= y < rows):
            raise NotFoundError(
                f"there is no tile {x}, {y} on level {level}; columns are 0 to {columns - 1}, rows 0 to {rows - 1}"
            )
        return slice(y * TILE, (y + 1) * TILE), slice(x * TILE, (x + 1) * TILE)


def open_image(path: Path) -> OpenImage:
    """Open the first image in a file, or a slice.

    Raises:
        ImageError: as in `vpuformer.images.read_image`.
    """
    version = version_of(path)  # before the pixels: if the file changes now, the next request sees a new version
    loaded = load_shown(path)
    rgb = to_rgb(loaded, str(path))
    deep = _averaged(deep_values(loaded.stored))
    notes = remarks_on(path, loaded)
    return OpenImage(rgb, deep, loaded.shown, grey=_is_grey(loaded.stored), notes=notes, version=version)


class ImageCache:
    """The most recently opened images of a folder. Safe to use from any number of threads.

    The last image stays even if it is larger than the budget.
    """

    def __init__(self, folder: Folder, budget_bytes: int) -> None:
        self._folder = folder
        self._cache: Cache[tuple[str, str], OpenImage] = Cache(
            lambda key: open_image(folder.path_of(key[0])), lambda image: image.nbytes, budget_bytes
        )

    def get(self, name: str) -> OpenImage:
        """Return the image of the current file; see its `version`.

        Raises:
            ImageError: the image is not in the folder, or its file cannot be read.
        """
        return self._cache.get((name, self._folder.version(name)))

    def holds(self, name: str) -> bool:
        """Whether the image of the current file is open."""
        with suppress(ImageError):
            return (name, self._folder.version(name)) in self._cache
        return False

    def prefetch(self, name: str) -> None:
        """Open an image in the background; returns at once and never raises. See `Cache.prefetch`."""
        with suppress(ImageError):  # raised again when the image is opened
            self._cache.prefetch((name, self._folder.version(name)))

    def close(self) -> None:
        """Wait for the background work, and start no more of it."""
        self._cache.close()


def _averaged(deep: Pixels | None) -> Pixels | None:
    """The values in a type that can be scaled down. Pixels without data get the lowest value of the range."""
    if deep is None:
        return None
    if deep.dtype.kind == "f" and not np.isfinite(deep).all():
        low, high = display_range(deep) or (0.0, 0.0)
        deep = np.nan_to_num(deep, nan=low, posinf=high, neginf=low)
    kind = deep.dtype.name  # without its byte order
    return deep.astype(kind if kind in _AVERAGED else np.float64, copy=False)


def _is_grey(stored: Stored) -> bool:
    if isinstance(stored, Image.Image):
        return stored.mode in ("1", "L", "LA", *DEEP_MODES)
    return stored.ndim == 2 or stored.shape[2] <= 2


def _checked_window(low: float | None, high: float | None) -> tuple[float, float]:
    if low is None or high is None:
        raise ImageError(f"got low {low} and high {high}; give both values or neither")
    # This form rejects NaN, and keeps the width and the division by it finite.
    if not (high - low > 1e-30 and math.isfinite(high - low)):
        raise ImageError(f"got low {low:g} and high {high:g}; give a finite range with low below high")
    return low, high


def _windowed(values: Pixels, low: float, high: float) -> RGB:
    """Map `low` and below to 0, `high` and above to 255, and scale between."""
    within = np.clip(values.astype(np.float64), low, high)
    return ((within - low) * (255 / (high - low)) + 0.5).astype(np.uint8)
