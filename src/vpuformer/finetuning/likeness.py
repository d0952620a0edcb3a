"""Images that look alike, such as frames of a video, from small grey copies of them.

Images of one kind share a look: faces a face in the middle, endoscopes a dark rim. So the mean of all copies is taken
off, the more of it the more images there are, and two images are compared by the correlation of what is left.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB

Thumbnail = npt.NDArray[np.uint8]
"""Grey levels, shape (32, 32)."""

_SIDE = 32

_NEARLY_EQUAL = 0.9
"""Correlation above which two images are alike, whatever they are called."""

_NEIGHBOURS = 0.5
"""Correlation above which neighbours in a sequence are alike."""

_SEQUENCE, _FACTOR = 0.1, 5
"""What makes a sequence of neighbours: so large a share is alike, and so many times that of any two images.

The factor is 9 to 18 for frames of videos and for slices, and at most 4 for single photographs
(`python benchmarks/likeness.py`).
"""

_FEW = 10
"""Images of which half the mean is taken off: that of a few is mostly what they show themselves."""

_ROWS = 1024
"""Images that are compared with all others at a time: 40 MB for 10,000 images."""


def thumbnail(image: RGB) -> Thumbnail:
    """A small grey copy of an image, whatever its proportions."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


class Likeness(NamedTuple):
    """What a comparison of images has found.

    Attributes:
        groups: number of the group of each image, shape (n,). Images of one group look alike, or like others of it.
        neighbours: share of the neighbours that correlate by more than .5, in 0..1.
        usual: the same share of any two images.
    """

    groups: npt.NDArray[np.intp]
    neighbours: float = 0.0
    usual: float = 0.0


def compare(thumbnails: Sequence[Thumbnail], neighbours: Sequence[tuple[int, int]]) -> Likeness:
    """Find the images that look alike.

    Args:
        neighbours: pairs of images whose names follow each other.
    """
    groups = np.arange(len(thumbnails))
    if len(thumbnails) < 2:
        return Likeness(groups)
    looks, usual = _looks(thumbnails), 0
    for start, correlations in _compared(looks):
        usual += np.count_nonzero(correlations > _NEIGHBOURS)
        for number, row in enumerate(correlations > _NEARLY_EQUAL, start):
            _join(groups, [number, *np.flatnonzero(row).tolist()])
    usual_share = float(usual / (len(looks) * (len(looks) - 1) / 2))
    near = [pair for pair in neighbours if looks[pair[0]] @ looks[pair[1]] > _NEIGHBOURS]
    near_share = len(near) / max(1, len(neighbours))
    if near_share >= max(_SEQUENCE, _FACTOR * usual_share):
        for pair in near:
            _join(groups, pair)
    return Likeness(groups, near_share, usual_share)


def _join(groups: npt.NDArray[np.intp], members: Sequence[int]) -> None:
    """Make the groups of these images one."""
    joined = np.unique(groups[list(members)])
    if len(joined) > 1:
        groups[np.isin(groups, joined)] = joined[0]


def _looks(thumbnails: Sequence[Thumbnail]) -> npt.NDArray[np.float32]:
    """Vectors of length 1, or 0, whose products are the correlations; shape (n, 1024)."""
    looks = np.stack(thumbnails).reshape(len(thumbnails), -1).astype(np.float32)
    looks -= looks.mean(axis=0) * (len(looks) / (len(looks) + _FEW))
    looks -= looks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(looks, axis=1, keepdims=True)
    return looks / np.maximum(lengths, 1e-6)


def _compared(looks: npt.NDArray[np.float32]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The correlations of each pair of images, some rows at a time; 0 where the second comes first."""
    for start in range(0, len(looks), _ROWS):
        yield start, np.triu(looks[start : start + _ROWS] @ looks.T, start + 1)
