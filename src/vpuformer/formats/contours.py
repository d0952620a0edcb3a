"""Contours of masks along pixel edges, which enclose exactly the pixels of the mask.

A contour is int32 of shape (n, 2), (x, y) of its corners, with *pixel corners* at integers: the pixel (x, y) is the
square from (x, y) to (x + 1, y + 1), and the centre of the top left pixel is (0.5, 0.5). That is half a pixel more than
the coordinates elsewhere in this package. The last corner is joined to the first, and only true corners are listed.

On the screen, y downwards, outer contours run clockwise and holes counterclockwise: the object is always to the right.
The object is connected over corners (8 neighbours), the background over sides only, as in `cv2.findContours`.

Filled by the even-odd rule at pixel centres, the contours of a mask together reproduce it exactly.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask
from vpuformer.geometry import Crop

Contour = npt.NDArray[np.int32]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A connected piece of an object: its outline and those of its holes."""

    outer: Contour
    holes: list[Contour] = field(default_factory=list)

    @property
    def contours(self) -> list[Contour]:
        """The outline, then the holes."""
        return [self.outer, *self.holes]


def signed_area(contour: Contour) -> int:
    """Pixels that a contour encloses; below 0 for the outline of a hole.

    >>> signed_area(np.array([(0, 0), (2, 0), (2, 1), (0, 1)], np.int32))
    2
    """
    x, y = contour.astype(np.int64).T
    return int(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) // 2


def parts_of(mask: BoolMask) -> list[Part]:
    """The connected pieces of a mask, bool of shape (H, W), in raster order.

    >>> [part.outer.tolist() for part in parts_of(np.array([[True, True]]))]
    [[[0, 0], [2, 0], [2, 1], [0, 1]]]
    """
    box = Crop.around(mask)
    if box is None:
        return []
    window = mask[box.slices]
    found = _contours(window)
    outlines = [contour for contour in found if signed_area(contour) > 0]
    if len(outlines) == 1:
        parts = {0: Part(outlines[0])}
        owners = [0] * len(found)
    else:
        _, labels = cv2.connectedComponents(window.astype(np.uint8), connectivity=8)
        owners = [int(labels[_pixel_beside(contour)]) for contour in found]
        pairs = zip(owners, found, strict=True)
        parts = {owner: Part(contour) for owner, contour in pairs if signed_area(contour) > 0}
    for owner, contour in zip(owners, found, strict=True):
        if contour is not parts[owner].outer:
            parts[owner].holes.append(contour)
    for contour in found:
        contour += (box.left, box.top)
    return list(parts.values())


def _pixel_beside(contour: Contour) -> tuple[int, int]:
    """Row and column of a pixel of the object at the first edge of a contour, which is horizontal."""
    (x, y), (x_next, _) = contour[:2].tolist()
    return (y, x) if x_next > x else (y - 1, x - 1)


def _contours(window: BoolMask) -> list[Contour]:
    """Straight edges are found all at once, joined at their ends, and followed."""
    padded = np.pad(window.astype(np.int8), 1)
    across = _edges(padded)
    # Seen from the side, what was rightwards is downwards and the object is to the left: hence the sign.
    down = _edges(-padded.T)[:, [1, 0, 3, 2, 4]]
    # At a corner where two pixels touch, two edges arrive and two leave. Taking the left one joins the pixels.
    after_across = _matched(
        _place(padded, across[:, 2:4], across[:, 4] < 0), _place(padded, down[:, 0:2], down[:, 4] > 0)
    )
    after_down = _matched(
        _place(padded, down[:, 2:4], down[:, 4] > 0), _place(padded, across[:, 0:2], across[:, 4] > 0)
    )
    following = after_down[after_across].tolist()
    seen = bytearray(len(following))
    contours = []
    for first in range(len(following)):
        path = []
        at = first
        while not seen[at]:
            seen[at] = 1
            path.append(at)
            at = following[at]
        if path:
            contours.append(across[path, :4].reshape(-1, 2).astype(np.int32))
    return contours


def _edges(padded: npt.NDArray[np.int8]) -> _Ints:
    """The longest straight horizontal edges: rows of x and y where one starts and where it ends, and its direction.

    The direction is 1 for rightwards, with the object below, or -1. Edges are in raster order.
    """
    border = np.diff(padded, axis=0)
    changes = border[:, 1:] != border[:, :-1]
    rows, starts = np.nonzero(changes & (border[:, 1:] != 0))
    _, ends = np.nonzero(changes & (border[:, :-1] != 0))
    direction = border[rows, starts + 1].astype(np.int64)
    backwards = direction < 0
    first, last = np.where(backwards, ends, starts), np.where(backwards, starts, ends)
    return np.stack([first, rows, last, rows, direction], axis=1)


def _place(padded: npt.NDArray[np.int8], corners: _Ints, second: npt.NDArray[np.bool_]) -> _Ints:
    """A number for each corner (x, y); a corner where two pixels touch has another one for its `second` visit."""
    x, y = corners.T
    above, below = padded[y, x], padded[y + 1, x]
    touching = (above != padded[y, x + 1]) & (above != below) & (above == padded[y + 1, x + 1])
    return 2 * (y * padded.shape[1] + x) + (touching & second)


def _matched(arriving: _Ints, leaving: _Ints) -> _Ints:
    """For each number of one array, where it stands in the other; both hold the same numbers, each once."""
    after = np.empty(len(arriving), np.int64)
    after[np.argsort(arriving)] = np.argsort(leaving)
    return after
