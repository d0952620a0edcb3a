"""Images with the prompts that were given, as in the paper's Figs. 7 to 9, and the objects that went worst.

Records hold no masks. Without a method to ask again, a panel shows the image, the prompts and the outline of the
truth; with one, the prompts of the record are shown to it again, in their order, and what it answers is drawn. No user
is simulated, and no number is taken from here.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from vpuformer.arrays import RGB, BoolMask
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError
from vpuformer.evaluation.records import Key, ObjectRecord
from vpuformer.evaluation.report.runs import Run, column_names, method_names, same_objects
from vpuformer.evaluation.report.summary import counted, prompts_shown
from vpuformer.images import overlay
from vpuformer.inference.protocol import Prediction, Query, Segmenter
from vpuformer.marks import marks_of
from vpuformer.metrics import iou, iou_at

STEPS = (1, 3, 5)
"""Interactions after which an object is shown."""

COMPARED, WORST = 4, 8
"""Objects shown of each set, and of each run where it went worst."""

SIDE = 320
"""Longest side of a small image, in pixels."""

TRUTH = (240, 228, 66)
"""Colour of the truth, RGB; predictions have that of the application."""

DEVIATION = 0.005
"""From here on an IoU that is found again and differs from the recorded one is told."""

Replay = Callable[[Run], Segmenter | None]
"""The method of a run, to be shown its prompts again; None where it is not at hand."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A small image."""

    source: str
    """As a data URI."""
    size: tuple[int, int]
    """(H, W) in pixels."""
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Images under a heading: strips of them, each with its name."""

    title: str
    text: str
    strips: tuple[tuple[str, tuple[Shot, ...]], ...]


def galleries(
    runs: Sequence[Run], samples: Mapping[str, Sequence[Sample]], replay: Replay = lambda _: None
) -> list[Gallery]:
    """For every set that is at hand some objects in all runs on it, and for every run those that went worst.

    Args:
        runs: what was measured.
        samples: all objects of a set, by its name.
        replay: see `Replay`.

    Raises:
        DatasetError: an object of a record is not in its set, or has another size.
    """
    found: list[Gallery] = []
    columns, methods = column_names(runs), method_names(runs)
    for together in same_objects(run for run in runs if run.header.dataset in samples):
        here = {(sample.name, sample.object_id): sample for sample in samples[together[0].header.dataset]}
        segmenters = [replay(run) for run in together]
        set_name = columns[together[0].column]
        strips = []
        for key in _spread_keys(together[0]):
            shots: list[Shot] = []
            for run, segmenter in zip(together, segmenters, strict=True):
                record = next(each for each in run.objects if each.key == key)
                name = f"{methods[run.method]} ({prompts_shown(run.summary)}): "
                shots += _shots(record, here, segmenter, STEPS, name)
            strips.append((key[0], tuple(shots)))
        text = "From hard to easy, by the first run's IoU. " + _explained(segmenters)
        found.append(Gallery(f"{set_name}: prompts and answers (as Figs. 7 to 9)", text, tuple(strips)))
        for run, segmenter in zip(together, segmenters, strict=True):
            k = _last_step(run)
            worst = sorted(run.objects, key=lambda each: iou_at(each.ious, k))[:WORST]
            title = f"{set_name}: worst objects of {methods[run.method]} ({prompts_shown(run.summary)})"
            text = f"The lowest IoU@{k}. " + _explained([segmenter])
            shown = tuple(_shots(record, here, segmenter, [k], f"{record.name}, ")[0] for record in worst)
            found.append(Gallery(title, text, (("", shown),)))
    return found


def _last_step(run: Run) -> int:
    return min(STEPS[-1], run.header.max_interactions)


def _spread_keys(run: Run) -> list[Key]:
    """Objects from hard to easy: at equal distances in the order of their IoU, without the extremes."""
    order = sorted(run.objects, key=lambda each: iou_at(each.ious, _last_step(run)))
    count = min(COMPARED, len(order))
    return [order[int((i + 0.5) * len(order) / count)].key for i in range(count)]


def _explained(segmenters: Sequence[Segmenter | None]) -> str:
    again = sum(segmenter is not None for segmenter in segmenters)
    parts = []
    if again:
        parts.append("Blue: the answer, found again from the recorded prompts.")
    if again < len(segmenters):
        parts.append("Yellow: the truth; answers are not in the records.")
    return " ".join(parts)


def _shots(
    record: ObjectRecord, samples: Mapping[Key, Sample], segmenter: Segmenter | None, steps: Sequence[int], name: str
) -> tuple[Shot, ...]:
    """The object after each of `steps`, or after its last interaction where it ended before; captions begin `name`."""
    sample = samples.get(record.key)
    if sample is None:
        raise DatasetError(f"the data have no object {record.object_id} of {record.name}, which a run has measured")
    image, truth = sample.image(), sample.truth()
    if truth.shape != record.size:
        raise DatasetError(f"{record.name} is {truth.shape} in the data and {record.size} in a run; both are (H, W)")
    counts = sorted({min(k, len(record.interactions)) for k in steps})
    answers = _answers(segmenter, image, record, counts[-1])
    shots = []
    for k in counts:
        marks = marks_of(step.prompt for step in record.interactions[:k])
        told = f"{name}{counted(k)}, IoU {record.ious[k - 1]:.3f}"
        if answers:
            mask = answers[k - 1]
            drawn = overlay(image, mask, marks)
            again = iou(mask, truth)
            if abs(again - record.ious[k - 1]) > DEVIATION:
                told += f" recorded, {again:.3f} now"
        else:
            drawn = overlay(image, truth == 1, marks, colour=TRUTH)
        what = "the answer" if answers else "the true outline"
        alt = f"{record.name} with {counted(k)} and {what}"
        shots.append(_small(drawn, told, alt))
    return tuple(shots)


def _answers(segmenter: Segmenter | None, image: RGB, record: ObjectRecord, count: int) -> list[BoolMask]:
    """Masks after each of the first `count` prompts of the record, each from the answer before it."""
    if segmenter is None:
        return []
    encoded = segmenter.encode(image.copy())
    prompts = [step.prompt for step in record.interactions]
    masks: list[BoolMask] = []
    last: Prediction | None = None
    for k in range(1, count + 1):
        mask, crop = (None, None) if last is None else (last.probability, last.crop)
        (last,) = segmenter.segment([Query(encoded, prompts[:k], mask, crop)])
        masks.append(last.mask)
    return masks


def _small(drawn: RGB, caption: str, alt: str) -> Shot:
    height, width = drawn.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).save(buffer, format="WEBP", quality=55)  # half the size of JPEG
    source = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Shot(source, (size[1], size[0]), caption, alt)
