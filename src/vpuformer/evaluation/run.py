"""The measuring itself: every object of a data set, a simulated user, a segmenter.

The protocol is RITM's (Sofiiuk et al., 2022), which the paper follows (IV-B): the user shows what is most deeply wrong,
up to 20 times, and the IoU after each prompt is written down. A run does not stop when a target is met, so that the
number of clicks to any IoU and the IoU after any number of clicks are read off the same curves.

Objects that follow each other form blocks: the first eight, the next eight, and so on. A block goes through its prompts
in step, and which objects are asked about together depends on the block alone; whatever runs before, in addition or
after it changes no number, down to the last bit. Blocks run in threads.
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
from vpuformer.errors import ConfigError, DatasetError, MaskError
from vpuformer.evaluation import BATCH
from vpuformer.evaluation.records import Key, ObjectRecord, RecordWriter, RunHeader
from vpuformer.evaluation.simulated_user import ObjectRun, SimulatedUser
from vpuformer.inference.protocol import Encoded, Query, Segmenter

USER = SimulatedUser()
"""Clicks alone, up to twenty."""

Progress = Callable[[int, int], None]
"""Called after each object with the number of objects done and of all."""


def evaluate(
    samples: Sequence[Sample],
    segmenter: Segmenter,
    user: SimulatedUser = USER,
    *,
    batch: int = BATCH,
    workers: int = 1,
    skip: Collection[Key] = (),
    on_progress: Progress | None = None,
) -> Iterator[ObjectRecord]:
    """Segment each object with simulated prompts, and yield a record after each object.

    The prediction is every pixel with a probability above 0.49. Ignored pixels count for nothing, and no prompt is
    given twice. An object ends before `max_interactions` when nothing is left to correct; its curve then stands still
    at its last value. Pixels are read from disk when their turn comes. Objects of the same image that follow each
    other in a block, or that are blocks of one, share what is encoded.

    Args:
        samples: what to segment.
        segmenter: what to measure. It gets images, prompts and its own last answer.
        user: how the simulated user behaves.
        batch: objects in a block. The seconds of a prompt are its share of the block's.
        workers: threads in which blocks run, for a segmenter that several threads may use. With several of them
            seconds are those of a busy machine.
        skip: samples (name, object_id) to leave out since they are done.
        on_progress: see `Progress`; skipped objects count as done.

    Raises:
        ConfigError: an argument is out of range.
        DatasetError: a ground truth does not fit its image, or shows no object.
        MaskError: the segmenter's answer is not a probability map of the image's size.
    """
    if batch < 1 or workers < 1:
        raise ConfigError(f"batch and workers are at least 1, got {batch} and {workers}")
    blocks = [samples[start : start + batch] for start in range(0, len(samples), batch)]
    # All of a block or nothing, whatever is done of it already: with less in a pass, sums are rounded otherwise.
    left = [block for block in blocks if any(_key(sample) not in skip for sample in block)]
    records = _Run(segmenter, user, share_encoded=batch == 1).records(left, workers)
    return _new(records, skip, len(samples), on_progress)


def evaluate_to_file(
    samples: Sequence[Sample],
    segmenter: Segmenter,
    path: str | os.PathLike[str],
    header: RunHeader,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> tuple[ObjectRecord, ...]:
    """`evaluate` into a file; an interrupted run with the same header goes on.

    Args:
        samples: `header.objects` samples.
        segmenter: what to measure.
        path: of the records; see `RecordWriter`.
        header: what the run is.
        workers, on_progress: see `evaluate`.

    Raises:
        InputError: the records cannot be written, or those in FILE or FILE.partial are of another run; and as
            `evaluate`.
    """
    if len(samples) != header.objects:
        raise ConfigError(f"the header speaks of {header.objects} objects, there are {len(samples)}; make them agree")
    with RecordWriter(path, header) as writer:
        records = evaluate(
            samples,
            segmenter,
            SimulatedUser(header.kinds, header.first_kind, header.max_interactions, header.stop_at_iou, header.seed),
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


class _Run:
    """One evaluation.

    Args:
        segmenter, user: see `evaluate`.
        share_encoded: whether a block shares the image with the block before it in its thread.
    """

    def __init__(self, segmenter: Segmenter, user: SimulatedUser, *, share_encoded: bool) -> None:
        self._segmenter, self._user, self._share = segmenter, user, share_encoded
        self._given_up = threading.Event()
        self._last = threading.local()

    def records(self, blocks: Sequence[Sequence[Sample]], workers: int) -> Iterator[ObjectRecord]:
        """The records of the blocks, in order. At most one block a thread is begun ahead."""
        threads = ThreadPoolExecutor(workers, "evaluate")
        running: deque[Future[list[ObjectRecord]]] = deque()
        try:
            for block in blocks:
                running.append(threads.submit(self._block, block))
                if len(running) > workers:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:
            # Matters after an error or Ctrl-C alone: nobody waits for what nobody will read.
            self._given_up.set()
            threads.shutdown(cancel_futures=True)

    def _block(self, block: Sequence[Sample]) -> list[ObjectRecord]:
        read = [_read(sample) for sample in block]
        images = self._encode([image for image, _ in read])
        runs = [ObjectRun(self._user, _key(sample), truth) for sample, (_, truth) in zip(block, read, strict=True)]
        while not self._given_up.is_set():
            asked = [(i, prompts) for i, run in enumerate(runs) if (prompts := run.next_prompts()) is not None]
            if not asked:
                break
            start = time.perf_counter()
            answers = self._segmenter.segment(
                [Query(images[i].encoded, prompts, runs[i].previous, runs[i].crop) for i, prompts in asked]
            )
            if len(answers) != len(asked):
                raise MaskError(f"{self._segmenter.name} gave {len(answers)} answers to {len(asked)} queries")
            seconds = (time.perf_counter() - start) / len(asked)
            for (i, _), answer in zip(asked, answers, strict=True):
                runs[i].take(answer, seconds, self._segmenter.name)
        return [
            ObjectRecord(*_key(sample), truth.shape, image.seconds, run.interactions, sample.image_id)
            for sample, (_, truth), image, run in zip(block, read, images, runs, strict=True)
        ]

    def _encode(self, images: Sequence[RGB]) -> "list[_Image]":
        """The images, encoded; one that follows itself is encoded once."""
        last: _Image | None = getattr(self._last, "image", None) if self._share else None
        encoded = []
        for pixels in images:
            # Compared as pixels: reading costs little compared with encoding, and no promise about names is needed.
            if last is None or not np.array_equal(pixels, last.pixels):
                start = time.perf_counter()
                last = _Image(pixels, self._segmenter.encode(pixels.copy()), time.perf_counter() - start)
            encoded.append(last)
        self._last.image = last
        return encoded


class _Image(NamedTuple):
    pixels: RGB
    encoded: Encoded
    seconds: float
    """Seconds that encoding took."""


class _Read(NamedTuple):
    image: RGB
    truth: Truth


def _read(sample: Sample) -> _Read:
    """The pixels of a sample.

    Raises:
        DatasetError: its ground truth does not fit its image, or shows no object.
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
