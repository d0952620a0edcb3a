"""Scribbles that people drew: how good a method is with them, and how much the simulated ones resemble them.

They come as images of labels, one for each image of a data set, called STEM-anno.png: 1 where the object was
marked, 2 where the background was, 0 elsewhere (so are the two sets for GrabCut in the repository
flandrade/dataset-interactive-algorithms). Every stroke of such an image is traced to a polyline, since that is what a
`Scribble` is. No torch is needed.
"""

import os
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
from vpuformer.simulation.regions import Component, worst_region
from vpuformer.simulation.strokes import densified, length, longest_inside, simplified

ENDING = "-anno.png"
OBJECT, BACKGROUND = 1, 2

ALIASES = {"124080": "124084"}
"""Image of GrabCut to its stem in these sets, where they are not the same."""

SIDE = 4096
"""Strokes are thin: their middle is looked for at every pixel of images up to this size."""

TOLERANCE, MAX_POINTS = 1.0, 512
"""How far a polyline may lie from the middle of its stroke, in pixels, and how many points it has at most."""

BRANCH = 2.0
"""What is left of a stroke beside its longest path is a stroke of its own if it is longer than this many widths."""


@dataclass(frozen=True, slots=True)
class HumanRecord:
    """One object, with the scribbles of one set. IoUs are fractions; lengths are in square roots of its area."""

    name: str
    set: str
    positive: int
    """Strokes on the object."""
    negative: int
    iou: float
    """After all strokes at once."""
    human_length: float
    """Of the longest positive stroke."""
    human_iou: float
    """After that stroke alone."""
    simulated_length: float
    """Of the scribble with which the simulated user begins."""
    simulated_iou: float
    """After that scribble alone."""


def evaluate_human(
    samples: Sequence[Sample],
    folder: str | os.PathLike[str],
    segmenter: Segmenter,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[HumanRecord]:
    """Segment each object with the scribbles that people drew for it, once with each set of them.

    Args:
        samples: one object an image.
        folder: a set of scribbles, or a folder of such sets.
        segmenter: what to measure. It gets no former answer.
        on_progress: called after each object with the number of objects done and of all.

    Raises:
        DatasetError: there are no scribbles, or none for one of the images.
        MaskError: an image of scribbles is broken, or of another size than its image.
    """
    sets = find_sets(folder)
    records = []
    for done, sample in enumerate(samples, start=1):
        image, truth = sample.image(), sample.truth()
        size = (image.shape[0], image.shape[1])
        encoded = segmenter.encode(image.copy())
        unit = float(np.sqrt(np.count_nonzero(truth == 1)))
        simulated = next_scribble(truth, np.zeros(size, dtype=np.bool_))
        if simulated is None:
            raise DatasetError(f"object {sample.object_id} of {sample.name} has no pixel; leave it out of the data set")
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
    """For each set the means over its objects, and for each mean its 95 % interval (see `bootstrap_interval`).

    `gain` is the mean of `human_iou` - `simulated_iou` of the same object: above 0 where the stroke of a person helps
    more than the simulated one.

    Raises:
        InputError: there is no record.
    """
    if not records:
        raise InputError("there are no scribbles to summarise; evaluate at least one object")
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
    """The sets of scribbles in a folder, by name: for each the stem of the image to the file.

    Raises:
        DatasetError: there is none.
    """
    top = Path(folder)
    sets: dict[str, dict[str, Path]] = {}
    for path in files_below(top):
        if not path.name.endswith(ENDING):
            continue
        sets.setdefault(path.parent.name, {})[path.name.removesuffix(ENDING)] = path
    if not sets:
        raise DatasetError(f"{top} holds no scribbles; wanted files called STEM{ENDING}, there or in its folders")
    return sets


def read_strokes(path: str | os.PathLike[str], size: Size) -> tuple[Prompt, ...]:
    """The strokes in an image of labels, those on the object first; a mere speck is a click.

    Args:
        path: see the head of this file.
        size: (H, W) of the image that was drawn on.

    Raises:
        MaskError: the file is broken or of another size.
        DatasetError: it holds other labels, or nothing on the object.
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
        raise DatasetError(f"{path} shows nothing of the object; wanted at least one stroke of label {OBJECT}")
    return tuple(strokes)


def trace(raster: BoolMask) -> list[Points]:
    """The strokes in a raster, bool (H, W), as polylines of (x, y), each of shape (n, 2); n = 1 for a speck.

    Each 8-connected piece gives the longest path along its middle. Where strokes cross or fork they are one piece; what
    the path leaves over is traced again. In which direction and in what order people drew is not known any more.

    >>> raster = np.zeros((9, 40), bool)
    >>> raster[3:6, 2:38] = True
    >>> [(round(x), round(y)) for x, y in trace(raster)[0][[0, -1]]] in ([(3, 4), (36, 4)], [(36, 4), (3, 4)])
    True
    """
    left = raster.copy()
    begun = np.zeros_like(raster)  # pieces of which a path is already there
    paths: list[Points] = []
    nothing = np.zeros_like(raster)
    while (region := worst_region(left.astype(np.int8), nothing)) is not None:
        component = region.component(*region.deepest)
        piece = _in_image(component, raster.shape)
        width = 2 * float(component.depth.max())
        rest = bool((piece & begun).any())
        left &= ~piece
        if rest and np.count_nonzero(piece) < BRANCH * width**2:
            continue
        path = _path(component)
        paths.append(path)
        remaining = piece & ~_near(path, raster.shape, width)
        left |= remaining
        begun |= remaining
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
    """The component's pixels in the image; its ring, which may lie outside, is cut off."""
    mask = np.zeros((size[0] + 2, size[1] + 2), dtype=np.bool_)
    rows = slice(component.top + 1, component.top + 1 + component.mask.shape[0])
    columns = slice(component.left + 1, component.left + 1 + component.mask.shape[1])
    mask[rows, columns] = component.mask
    return mask[1:-1, 1:-1]


def _near(path: Points, size: Size, reach: float) -> BoolMask:
    """The pixels at most `reach` from the path."""
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
        raise DatasetError(f"{name} has no scribbles for {sample.name}: there is no {stem}{ENDING}")
    return file
