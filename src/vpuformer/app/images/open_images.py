"""The images that are open: their pixels, tiles of them, and what a person should know about them."""

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
from vpuformer.images.loading import DEEP_MODES, Stored, load
from vpuformer.images.ranges import display_range
from vpuformer.images.reading import to_rgb
from vpuformer.images.remarks import deep_values, remarks_on

_AVERAGED = ("uint16", "int16", "float32", "float64")  # the types that OpenCV can scale down


class OpenImage:
    """An opened image. Any number of threads may use it.

    Args:
        rgb: uint8 (H, W, 3); becomes read-only.
        deep: the values as stored where they are of more than 8 bits, (H, W) or (H, W, 3); becomes read-only.
        grey: the three channels of `rgb` are the same, so that one of them will do.
        notes: short remarks for a person.
        version: of the file.

    Attributes:
        rgb: what `vpuformer.images.read_image` gives, and the network sees.
        deep: as given, or None.
        range: the values of `deep` that `rgb` shows black and white; None without it, or where all are the same.
        notes: as given.
        version: as given.
        levels: (width, height) of the image, of its half, and so on; the last one fits into a tile.
    """

    def __init__(
        self,
        rgb: RGB,
        deep: Pixels | None = None,
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
            low, high = display_range(deep) or (0.0, 0.0)
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
        """Of memory, at most: with all levels, a third of the image, also where they are yet to be made."""
        return (self.rgb.nbytes + (0 if self.deep is None else self.deep.nbytes)) * 4 // 3

    def tile(self, level: int, x: int, y: int, low: float | None = None, high: float | None = None) -> WebImage:
        """One of the tiles of `TILE` x `TILE` pixels that a level consists of; the last ones in a row may be smaller.

        Those of level 0 are exact, to look at single pixels; the others are JPEG.

        Args:
            level: 0 for the image itself; its size is `levels[level]`.
            x: column of the tile, from 0.
            y: row of the tile, from 0.
            low: the value of `deep` that is shown black; that, and `high`, only for images that have one.
            high: the value that is shown white.

        Raises:
            NotFoundError: there is no such tile.
            ImageError: there is no such window.
        """
        rows, columns = self._place(level, x, y)
        if low is None and high is None:
            pixels = self._shown.level(level)[rows, columns]
        else:
            if self._stored is None:
                raise ImageError("the image has 8 bits per channel, all of which are shown; ask for no low and high")
            window = _checked_window(low, high)
            pixels = _windowed(self._stored.level(level)[rows, columns], *window)
        return to_web_image(np.ascontiguousarray(pixels), exact=level == 0)

    def _place(self, level: int, x: int, y: int) -> tuple[slice, slice]:
        if not 0 <= level < len(self.levels):
            raise NotFoundError(f"there is no level {level}; the image has the levels 0 to {len(self.levels) - 1}")
        columns, rows = (math.ceil(length / TILE) for length in self.levels[level])
        if not (0 <= x < columns and 0 <= y < rows):
            raise NotFoundError(
                f"there is no tile {x}, {y} on level {level}; columns are 0 to {columns - 1}, rows 0 to {rows - 1}"
            )
        return slice(y * TILE, (y + 1) * TILE), slice(x * TILE, (x + 1) * TILE)


def open_image(path: Path) -> OpenImage:
    """Open the first image in a file.

    Raises:
        ImageError: as in `vpuformer.images.read_image`.
    """
    version = version_of(path)  # before its pixels: if it changes now, the next one to ask will see that it has
    stored = load(path)
    rgb = to_rgb(stored, str(path))
    deep = _averaged(deep_values(stored))
    return OpenImage(rgb, deep, grey=_is_grey(stored), notes=remarks_on(path, stored), version=version)


class ImageCache:
    """The images of a folder that were looked at last, as far as the memory goes. Any number of threads may ask.

    Args:
        folder: what is annotated.
        budget_bytes: of all images that are kept; the one asked for last is kept even where it needs more.
    """

    def __init__(self, folder: Folder, budget_bytes: int) -> None:
        self._folder = folder
        self._cache: Cache[tuple[str, str], OpenImage] = Cache(
            lambda key: open_image(folder.path_of(key[0])), lambda image: image.nbytes, budget_bytes
        )

    def get(self, name: str) -> OpenImage:
        """The image as its file is now; see its `version`.

        Raises:
            ImageError: it is not in the folder, or its file cannot be read.
        """
        return self._cache.get((name, self._folder.version(name)))

    def holds(self, name: str) -> bool:
        """Whether the image as its file is now is open."""
        with suppress(ImageError):
            return (name, self._folder.version(name)) in self._cache
        return False

    def prefetch(self, name: str) -> None:
        """Open an image in the background; returns at once and never raises. See `Cache.prefetch`."""
        with suppress(ImageError):  # told to whoever wants to see it
            self._cache.prefetch((name, self._folder.version(name)))

    def close(self) -> None:
        """Wait for what is being opened in the background, and open nothing ahead any more."""
        self._cache.close()

    @property
    def nbytes(self) -> int:
        """Of all images that are kept."""
        return self._cache.nbytes


def _averaged(deep: Pixels | None) -> Pixels | None:
    """The same values, of a type that can be scaled down; pixels without data have the lowest one that is shown."""
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
        raise ImageError(f"a window has a low and a high value, got {low} and {high}; give both or none")
    # Written so that NaN fails, and neither the width nor what it divides overflows.
    if not (high - low > 1e-30 and math.isfinite(high - low)):
        raise ImageError(f"a window leads from a low value to a higher one, got {low:g} to {high:g}")
    return low, high


def _windowed(values: Pixels, low: float, high: float) -> RGB:
    """Values to 0..255, `low` and below to 0, `high` and above to 255."""
    within = np.clip(values.astype(np.float64), low, high)
    return ((within - low) * (255 / (high - low)) + 0.5).astype(np.uint8)
