"""The slices of a volume as radiologists look at them, for reading and writing."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.images.addresses import Axis

_WORLD: tuple[Axis, ...] = ("x", "y", "z")
"""Directions of space: to the right, to the front, to the head (RAS)."""

_CLEARLY = 1.01
"""Ratio of two spacings that counts as a difference."""


class Planes(NamedTuple):
    """Slices along one axis of an array (I, J, K).

    An axial or coronal slice has the patient's right on its left, a sagittal one the front; the front or the head is
    up. No pixel is resampled: rows and columns of the array are swapped and flipped alone.
    """

    along: int
    """Axis of the array along which slices are counted, 0 to 2."""
    transposed: bool
    flipped: tuple[bool, bool]
    """Whether rows, and columns, of the image run against the axes of the array."""

    def image(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view (H, W) of a plane of the array, which is two of its axes in their order."""
        upright = plane.swapaxes(0, 1) if self.transposed else plane
        return upright[:: -1 if self.flipped[0] else 1, :: -1 if self.flipped[1] else 1]

    def at(self, number: int) -> tuple[int | slice, ...]:
        """Index of plane `number` in the array.

        >>> planes_of(np.eye(4), "z").at(2)
        (slice(None, None, None), slice(None, None, None), 2)
        """
        return tuple(number if axis == self.along else slice(None) for axis in range(3))

    def slice_of(self, volume: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
        """A view (H, W) of slice `number` of an array (I, J, K), to be read or written."""
        return self.image(volume[self.at(number)])

    def size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(H, W) of the slices of an array of this shape."""
        first, second = (side for axis, side in enumerate(shape[:3]) if axis != self.along)
        return (second, first) if self.transposed else (first, second)


def planes_of(affine: npt.NDArray[np.float64], axis: Axis) -> Planes:
    """The slices across the axis of the array that is closest to a direction of space.

    >>> planes_of(np.diag([-1.0, -1, 1, 1]), "z")  # left, posterior, as DICOM files have it
    Planes(along=2, transposed=True, flipped=(False, False))

    Args:
        affine: (4, 4), from indices of the array to RAS.
    """
    closest, towards = orientation(affine)
    along = closest.index(_WORLD.index(axis))
    columns, rows = (closest.index(world) for world in range(3) if world != _WORLD.index(axis))
    return Planes(along, rows > columns, (towards[rows] > 0, towards[columns] > 0))


def orientation(affine: npt.NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """The direction of space that each axis of an array is closest to, and its sign.

    The sign is -1 where the axis runs against the direction. An affine that says nothing, such as one of zeros, counts
    as the identity.
    """
    from nibabel.orientations import io_orientation

    if np.isfinite(affine).all():
        found = io_orientation(affine)
        if np.isfinite(found).all():
            return [int(axis) for axis in found[:, 0]], [int(sign) for sign in found[:, 1]]
    return [0, 1, 2], [1, 1, 1]


def spacings(affine: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Distances of the voxels along the axes of the array; 1 where the affine has none."""
    lengths = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    i, j, k = (float(length) if np.isfinite(length) and length > 0 else 1.0 for length in lengths)
    return i, j, k


def taken_along(affine: npt.NDArray[np.float64], shape: tuple[int, ...]) -> Axis:
    """The direction along which a volume was taken slice by slice, and is shown.

    It is that of the only axis with one plane, else of the largest spacing; z, for axial slices, where there is none.

    >>> taken_along(np.diag([4.0, 1, 1, 1]), (20, 256, 256)), taken_along(np.eye(4), (20, 256, 256))
    ('x', 'z')
    """
    single = [axis for axis in range(3) if shape[axis] == 1]
    steps = spacings(affine)
    largest = max(steps)
    coarse = [axis for axis in range(3) if steps[axis] * _CLEARLY > largest]
    chosen = single if len(single) == 1 else coarse
    return _WORLD[orientation(affine)[0][chosen[0]]] if len(chosen) == 1 else "z"
