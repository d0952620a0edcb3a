"""Frames and the maps between them: image, crop of it, network input.

All coordinates are (x, y) with pixel centres at integers, all sizes (height, width). There is one map, everywhere:
`to_target = scale * (x - left + 0.5) - 0.5`, which is what resizing the pixels does (OpenCV, Pillow and PyTorch with
`align_corners=False`).
"""

from dataclasses import dataclass

import numpy as np

from vpuformer.arrays import BoolMask, Points, Size
from vpuformer.errors import ConfigError, InputError

CANONICAL = 448
"""Side of the square frame in which prompts are encoded (paper IV-B), whatever the size of the network's input."""

SMALLEST_INPUT, LARGEST_INPUT = 64, 2048
"""Sides of the smallest and of the largest square that a network takes, in pixels. Its coarsest scale is 1/32 of the
side; at 2048 one image takes some GB of memory, and the field evaluates at 448 and 672."""


def check_input_size(side: int) -> None:
    """See that a network can take a square of this side.

    Raises:
        ConfigError: it is too small or too large.
    """
    if not SMALLEST_INPUT <= side <= LARGEST_INPUT:
        raise ConfigError(
            f"input_size={side} must lie between {SMALLEST_INPUT} and {LARGEST_INPUT} pixels; {CANONICAL} is usual"
        )


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of whole pixels, from column `left` and row `top` on.

    Raises:
        InputError: a number is not whole, or the rectangle is empty.
    """

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("left", "top", "width", "height"):
            value = getattr(self, name)
            if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
                raise InputError(f"a crop is of whole pixels, got {name}={value!r:.40}")
            object.__setattr__(self, name, int(value))
        if self.width < 1 or self.height < 1:
            raise InputError(f"a crop is at least one pixel wide and high, got {self.width}x{self.height}")

    @classmethod
    def whole(cls, size: Size) -> "Crop":
        """All of an image of `size` (height, width)."""
        return cls(0, 0, size[1], size[0])

    @classmethod
    def around(cls, mask: BoolMask) -> "Crop | None":
        """The tight rectangle around a mask, shape (H, W); None for an empty one.

        >>> Crop.around(np.array([[False, False, False], [False, True, True]]))
        Crop(left=1, top=1, width=2, height=1)
        """
        rows = np.flatnonzero(mask.any(axis=1))
        if not len(rows):
            return None
        columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
        return cls(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)

    @property
    def size(self) -> Size:
        """(height, width)."""
        return (self.height, self.width)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edge, half a pixel outside the outermost pixel centres."""
        return (self.left - 0.5, self.top - 0.5, self.left + self.width - 0.5, self.top + self.height - 0.5)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array whose first two axes are height and width."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def union(self, other: "Crop") -> "Crop":
        """The smallest crop that holds both.

        >>> Crop(0, 0, 2, 2).union(Crop(3, 1, 1, 4))
        Crop(left=0, top=0, width=4, height=5)
        """
        left, top = min(self.left, other.left), min(self.top, other.top)
        right = max(self.left + self.width, other.left + other.width)
        bottom = max(self.top + self.height, other.top + other.height)
        return Crop(left, top, right - left, bottom - top)

    def intersection(self, other: "Crop") -> "Crop | None":
        """The part that both have in common; None without one.

        >>> Crop(0, 0, 4, 4).intersection(Crop(3, 1, 5, 2)), Crop(0, 0, 2, 2).intersection(Crop(2, 0, 1, 1))
        (Crop(left=3, top=1, width=1, height=2), None)
        """
        left, top = max(self.left, other.left), max(self.top, other.top)
        right = min(self.left + self.width, other.left + other.width)
        bottom = min(self.top + self.height, other.top + other.height)
        return Crop(left, top, right - left, bottom - top) if left < right and top < bottom else None

    def complement(self, size: Size) -> tuple[tuple[slice, slice], ...]:
        """Indices of the rest of an image of `size`: four rectangles, of which some may be empty.

        >>> image = np.zeros((3, 3), int)
        >>> for number, rectangle in enumerate(Crop(1, 1, 1, 1).complement((3, 3)), start=1):
        ...     image[rectangle] = number
        >>> image.tolist()
        [[1, 1, 1], [3, 0, 4], [2, 2, 2]]
        """
        rows, columns = self.slices
        across = slice(0, size[1])
        return (
            (slice(0, rows.start), across),
            (slice(rows.stop, size[0]), across),
            (rows, slice(0, columns.start)),
            (rows, slice(columns.stop, size[1])),
        )


@dataclass(frozen=True, slots=True)
class FrameMap:
    """The map from an image to a frame of `size` (height, width) that its `crop` fills.

    `mirrored` exchanges left and right in that frame.

    >>> frame = FrameMap(Crop(left=10, top=0, width=100, height=50), size=(448, 448))
    >>> frame.to_target(np.array([[9.5, -0.5], [109.5, 49.5]])).round(6).tolist()
    [[-0.5, -0.5], [447.5, 447.5]]
    """

    crop: Crop
    size: Size
    mirrored: bool = False

    @classmethod
    def to_canonical(cls, crop: Crop, *, mirrored: bool = False) -> "FrameMap":
        """The map onto the frame in which prompts are encoded."""
        return cls(crop, (CANONICAL, CANONICAL), mirrored)

    @property
    def scale(self) -> Points:
        """Target pixels per source pixel, (x, y)."""
        return np.array([self.size[1] / self.crop.width, self.size[0] / self.crop.height])

    def to_target(self, points: Points) -> Points:
        """Image coordinates, shape (..., 2), in the target frame."""
        mapped = self.scale * (points - np.array([self.crop.left, self.crop.top]) + 0.5) - 0.5
        return mapped * [-1, 1] + [self.size[1] - 1, 0] if self.mirrored else mapped
