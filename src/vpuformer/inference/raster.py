"""Parts of large images, reduced by a whole factor: where answers are corrected.

The network answers at its own resolution, however large the object is. To work with each of 24 million pixels takes
longer than the network does, and shows nothing that a quarter as many rows and columns do not. So an answer is compared
with the previous one, and corrected, on a raster of cells. `Raster.lifted` brings it back to the pixels.

A small image is its own raster: nothing is reduced.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Points, Size, row_strips
from vpuformer.geometry import Crop
from vpuformer.inference.resample import stretch
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt, clip

SMALL = 1_600_000
"""Number of pixels up to which an image is worked on as it is."""

MOST_CELLS = 400_000
"""Number of cells of a raster over a part of a larger image, unless the answer's outline needs more."""

DETAIL = 1.5
"""Least number of cells for a logit, along the shorter side of the crop of an answer, if they are reduced."""

STEP = 4
"""Edges of large crops lie on multiples of this, so that they lie between cells."""

_LEAST_SNAPPED = 512
"""Least sides of a crop in pixels that is snapped."""

_OVERSAMPLED = 2
"""Least number of pixels of a reduced image for one that the network sees, along both axes."""


@dataclass(frozen=True, slots=True)
class Raster:
    """Cells of `factor` x `factor` pixels that fill a part of an image.

    The last ones may reach beyond its edge.
    """

    part: Crop
    """Begins on multiples of `factor`, and ends there or at the edge of the image."""
    factor: int
    whole: bool
    """Whether the cells are the pixels of the image, all of them."""

    @classmethod
    def over(cls, part: Crop, size: Size, detail: Crop | None = None, side: int = 256) -> "Raster":
        """The raster over a part of an image of `size`; over all of it, if it is small.

        >>> Raster.over(Crop(90, 50, 20, 10), (100, 200)).size, Raster.over(Crop(0, 2, 6000, 3998), (4000, 6000)).size
        ((100, 200), (500, 750))

        Args:
            part: what the raster has to hold.
            size: height and width of the image.
            detail: the crop of an answer, of whose outline nothing may be lost; by default `part`.
            side: number of logits along a side of it.
        """
        image = Crop.whole(size)
        if is_small(size):
            return cls(image, 1, whole=True)
        most = min((detail or part).size) / (DETAIL * side)
        factor = 1
        while part.width * part.height > MOST_CELLS * factor**2 and 2 * factor <= most:
            factor *= 2
        part = _outward(part, factor, size)
        return cls(part, factor, whole=factor == 1 and part == image)

    @classmethod
    def pixels_of(cls, part: Crop, size: Size) -> "Raster":
        """The pixels of a part of an image of `size`, or of all of it, if it is small."""
        return cls(Crop.whole(size), 1, whole=True) if is_small(size) else cls(part, 1, whole=part == Crop.whole(size))

    @property
    def size(self) -> Size:
        """Rows and columns of cells."""
        return -(-self.part.height // self.factor), -(-self.part.width // self.factor)

    def cells(self, crop: Crop) -> Crop:
        """The cells that a crop of the image touches; they may lie outside the raster."""
        if self.whole:
            return crop
        left, top = (crop.left - self.part.left) // self.factor, (crop.top - self.part.top) // self.factor
        right = -((self.part.left - crop.left - crop.width) // self.factor)
        bottom = -((self.part.top - crop.top - crop.height) // self.factor)
        return Crop(left, top, right - left, bottom - top)

    def pixels(self, cells: Crop) -> Crop:
        """The pixels of some cells, within the part."""
        left, top = self.factor * cells.left, self.factor * cells.top
        right = min(left + self.factor * cells.width, self.part.width)
        bottom = min(top + self.factor * cells.height, self.part.height)
        return Crop(self.part.left + left, self.part.top + top, right - left, bottom - top)

    def prompts(self, prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
        """Prompts in cells, as far as they lie in the part."""
        if self.whole:
            return tuple(prompts)
        corner = np.array([self.part.left, self.part.top])

        def in_cells(points: Points) -> Points:
            return (points - corner + 0.5) / self.factor - 0.5

        clipped = (clip(prompt, self.part.edges) for prompt in prompts)
        return tuple(prompt.mapped(in_cells) for prompt in clipped if prompt is not None)

    def sampled(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The values of an array, shape (H, W) of the image, at the centre of each cell."""
        values = array[self.part.slices]
        if self.factor == 1:
            return values
        rows, columns = (
            np.minimum(np.arange(cells) * self.factor + self.factor // 2, length - 1)
            for cells, length in zip(self.size, self.part.size, strict=True)
        )
        return values[rows][:, columns]

    def stretched(self, logits: FloatMap, crop: Crop, out: FloatMap) -> Crop | None:
        """Stretch the logits of a crop to its cells in a map of all cells.

        Returns:
            These cells; None if all lie outside the raster.
        """
        cells = self.cells(crop).intersection(Crop.whole(self.size))
        if cells is None:
            return None
        inside, factor = out[cells.slices], self.factor
        if self.pixels(cells) == crop and not (crop.width % factor or crop.height % factor):
            stretch(logits, cells.size, out=inside)
            return cells
        axes = (self.part.left - crop.left, cells.left, cells.width, crop.width, logits.shape[1])
        first, next_, share = _neighbours(*axes, factor)
        across = logits[:, first] * (1 - share) + logits[:, next_] * share
        axes = (self.part.top - crop.top, cells.top, cells.height, crop.height, logits.shape[0])
        first, next_, share = _neighbours(*axes, factor)
        np.multiply(across[first], (1 - share)[:, None], out=inside)
        inside += across[next_] * share[:, None]
        return cells

    def within(self, values: FloatMap, crop: Crop) -> FloatMap:
        """The values of the cells of a crop of the image, 0 outside the raster."""
        cells = self.cells(crop)
        inside = cells.intersection(Crop.whole(self.size))
        if inside == cells:
            return values[cells.slices]
        found = np.zeros(cells.size, np.float32)
        if inside is not None:
            place = Crop(inside.left - cells.left, inside.top - cells.top, inside.width, inside.height)
            found[place.slices] = values[inside.slices]
        return found

    def placed(self, mask: BoolMask, size: Size) -> BoolMask:
        """The mask of an image of `size`, of which a mask of the cells shows all; they are pixels."""
        if self.whole:
            return mask
        placed = np.zeros(size, bool)
        placed[self.part.slices] = mask
        return placed

    def lifted(self, mask: BoolMask, values: FloatMap) -> BoolMask:
        """A mask, shape (H, W) of the image, changed to agree with the probability of each cell.

        Pixels change only in cells that do, and in those next to them. There the outline is that of the interpolated
        probabilities; elsewhere each pixel stays.

        Args:
            mask: the mask before the change, of which the part holds all; it stays as it is.
            values: the new probability, shape `size`.
        """
        result = self.placed(mask[self.part.slices], (mask.shape[0], mask.shape[1]))
        inside = result[self.part.slices]
        changed = (values > MASK_THRESHOLD) != self.sampled(mask)
        around = Crop.around(changed)
        if around is None:
            return result
        near = np.asarray(cv2.dilate(changed.view(np.uint8), np.ones((3, 3), np.uint8)), np.uint8)
        around = Crop.around(near.view(np.bool_)) or around
        for strip in row_strips(around.size, pixels=1 << 14):
            first, end = around.top + strip.start, min(around.top + strip.stop, around.top + around.height)
            columns = Crop.around(near[first:end].view(np.bool_))
            if columns is None:
                continue
            cells = Crop(columns.left, first, columns.width, end - first)
            self._redraw(inside, values, near, cells)
        return result

    def _redraw(self, inside: BoolMask, values: FloatMap, near: npt.NDArray[np.uint8], cells: Crop) -> None:
        """Draw the interpolated outline into the pixels of the part, where cells among these are `near`."""
        factor, wider = self.factor, Crop(cells.left - 1, cells.top - 1, cells.width + 2, cells.height + 2)
        around = wider.intersection(Crop.whole(self.size)) or cells
        scaled = stretch(values[around.slices], (factor * around.height, factor * around.width))
        redrawn = near[cells.slices].repeat(factor, axis=0).repeat(factor, axis=1).view(np.bool_)
        pixels = self.pixels(cells)
        left, top = pixels.left - self.part.left, pixels.top - self.part.top
        target = inside[top : top + pixels.height, left : left + pixels.width]
        found = scaled[top - factor * around.top :, left - factor * around.left :][: pixels.height, : pixels.width]
        np.greater(found, MASK_THRESHOLD, out=target, where=redrawn[: pixels.height, : pixels.width])


def _neighbours(
    offset: int, first: int, count: int, length: int, samples: int, factor: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The two samples of an axis around the centre of each cell, and the share of the second one.

    Args:
        offset: from the crop that the samples cover to the raster, in pixels.
        first: number of the first cell.
        count: number of cells.
        length: of the crop, in pixels.
        samples: their number.
        factor: pixels of a cell.
    """
    places = (offset + factor * (first + np.arange(count) + 0.5)) / length * samples - 0.5
    places = np.clip(places, 0, samples - 1)
    before = places.astype(np.intp)
    return before, np.minimum(before + 1, samples - 1), (places - before).astype(np.float32)


def is_small(size: Size) -> bool:
    """Whether an image of this height and width is worked on as it is."""
    return size[0] * size[1] <= SMALL


def snapped(crop: Crop, size: Size) -> Crop:
    """The crop, in a large image with edges moved outwards to multiples of `STEP`.

    A small crop stays as it is.

    >>> snapped(Crop(1001, 500, 2000, 900), (4000, 6000)), snapped(Crop(1001, 500, 300, 900), (4000, 6000))
    (Crop(left=1000, top=500, width=2004, height=900), Crop(left=1001, top=500, width=300, height=900))
    """
    if is_small(size) or min(crop.size) < _LEAST_SNAPPED:
        return crop
    return _outward(crop, STEP, size)


def level_of(crop: Crop, size: Size, side: int) -> int:
    """The factor by which an image may be reduced before the network sees a crop.

    Args:
        crop: a part of the image.
        size: height and width of the image.
        side: of the network's input, in pixels.
    """
    level = STEP
    right, bottom = crop.left + crop.width, crop.top + crop.height
    while level > 1 and (
        is_small(size)
        or min(crop.size) < level * _OVERSAMPLED * side
        or crop.left % level
        or crop.top % level
        or (right % level and right != size[1])
        or (bottom % level and bottom != size[0])
    ):
        level //= 2
    return level


def _outward(crop: Crop, step: int, size: Size) -> Crop:
    """A crop with edges moved outwards to multiples of `step`, or to the edge of the image."""
    left, top = crop.left // step * step, crop.top // step * step
    right = min(-(-(crop.left + crop.width) // step) * step, size[1])
    bottom = min(-(-(crop.top + crop.height) // step) * step, size[0])
    return Crop(left, top, right - left, bottom - top)
