"""Batches of the training loop, and the worker processes that read their samples."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from vpuformer.arrays import evenly_spaced
from vpuformer.data.sample import Sample
from vpuformer.data.sources import folder_of, open_sources
from vpuformer.data.split import SPLIT, Split, find_split, validation_samples
from vpuformer.data.training_set import TrainingSample, TrainingSet
from vpuformer.errors import DatasetError, TrainingError, VPUFormerError, listed
from vpuformer.training.interrupts import ignore_interrupts_in_worker
from vpuformer.training.recipe import Recipe

MicroBatch = Mapping[str, Any]
"""The collated samples of `TrainingSet` that one device computes at once: tensors, and lists of recorded prompts."""


def open_data(recipe: Recipe) -> tuple[TrainingSet, list[Sample]]:
    """Open the training set of a recipe, and its validation objects.

    Raises:
        ConfigError: a kind of data is unknown.
        DatasetError: the data cannot be read, or hold no training object, or the split of the recipe is of other sets.
    """
    sources = open_sources(recipe.sources)
    split, notes = _split(recipe, sources)
    data = TrainingSet(
        sources,
        split,
        size=partial(_size_of_sample, recipe),
        seed=recipe.seed,
        weights=recipe.set_weights,
        regions=recipe.region_sets,
        objects_per_image=recipe.objects_per_image,
        augmentation=recipe.augmentation,
    )
    data.notes += notes
    samples = validation_samples(sources, split)
    return data, [samples[i] for i in evenly_spaced(len(samples), recipe.validate_objects)]


def share(batch: int, parts: int, part: int) -> range:
    """The samples of a batch in one of `parts`, whose sizes differ by at most one.

    >>> [list(share(5, 3, part)) for part in range(3)]
    [[0], [1, 2], [3, 4]]
    """
    return range(batch * part // parts, batch * (part + 1) // parts)


class StepLoader:
    """The micro-batches of one process, step after step without end.

    Step `s` consists of `images_per_step` samples from number `s * images_per_step`, for any number of processes.

    Args:
        data: a `TrainingSet`, or any other map from sample numbers.
        start: the first step.
        rank, world: index of this process, and number of processes.
    """

    def __init__(self, recipe: Recipe, data: Dataset[TrainingSample], start: int, rank: int, world: int) -> None:
        self._micro_batches = recipe.accumulate
        loader: DataLoader[Any] = DataLoader(
            ErrorAsSample(data),
            batch_sampler=_SampleNumbers(recipe, start, rank, world),  # type: ignore[arg-type]
            collate_fn=_collate,
            num_workers=recipe.workers,
            prefetch_factor=4 if recipe.workers else None,
            worker_init_fn=_begin_worker,
        )
        with _without_opencv_threads():
            self._samples: Iterator[Any] | None = iter(loader)

    def next_step(self) -> list[MicroBatch]:
        """The micro-batches of the next step.

        Raises:
            TrainingError: a worker has died.
            VPUFormerError: a sample cannot be read.
        """
        assert self._samples is not None
        try:
            collected = [next(self._samples) for _ in range(self._micro_batches)]
        except RuntimeError as error:
            # Torch raises a plain RuntimeError when a worker dies.
            if "DataLoader worker" not in str(error):
                raise
            raise TrainingError(
                "a process that reads images has ended unexpectedly; most often memory ran out: go on with fewer"
                " workers"
            ) from error
        for micro_batch in collected:
            if isinstance(micro_batch, VPUFormerError):
                raise micro_batch
        return collected

    def close(self) -> None:
        """End the workers."""
        self._samples = None


class _SampleNumbers:
    """The sample numbers of each micro-batch, step after step."""

    def __init__(self, recipe: Recipe, start: int, rank: int, world: int) -> None:
        self._images, self._accumulate = recipe.images_per_step, recipe.accumulate
        self._start, self._rank, self._world = start, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        step = self._start
        while True:
            for part in range(self._accumulate):
                chosen = share(self._images, self._accumulate * self._world, part * self._world + self._rank)
                yield [step * self._images + i for i in chosen]
            step += 1


class ErrorAsSample(Dataset[Any]):
    """Samples, with an error in the place of one that cannot be read.

    An error that a worker raises would arrive as the text of a traceback.
    """

    def __init__(self, data: Dataset[TrainingSample]) -> None:
        self._data = data

    def __getitem__(self, index: int) -> TrainingSample | VPUFormerError:
        try:
            return self._data[index]
        except VPUFormerError as error:
            return error


def _collate(samples: list[Any]) -> Any:
    error = next((sample for sample in samples if isinstance(sample, VPUFormerError)), None)
    if error is not None:
        return error
    recorded = [sample.pop("recorded", []) for sample in samples]
    return default_collate(samples) | {"recorded": recorded}


@contextmanager
def _without_opencv_threads() -> Iterator[None]:
    """Close OpenCV's thread pool. A forked worker would wait for its threads, which a fork does not copy, forever."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _begin_worker(_worker: int) -> None:
    torch.set_num_threads(1)
    ignore_interrupts_in_worker()


def _size_of_sample(recipe: Recipe, sample: int) -> int:
    return recipe.size_of(sample // recipe.images_per_step)


def _split(recipe: Recipe, sources: Collection[str]) -> tuple[Split, list[str]]:
    """The split that the recipe names, else the union of those next to its sets, and notes on it."""
    if recipe.split is not None:
        split = Split.load(recipe.split)
        if other := _of_other_sets(recipe.split, split, sources):
            raise DatasetError(f"{other}; or train without a split: --set split=none")
        return split, []
    splits = [find_split(folder_of(spec)) for spec in recipe.sources]
    # Only notes: one file serves several sets, and those that are trained on may be held out nowhere.
    notes = dict.fromkeys(_of_other_sets(SPLIT, split, sources) for split in splits)
    names = {name for split in splits for name in split.images}
    union = Split(
        frozenset().union(*(split.drop for split in splits)),
        {name: frozenset().union(*(split.images.get(name, ()) for split in splits)) for name in names},
        tuple(dict.fromkeys(entry for split in splits for entry in split.objects)),
    )
    return union, [note for note in notes if note]


def _of_other_sets(file: str, split: Split, sources: Collection[str]) -> str:
    """A sentence about a split whose sets are all other ones; else empty."""
    if not split.sets or split.sets & set(sources):
        return ""
    return (
        f"{file} holds no image out: it is about the sets {listed(sorted(split.sets))}, and the data are"
        f" {listed(sources)}; call a set as the split does with KIND=FOLDER,name=NAME"
    )
