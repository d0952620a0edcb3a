"""Masks of the first weights on the bundled photographs, which are trained on as well.

Images of one kind teach a network that all objects look like these, and it forgets the others. Some samples of another
kind, whose targets are what the network answers already, hold it back (learning without forgetting, Li and Hoiem, ECCV
2016).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vpuformer.arrays import BoolMask
from vpuformer.data.kinds.coco import ANNOTATIONS
from vpuformer.data.sample import LARGEST_SHARE, SMALLEST_OBJECT
from vpuformer.finetuning.prepare import spec_of
from vpuformer.formats import coco
from vpuformer.formats.annotated_image import AnnotatedImage, LabelledMask
from vpuformer.images import read_image
from vpuformer.images.examples import bundled_photographs
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.metrics import iou
from vpuformer.prompts import Click

PHOTOGRAPHS = "photographs"
"""Subfolder with the masks, and name of the set."""

COARSE, FINE = (8, 6), (20, 15)
"""Columns and rows of clicks on a photograph: the more objects they find, the less is forgotten."""

_LOW, _HIGH, _STABLE = 0.3, 0.7, 0.5
"""Two thresholds, and the least IoU of the masks at both: a mask that hardly depends on the threshold is sure."""

_DISTINCT = 0.8
"""Largest IoU of two objects."""


def find_objects(segmenter: Segmenter, grid: tuple[int, int] = COARSE) -> dict[Path, list[BoolMask]]:
    """The sure and distinct answers to clicks on a grid, by photograph."""
    return {path: list(_objects(segmenter, path, grid)) for path in bundled_photographs()}


def write_photographs(found: dict[Path, list[BoolMask]], folder: Path) -> str | None:
    """Write the masks as a COCO file.

    Returns:
        The set as `vpuformer.data.sources.open_sources` opens it; None without any mask.
    """
    images = []
    for number, (path, masks) in enumerate(found.items(), start=1):
        if masks:
            height, width = masks[0].shape
            first = 1000 * number
            objects = [LabelledMask(mask, None, first + i) for i, mask in enumerate(masks)]
            images.append(AnnotatedImage(path.name, width, height, objects, number))
    if not images:
        return None
    target = folder / PHOTOGRAPHS
    target.mkdir(exist_ok=True)
    coco.write(images, target, [])
    return spec_of(target, target / ANNOTATIONS, next(iter(found)).parent)


def _objects(segmenter: Segmenter, path: Path, grid: tuple[int, int]) -> Iterator[BoolMask]:
    image = read_image(path)
    height, width = image.shape[:2]
    encoded = segmenter.encode(image)
    columns, rows = grid
    clicks = [
        Click((column + 0.5) * width / columns, (row + 0.5) * height / rows)
        for row in range(rows)
        for column in range(columns)
    ]
    seen: list[BoolMask] = []
    for answer in segmenter.segment([Query(encoded, [click]) for click in clicks]):
        mask = answer.mask
        fits = SMALLEST_OBJECT <= mask.sum() <= LARGEST_SHARE * mask.size
        sure = fits and _overlap(answer.probability > _LOW, answer.probability > _HIGH) >= _STABLE
        if sure and all(_overlap(mask, other) <= _DISTINCT for other in seen):
            seen.append(mask)
            yield mask


def _overlap(one: BoolMask, other: BoolMask) -> float:
    return iou(one, other.astype(np.int8))
