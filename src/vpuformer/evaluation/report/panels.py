"""Images with recorded prompts, as in the paper's Figs. 7 to 9, and the worst objects.

Records hold no masks. If the method of a run is available, the recorded prompts are replayed in order and its masks
are drawn. Otherwise a panel shows the image, the prompts and the outline of the ground truth. No user is simulated,
and tables take no number from here.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from vpuformer.arrays import RGB, BoolMask
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError, counted
from vpuformer.evaluation.records import Key, ObjectRecord
from vpuformer.evaluation.report.runs import Run, column_names, method_names, same_objects
from vpuformer.evaluation.report.summary import prompts_shown
from vpuformer.images import overlay
from vpuformer.images.scaling import scaled_down
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.marks import marks_of
from vpuformer.metrics import iou, iou_at

STEPS = (1, 3, 5)
"""Numbers of interactions after which an object is shown."""

COMPARED, WORST = 4, 8
"""Number of objects shown for each data set, and of worst objects for each run."""

SIDE = 320
"""Longest side of a small image in pixels."""

TRUTH = (240, 228, 66)
"""RGB colour of the ground truth; predictions have the colour of the app."""

DEVIATION = 0.005
"""Difference from the recorded IoU above which a caption shows both."""

Replay = Callable[[Run], Segmenter | None]
"""Returns the method of a run to replay its prompts with, or None if it is not available."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A small image."""

    source: str
    """Image as a data URI."""
    size: tuple[int, int]
    """(H, W) in pixels."""
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Strips of images under a heading, each strip with its name."""

    title: str
    text: str
    strips: tuple[tuple[str, tuple[Shot, ...]], ...]


def galleries(
    runs: Sequence[Run], samples: Mapping[str, Sequence[Sample]], replay: Replay = lambda _: None
) -> list[Gallery]:
    """Some objects of every available data set, and the worst objects of every run.

    Args:
        runs: the runs to show.
        samples: all objects of a data set, by its name.
        replay: see `Replay`.

    Raises:
        DatasetError: a recorded object is missing from its data set, or has another size.
    """
    result: list[Gallery] = []
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
        result.append(Gallery(f"{set_name}: prompts and answers (as Figs. 7 to 9)", text, tuple(strips)))
        for run, segmenter in zip(together, segmenters, strict=True):
            k = _last_step(run)
            worst = sorted(run.objects, key=lambda each: iou_at(each.ious, k))[:WORST]
            title = f"{set_name}: worst objects of {methods[run.method]} ({prompts_shown(run.summary)})"
            text = f"The lowest IoU@{k}. " + _explained([segmenter])
            shown = tuple(_shots(record, here, segmenter, [k], f"{record.name}, ")[0] for record in worst)
            result.append(Gallery(title, text, (("", shown),)))
    return result


def _last_step(run: Run) -> int:
    return min(STEPS[-1], run.header.max_interactions)


def _spread_keys(run: Run) -> list[Key]:
    """Objects from hard to easy, evenly spaced in the order of their IoU, without the extremes."""
    order = sorted(run.objects, key=lambda each: iou_at(each.ious, _last_step(run)))
    count = min(COMPARED, len(order))
    return [order[int((i + 0.5) * len(order) / count)].key for i in range(count)]


def _explained(segmenters: Sequence[Segmenter | None]) -> str:
    replayed = sum(segmenter is not None for segmenter in segmenters)
    parts = []
    if replayed:
        parts.append("Blue: the mask, computed again from the recorded prompts.")
    if replayed < len(segmenters):
        parts.append("Yellow: the ground truth; records hold no masks.")
    return " ".join(parts)


def _shots(
    record: ObjectRecord, samples: Mapping[Key, Sample], segmenter: Segmenter | None, steps: Sequence[int], name: str
) -> tuple[Shot, ...]:
    """The object after each of `steps`, or after its last interaction. Captions begin with `name`."""
    sample = samples.get(record.key)
    if sample is None:
        raise DatasetError(
            f"object {record.object_id} of {record.name} is in a run but not in the data; give the data of the run"
        )
    image, truth = sample.image(), sample.truth()
    if truth.shape != record.size:
        raise DatasetError(f"{record.name} is {truth.shape} in the data and {record.size} in a run; both are (H, W)")
    counts = sorted({min(k, len(record.interactions)) for k in steps})
    answers = _answers(segmenter, image, record, counts[-1])
    shots = []
    for k in counts:
        marks = marks_of(step.prompt for step in record.interactions[:k])
        caption = f"{name}{counted(k, 'prompt')}, IoU {record.ious[k - 1]:.3f}"
        if answers:
            mask = answers[k - 1]
            drawn = overlay(image, mask, marks)
            now = iou(mask, truth)
            if abs(now - record.ious[k - 1]) > DEVIATION:
                caption += f" recorded, {now:.3f} now"
        else:
            drawn = overlay(image, truth == 1, marks, colour=TRUTH)
        what = "the predicted mask" if answers else "the ground truth"
        alt = f"{record.name} with {counted(k, 'prompt')} and {what}"
        shots.append(_small(drawn, caption, alt))
    return tuple(shots)


def _answers(segmenter: Segmenter | None, image: RGB, record: ObjectRecord, count: int) -> list[BoolMask]:
    """Masks of the method after each of the first `count` recorded prompts."""
    if segmenter is None:
        return []
    encoded = segmenter.encode(image.copy())
    prompts = [step.prompt for step in record.interactions]
    masks: list[BoolMask] = []
    last: Prediction | None = None
    for k in range(1, count + 1):
        (last,) = segmenter.segment([Query(encoded, prompts[:k], last)])
        masks.append(last.mask)
    return masks


def _small(drawn: RGB, caption: str, alt: str) -> Shot:
    small = scaled_down(drawn, SIDE)
    buffer = io.BytesIO()
    Image.fromarray(small).save(buffer, format="WEBP", quality=55)  # half the size of JPEG
    source = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Shot(source, (small.shape[0], small.shape[1]), caption, alt)
