"""The measuring itself: every object of a data set, a simulated user, a method.

The protocol is RITM's (Sofiiuk et al., 2022), which the paper follows (IV-B): the user shows what is most deeply wrong,
up to 20 times, and the IoU after each prompt is written down. A run does not stop when a target is met, so that the
number of clicks to any IoU and the IoU after any number of clicks are read off the same curves.
"""

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, DatasetError, MaskError, unknown_name
from vpuformer.evaluation.protocol import Picture, Probability, Segmenter
from vpuformer.evaluation.records import Header, Interaction, Key, ObjectRecord, RecordWriter
from vpuformer.geometry import Size
from vpuformer.metrics import MASK_THRESHOLD, MAX_CLICKS, Truth, boundary_iou, iou
from vpuformer.prompts import KINDS, Kind, Prompt
from vpuformer.simulation import clicked_pixels, next_kind, next_prompt

Progress = Callable[[int, int], None]
"""Called after each object with the number of objects done and of all."""


def evaluate(
    samples: Sequence[Sample],
    segmenter: Segmenter,
    *,
    kinds: Sequence[Kind] = ("click",),
    first_kind: Kind | None = None,
    max_interactions: int = MAX_CLICKS,
    until: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    skip: Collection[Key] = (),
    on_progress: Progress | None = None,
) -> Iterator[ObjectRecord]:
    """Segment each object with simulated prompts, and say after each object how it went.

    The prediction is every pixel with a probability above 0.49. Ignored pixels count for nothing, and no pixel is
    clicked twice. An object ends before `max_interactions` when nothing is left to correct; its curve then stands still
    at its last value. Pixels are read from disk when their turn comes. Objects of the same picture that follow each
    other share one `set_image`.

    Args:
        samples: what to segment.
        segmenter: what to measure. It gets pictures, prompts and its own last answer.
        kinds: one kind of prompt, or several to mix as the paper does (see `vpuformer.simulation.next_kind`). A stroke
            for which there is no room becomes a click, and is recorded as one.
        first_kind: of the first prompt, also one that is not among `kinds`: a box to begin with, then clicks.
        max_interactions: prompts an object.
        until: end an object when this IoU is reached. Then only numbers up to this target mean anything.
        seed: of the draws of a mixed protocol. Each object has draws of its own, whatever was run before it.
        limit: segment the first so many samples only.
        skip: samples (name, object_id) to leave out since they are done.
        on_progress: see `Progress`; skipped objects count as done.

    Raises:
        ConfigError: an argument is out of range.
        DatasetError: a truth does not fit its picture, or shows no object.
        MaskError: the segmenter's answer is no probability map of the picture's size.
    """
    _check(kinds, first_kind, max_interactions, until, limit)
    chosen = samples if limit is None else samples[:limit]
    left = [sample for sample in chosen if (sample.name, sample.object_id) not in skip]
    user = _User(kinds, first_kind, max_interactions, until, seed)
    return _evaluate(left, segmenter, user, len(chosen), on_progress)


def evaluate_to_file(
    samples: Sequence[Sample],
    segmenter: Segmenter,
    path: str | os.PathLike[str],
    header: Header,
    *,
    on_progress: Progress | None = None,
) -> tuple[ObjectRecord, ...]:
    """`evaluate`, with the settings of `header`, into a file; an interrupted run with the same header goes on.

    Args:
        samples: `header.objects` samples.
        segmenter: what to measure.
        path: of the records; see `RecordWriter`.
        header: what the run is.
        on_progress: see `Progress`.

    Raises:
        InputError: the records cannot be written, or FILE.partial is of another run; and as `evaluate`.
    """
    if len(samples) != header.objects:
        raise ConfigError(f"the header speaks of {header.objects} objects, there are {len(samples)}; make them agree")
    with RecordWriter(path, header) as writer:
        records = evaluate(
            samples,
            segmenter,
            kinds=header.kinds,
            first_kind=header.first_kind,
            max_interactions=header.max_interactions,
            until=header.until,
            seed=header.seed,
            skip=frozenset(record.key for record in writer.records),
            on_progress=on_progress,
        )
        for record in records:
            writer.add(record)
        return writer.records


def object_rng(seed: int, key: Key) -> np.random.Generator:
    """The draws for one object: the same on every machine and in every order of objects.

    >>> int(object_rng(0, ("toy/square", 1)).integers(1000))
    787
    """
    name, object_id = key
    digest = hashlib.sha256(f"{seed}\0{name}\0{object_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


@dataclass(frozen=True, slots=True)
class _User:
    """The simulated user. Only here do the truth and the method's answers meet. Fields as in `evaluate`."""

    kinds: Sequence[Kind]
    first_kind: Kind | None
    max_interactions: int
    until: float | None
    seed: int

    def segment(self, key: Key, truth: Truth, segmenter: Segmenter) -> tuple[Interaction, ...]:
        """All prompts for one object of the picture that the segmenter has now."""
        size = (truth.shape[0], truth.shape[1])
        rng = object_rng(self.seed, key)
        prompts: tuple[Prompt, ...] = ()
        previous: Probability | None = None
        mask = np.zeros(size, dtype=np.bool_)
        done: list[Interaction] = []
        while len(done) < self.max_interactions and not self._satisfied(done):
            kind = self._kind([each.iou for each in done], rng)
            prompt = next_prompt(kind, truth, mask, clicked=clicked_pixels(prompts, size))
            if prompt is None:
                break
            prompts = (*prompts, prompt)
            start = time.perf_counter()
            answer = segmenter.predict(prompts, previous)
            seconds = time.perf_counter() - start
            previous = _checked(answer, size, segmenter.name)
            mask = previous > MASK_THRESHOLD
            done.append(Interaction(prompt, iou(mask, truth), seconds, boundary_iou(mask, truth)))
        return tuple(done)

    def _satisfied(self, done: Sequence[Interaction]) -> bool:
        return self.until is not None and bool(done) and done[-1].iou >= self.until

    def _kind(self, ious: Sequence[float], rng: np.random.Generator) -> Kind:
        if self.first_kind is not None and not ious:
            return self.first_kind
        return next_kind(ious, self.kinds, rng)


def _evaluate(
    samples: Sequence[Sample], segmenter: Segmenter, user: _User, total: int, on_progress: Progress | None
) -> Iterator[ObjectRecord]:
    held: Picture | None = None
    image_seconds = 0.0
    for done, sample in enumerate(samples, start=total - len(samples) + 1):
        image, truth = sample.image(), sample.truth()
        size = (image.shape[0], image.shape[1])
        _check_truth(sample, truth, size)
        # Compared as pixels: reading costs little beside encoding, and no promise about names is needed.
        if held is None or not np.array_equal(image, held):
            start = time.perf_counter()
            segmenter.set_image(image.copy())
            image_seconds = time.perf_counter() - start
            held = image
        key = (sample.name, sample.object_id)
        yield ObjectRecord(*key, size, image_seconds, user.segment(key, truth, segmenter))
        if on_progress is not None:
            on_progress(done, total)


def _check(
    kinds: Sequence[Kind], first_kind: Kind | None, max_interactions: int, until: float | None, limit: int | None
) -> None:
    if not kinds:
        raise ConfigError(f"no kind of prompt given; choose from {', '.join(KINDS)}")
    for kind in (*kinds, *([] if first_kind is None else [first_kind])):
        if kind not in KINDS:
            raise ConfigError(unknown_name("kind of prompt", kind, KINDS))
    if max_interactions < 1:
        raise ConfigError(f"max_interactions is at least 1, got {max_interactions}")
    if until is not None and not 0 < until <= 1:
        raise ConfigError(f"until is an IoU above 0 and up to 1, such as 0.9, got {until}")
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is at least 1, got {limit}")


def _check_truth(sample: Sample, truth: Truth, size: Size) -> None:
    if truth.shape != size:
        raise DatasetError(
            f"object {sample.object_id} of {sample.name} has a truth of {truth.shape}, its picture {size}"
        )
    if not (truth == 1).any():
        raise DatasetError(f"object {sample.object_id} of {sample.name} has no pixel; leave it out of the data set")


def _checked(answer: Probability, size: Size, name: str) -> Probability:
    """A copy of the segmenter's answer, so that nobody changes it later."""
    probability = np.array(answer, dtype=np.float32)
    if probability.shape != size:
        raise MaskError(f"{name} answered with the shape {probability.shape} to a picture of {size}; both are (H, W)")
    if not (probability.min() >= 0 and probability.max() <= 1):  # written so that NaN fails
        raise MaskError(f"{name} answered with values that are no probabilities; they lie in 0..1")
    return probability
