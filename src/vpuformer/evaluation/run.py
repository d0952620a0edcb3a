"""The measuring itself: every object of a data set, a simulated user, a method.

The protocol is RITM's (Sofiiuk et al., 2022), which the paper follows (IV-B): the user shows what is most deeply wrong,
up to 20 times, and the IoU after each prompt is written down. A run does not stop when a target is met, so that the
number of clicks to any IoU and the IoU after any number of clicks are read off the same curves.

A method of several objects at a time (`BatchSegmenter`) gets blocks of objects that follow each other: the first eight,
the next eight, and so on. A block goes through its prompts in step, and which objects share a pass depends on the
block alone; whatever runs before, beside or after it changes no number, down to the last bit. Blocks run in threads.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from vpuformer.arrays import RGB, Size, Truth
from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.evaluation import BATCH
from vpuformer.evaluation.protocol import Asked, BatchSegmenter, Segmenter
from vpuformer.evaluation.records import Key, ObjectRecord, RecordWriter, RunHeader
from vpuformer.evaluation.simulated_user import Annotation, User
from vpuformer.metrics import MAX_CLICKS
from vpuformer.prompts import Kind

Progress = Callable[[int, int], None]
"""Called after each object with the number of objects done and of all."""


def evaluate(
    samples: Sequence[Sample],
    segmenter: Segmenter | BatchSegmenter,
    *,
    kinds: Sequence[Kind] = ("click",),
    first_kind: Kind | None = None,
    max_interactions: int = MAX_CLICKS,
    until: float | None = None,
    seed: int = 0,
    batch: int = BATCH,
    workers: int = 1,
    skip: Collection[Key] = (),
    on_progress: Progress | None = None,
) -> Iterator[ObjectRecord]:
    """Segment each object with simulated prompts, and say after each object how it went.

    The prediction is every pixel with a probability above 0.49. Ignored pixels count for nothing, and no prompt is
    given twice. An object ends before `max_interactions` when nothing is left to correct; its curve then stands still
    at its last value. Pixels are read from disk when their turn comes. Objects of the same image that follow each
    other share one `set_image`.

    Args:
        samples: what to segment.
        segmenter: what to measure. It gets images, prompts and its own last answer.
        kinds, first_kind, max_interactions, until, seed: see `vpuformer.evaluation.simulated_user.User`.
        batch: objects in a block, for a `BatchSegmenter`. The seconds of an object are its share of the block's.
        workers: threads in which blocks run, likewise. With several of them seconds are those of a busy machine.
        skip: samples (name, object_id) to leave out since they are done.
        on_progress: see `Progress`; skipped objects count as done.

    Raises:
        ConfigError: an argument is out of range.
        DatasetError: a truth does not fit its image, or shows no object.
        MaskError: the segmenter's answer is no probability map of the image's size.
    """
    user = User(tuple(kinds), first_kind, max_interactions, until, seed)
    if batch < 1 or workers < 1:
        raise ConfigError(f"batch and workers are at least 1, got {batch} and {workers}")
    if isinstance(segmenter, BatchSegmenter):
        blocks = [samples[start : start + batch] for start in range(0, len(samples), batch)]
        # All of a block or nothing, whatever is done of it already: with less in a pass, sums are rounded otherwise.
        left = [block for block in blocks if any(_key(sample) not in skip for sample in block)]
        records = _in_blocks(left, segmenter, user, workers)
    else:
        records = _one_by_one([sample for sample in samples if _key(sample) not in skip], segmenter, user)
    return _new(records, skip, len(samples), on_progress)


def evaluate_to_file(
    samples: Sequence[Sample],
    segmenter: Segmenter | BatchSegmenter,
    path: str | os.PathLike[str],
    header: RunHeader,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> tuple[ObjectRecord, ...]:
    """`evaluate`, with the settings of `header`, into a file; an interrupted run with the same header goes on.

    Args:
        samples: `header.objects` samples.
        segmenter: what to measure.
        path: of the records; see `RecordWriter`.
        header: what the run is.
        workers, on_progress: see `evaluate`.

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
            batch=header.batch,
            workers=workers,
            skip=frozenset(record.key for record in writer.records),
            on_progress=on_progress,
        )
        for record in records:
            writer.add(record)
        return writer.records


def _new(
    records: Iterator[ObjectRecord], skip: Collection[Key], total: int, on_progress: Progress | None
) -> Iterator[ObjectRecord]:
    done = len(skip)
    for record in records:
        if record.key in skip:
            continue
        yield record
        done += 1
        if on_progress is not None:
            on_progress(done, total)


def _one_by_one(samples: Sequence[Sample], segmenter: Segmenter, user: User) -> Iterator[ObjectRecord]:
    held: RGB | None = None
    image_seconds = 0.0
    for sample in samples:
        image, truth = _read(sample)
        # Compared as pixels: reading costs little beside encoding, and no promise about names is needed.
        if held is None or not np.array_equal(image, held):
            start = time.perf_counter()
            segmenter.set_image(image.copy())
            image_seconds = time.perf_counter() - start
            held = image
        annotation = Annotation(user, _key(sample), truth)
        while (prompts := annotation.next_prompts()) is not None:
            start = time.perf_counter()
            answer = segmenter.predict(prompts, annotation.previous)
            annotation.take(answer, time.perf_counter() - start, segmenter.name)
        yield ObjectRecord(*_key(sample), truth.shape, image_seconds, annotation.interactions, sample.image_id)


def _in_blocks(
    blocks: Sequence[Sequence[Sample]], segmenter: BatchSegmenter, user: User, workers: int
) -> Iterator[ObjectRecord]:
    """The blocks' records in the blocks' order. No more blocks are begun ahead than there are threads."""
    given_up = threading.Event()
    threads = ThreadPoolExecutor(workers, "evaluate", segmenter.enter_worker)
    running: deque[Future[list[ObjectRecord]]] = deque()
    try:
        for block in blocks:
            running.append(threads.submit(_run_block, block, segmenter, user, given_up))
            if len(running) > workers:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        # Of use only after an error or Ctrl-C: nobody waits for what nobody will read.
        given_up.set()
        threads.shutdown(cancel_futures=True)


def _run_block(
    block: Sequence[Sample], segmenter: BatchSegmenter, user: User, given_up: threading.Event
) -> list[ObjectRecord]:
    read = [_read(sample) for sample in block]
    start = time.perf_counter()
    running = segmenter.begin([image.copy() for image, _ in read])
    image_seconds = (time.perf_counter() - start) / len(block)
    annotations = [Annotation(user, _key(sample), truth) for sample, (_, truth) in zip(block, read, strict=True)]
    while not given_up.is_set():
        asked = [
            Asked(place, prompts, annotation.previous)
            for place, annotation in enumerate(annotations)
            if (prompts := annotation.next_prompts()) is not None
        ]
        if not asked:
            break
        start = time.perf_counter()
        answers = running.predict(asked)
        seconds = (time.perf_counter() - start) / len(asked)
        for each, answer in zip(asked, answers, strict=True):
            annotations[each.place].take(answer, seconds, segmenter.name)
    return [
        ObjectRecord(*_key(sample), truth.shape, image_seconds, annotation.interactions, sample.image_id)
        for sample, (_, truth), annotation in zip(block, read, annotations, strict=True)
    ]


class _Read(NamedTuple):
    image: RGB
    truth: Truth


def _read(sample: Sample) -> _Read:
    """The pixels of a sample.

    Raises:
        DatasetError: its truth does not fit its image, or shows no object.
    """
    image, truth = sample.image(), sample.truth()
    size: Size = (image.shape[0], image.shape[1])
    what = f"object {sample.object_id} of {sample.name}"
    if truth.shape != size:
        raise DatasetError(f"{what} has a truth of {truth.shape}, its image {size}")
    if not (truth == 1).any():
        raise DatasetError(f"{what} has no pixel; leave it out of the data set")
    return _Read(image, truth)


def _key(sample: Sample) -> Key:
    return sample.name, sample.object_id
