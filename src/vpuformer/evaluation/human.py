"""Evaluation with scribbles drawn by people, and how similar the simulated ones are.

The scribbles are label maps, one for each image of a data set, called STEM-anno.png: 1 on the object, 2 on the
background, 0 elsewhere, as in the two sets for GrabCut of the repository flandrade/dataset-interactive-algorithms.
Every stroke of a label map is traced to a polyline, because a `Scribble` is one. Needs no torch.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vpuformer.arrays import BoolMask, Points, Size, Truth
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError, InputError
from vpuformer.files import files_below
from vpuformer.images import read_labels
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.metrics import bootstrap_interval, iou
from vpuformer.prompts import Click, Prompt, Scribble
from vpuformer.simulation import next_scribble
from vpuformer.simulation.centerlines import center_line
from vpuformer.simulation.regions import Component, largest_error
from vpuformer.simulation.strokes import densified, length, longest_inside, simplified

ENDING = "-anno.png"
OBJECT, BACKGROUND = 1, 2

ALIASES = {"124080": "124084"}
"""Stems that differ: that of GrabCut's image to that of the scribbles."""

SIDE = 4096
"""Longest side in pixels up to which center lines are searched at full resolution: strokes are thin."""

TOLERANCE, MAX_POINTS = 1.0, 512
"""Largest distance in pixels of a polyline from the center line, and its largest number of points."""

BRANCH = 2.0
"""Shortest remainder, in stroke widths, that becomes a stroke of its own after the longest path is traced."""


@dataclass(frozen=True, slots=True)
class HumanRecord:
    """One object with one set of scribbles. IoUs are 0 to 1; lengths are in roots of its area."""

    name: str
    set: str
    positive: int
    """Number of strokes on the object."""
    negative: int
    """Number of strokes on the background."""
    iou: float
    """IoU after all strokes at once."""
    human_length: float
    """Length of the longest positive stroke."""
    human_iou: float
    """IoU after that stroke alone."""
    simulated_length: float
    """Length of the simulated user's first scribble."""
    simulated_iou: float
    """IoU after that scribble alone."""


def evaluate_human(
    samples: Sequence[Sample],
    folder: str | os.PathLike[str],
    segmenter: Segmenter,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[HumanRecord]:
    """Segment each object with the scribbles that people drew for it, once with each set.

    Args:
        samples: one object an image.
        folder: a set of scribbles, or a folder of such sets.
        segmenter: the method. It gets no previous mask.
        on_progress: called after each object with the number of objects done and the total.

    Raises:
        DatasetError: scribbles are missing, for all images or for one.
        MaskError: a label map of scribbles is broken, or differs in size from its image.
    """
    sets = find_sets(folder)
    images = Counter(sample.image_id for sample in samples)
    if twice := next((image for image, count in images.items() if count > 1), None):
        raise DatasetError(
            f"{twice} has several objects, and scribbles are of one; take a set with one object an image"
        )
    records = []
    for done, sample in enumerate(samples, start=1):
        image, truth = sample.image(), sample.truth()
        size = (image.shape[0], image.shape[1])
        encoded = segmenter.encode(image.copy())
        unit = float(np.sqrt(np.count_nonzero(truth == 1)))
        simulated = next_scribble(truth, np.zeros(size, dtype=np.bool_))
        if simulated is None:
            raise DatasetError(f"object {sample.object_id} of {sample.name} is empty; leave it out of the data set")
        simulated_iou = _iou(segmenter, encoded, [simulated], truth)
        for name, files in sets.items():
            strokes = read_strokes(_file(files, sample, name), size)
            longest = max((stroke for stroke in strokes if stroke.positive), key=_length)
            records.append(
                HumanRecord(
                    name=sample.name,
                    set=name,
                    positive=sum(stroke.positive for stroke in strokes),
                    negative=sum(not stroke.positive for stroke in strokes),
                    iou=_iou(segmenter, encoded, strokes, truth),
                    human_length=_length(longest) / unit,
                    human_iou=_iou(segmenter, encoded, [longest], truth),
                    simulated_length=_length(simulated) / unit,
                    simulated_iou=simulated_iou,
                )
            )
        if on_progress is not None:
            on_progress(done, len(samples))
    return records


def summarise_human(records: Sequence[HumanRecord]) -> dict[str, dict[str, Any]]:
    """Mean over the objects of each set, with 95 % intervals (see `bootstrap_interval`).

    `gain` is the mean of `human_iou` - `simulated_iou` of the same object. It is above 0 if strokes of people help more
    than simulated ones.

    Raises:
        InputError: `records` is empty.
    """
    if not records:
        raise InputError("got no records to summarise; evaluate at least one object")
    summary: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(record.set for record in records):
        chosen = [asdict(record) for record in records if record.set == name]
        for each in chosen:
            each["gain"] = each["human_iou"] - each["simulated_iou"]
        fields = [field for field in chosen[0] if field not in ("name", "set")]
        columns = {field: [float(each[field]) for each in chosen] for field in fields}
        summary[name] = {
            "objects": len(chosen),
            **{field: float(np.mean(values)) for field, values in columns.items()},
            "intervals": {
                field: list(bootstrap_interval(values, np.random.default_rng(0))) for field, values in columns.items()
            },
        }
    return summary


def find_sets(folder: str | os.PathLike[str]) -> dict[str, dict[str, Path]]:
    """Sets of scribbles in a folder: by name of the set and stem of the image, the file.

    Raises:
        DatasetError: the folder holds no set.
    """
    top = Path(folder)
    sets: dict[str, dict[str, Path]] = {}
    for path in files_below(top):
        if not path.name.endswith(ENDING):
            continue
        above = path.parent.relative_to(top)
        sets.setdefault(above.as_posix() if above.name else top.name, {})[path.name.removesuffix(ENDING)] = path
    if not sets:
        raise DatasetError(f"{top} holds no scribbles; expected files called STEM{ENDING}, in it or in its folders")
    return sets


def read_strokes(path: str | os.PathLike[str], size: Size) -> tuple[Prompt, ...]:
    """Strokes of a label map, those on the object first. A single pixel becomes a click.

    Args:
        path: the label map; see the head of this file.
        size: (H, W) of the image.

    Raises:
        MaskError: the file is broken or has another size.
        DatasetError: it holds other labels, or no stroke on the object.
    """
    labels = read_labels(path, size)
    if not np.isin(labels, (0, OBJECT, BACKGROUND)).all():
        raise DatasetError(
            f"{path} holds labels up to {labels.max()}; scribbles are {OBJECT} on the object, {BACKGROUND} on the"
            " background and 0 elsewhere"
        )
    strokes: list[Prompt] = []
    for label in (OBJECT, BACKGROUND):
        for points in trace(labels == label):
            strokes.append(_stroke(points, label == OBJECT))
    if not any(stroke.positive for stroke in strokes):
        raise DatasetError(f"{path} has no stroke on the object; expected at least one of label {OBJECT}")
    return tuple(strokes)


def trace(raster: BoolMask) -> list[Points]:
    """Strokes of a raster, bool (H, W), as polylines of (x, y), shape (n, 2); n = 1 for a dot.

    Each 8-connected piece gives the longest path along its center line. Strokes that cross or fork are one piece; the
    part that the path does not cover is traced again. Direction and order of drawing are unknown.

    >>> raster = np.zeros((9, 40), bool)
    >>> raster[3:6, 2:38] = True
    >>> [(round(x), round(y)) for x, y in trace(raster)[0][[0, -1]]] in ([(3, 4), (36, 4)], [(36, 4), (3, 4)])
    True
    """
    left = raster.copy()
    traced = np.zeros_like(raster)  # pieces that already have a path
    paths: list[Points] = []
    nothing = np.zeros_like(raster)
    while (region := largest_error(left.astype(np.int8), nothing)) is not None:
        component = region.component(*region.deepest)
        piece = _in_image(component, raster.shape)
        width = 2 * float(component.depth.max())
        rest = bool((piece & traced).any())
        left &= ~piece
        if rest and np.count_nonzero(piece) < BRANCH * width**2:
            continue
        path = _path(component)
        paths.append(path)
        remaining = piece & ~_near(path, raster.shape, width)
        left |= remaining
        traced |= remaining
    return paths


def _stroke(points: Points, positive: bool) -> Prompt:
    if len(points) > 1:
        return Scribble(tuple(map(tuple, points.tolist())), positive)
    x, y = points[0].tolist()
    return Click(x, y, positive)


def _path(component: Component) -> Points:
    origin = np.array([component.left, component.top])
    line = center_line(component, SIDE)
    line = longest_inside(densified(line), component.mask) if len(line) else line
    if len(line) < 2 or length(line) < 1:
        row, column = component.seed
        return np.array([[column, row]], dtype=np.float64) + origin
    return simplified(line, component.mask, TOLERANCE, MAX_POINTS) + origin


def _in_image(component: Component, size: Size) -> BoolMask:
    """Pixels of the component, bool (H, W); its outer ring is cut off, because it may lie outside the image."""
    mask = np.zeros((size[0] + 2, size[1] + 2), dtype=np.bool_)
    rows = slice(component.top + 1, component.top + 1 + component.mask.shape[0])
    columns = slice(component.left + 1, component.left + 1 + component.mask.shape[1])
    mask[rows, columns] = component.mask
    return mask[1:-1, 1:-1]


def _near(path: Points, size: Size, reach: float) -> BoolMask:
    """Pixels at most `reach` pixels from the path."""
    line = np.ones(size, dtype=np.uint8)
    pixels = np.rint(path).astype(np.int32)
    cv2.polylines(line, [np.concatenate([pixels, pixels[-1:]])], isClosed=False, color=0)
    return cv2.distanceTransform(line, cv2.DIST_L2, cv2.DIST_MASK_5) <= reach


def _length(stroke: Prompt) -> float:
    return stroke.length if isinstance(stroke, Scribble) else 0.0


def _iou(segmenter: Segmenter, encoded: Encoded, prompts: Sequence[Prompt], truth: Truth) -> float:
    (answer,) = segmenter.segment([Query(encoded, prompts)])
    return iou(answer.mask, truth)


def _file(files: dict[str, Path], sample: Sample, name: str) -> Path:
    stem = sample.image_id.partition("/")[2]
    file = files.get(stem) or files.get(ALIASES.get(stem, ""))
    if file is None:
        raise DatasetError(f"{name} has no scribbles for {sample.name}; expected a file {stem}{ENDING}")
    return file
