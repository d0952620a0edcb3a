"""From sets on a disk to the parts of a step: which samples, who reads them, and what happens when nobody does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from vpuformer.arrays import evenly_spaced
from vpuformer.data.sample import Sample
from vpuformer.data.sources import folder_of, open_sources
from vpuformer.data.split import Split, find_split, validation_samples
from vpuformer.data.training_set import TrainingSample, TrainingSet
from vpuformer.errors import TrainingError, VPUFormerError
from vpuformer.training.interrupts import leave_signals_to_the_trainer
from vpuformer.training.recipe import Recipe

Part = Mapping[str, Tensor]
"""What one device computes at once: the collated samples of `TrainingSet`."""


def open_data(recipe: Recipe) -> tuple[TrainingSet, list[Sample]]:
    """What a recipe trains on, and the objects that it is validated on.

    Raises:
        ConfigError: a kind of data is unknown.
        DatasetError: the data cannot be read, or hold nothing to train on.
    """
    sources, split = open_sources(recipe.sources), _split(recipe)
    data = TrainingSet(
        sources,
        split,
        size=recipe.size,
        seed=recipe.seed,
        weights=recipe.set_weights,
        regions=recipe.region_sets,
        objects_per_image=recipe.objects,
        augmentation=recipe.augmentation,
    )
    samples = validation_samples(sources, split)
    return data, [samples[i] for i in evenly_spaced(len(samples), recipe.validate_objects)]


def share(batch: int, parts: int, part: int) -> range:
    """The samples of a batch that one of `parts` gets; none gets more than one above any other.

    >>> [list(share(5, 3, part)) for part in range(3)]
    [[0], [1, 2], [3, 4]]
    """
    return range(batch * part // parts, batch * (part + 1) // parts)


class Feed:
    """The parts of one step after the other, for one of several processes; there is no epoch, and no end.

    Step `s` is made of the samples from `s * images` on, however many processes share them.

    Args:
        data: what `TrainingSet` draws; any map from sample numbers.
        start: the first step.
        rank, world: which process this is, of how many.
    """

    def __init__(self, recipe: Recipe, data: Dataset[TrainingSample], start: int, rank: int, world: int) -> None:
        self._parts = recipe.accumulate
        loader: DataLoader[Any] = DataLoader(
            _Telling(data),
            batch_sampler=_Numbers(recipe.images, recipe.accumulate, start, rank, world),  # type: ignore[arg-type]
            collate_fn=_collate,
            num_workers=recipe.workers,
            prefetch_factor=4 if recipe.workers else None,
            worker_init_fn=_begin_worker,
        )
        with _without_threads_of_opencv():
            self._samples: Iterator[Any] | None = iter(loader)

    def parts(self) -> list[Part]:
        """The parts of the next step.

        Raises:
            TrainingError: a worker is gone.
            VPUFormerError: a sample cannot be made.
        """
        assert self._samples is not None
        try:
            collected = [next(self._samples) for _ in range(self._parts)]
        except RuntimeError as error:
            # What torch says of it; the error has no type of its own.
            if "DataLoader worker" not in str(error):
                raise
            raise TrainingError(
                "a process that reads images has ended unexpectedly; most often memory ran out: go on with fewer"
                " workers"
            ) from error
        for part in collected:
            if isinstance(part, VPUFormerError):
                raise part
        return collected

    def close(self) -> None:
        """Ends the workers."""
        self._samples = None


class _Numbers:
    """The sample numbers of each part, step after step."""

    def __init__(self, batch: int, accumulate: int, start: int, rank: int, world: int) -> None:
        self._batch, self._accumulate, self._start, self._rank, self._world = batch, accumulate, start, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        step = self._start
        while True:
            for part in range(self._accumulate):
                chosen = share(self._batch, self._accumulate * self._world, part * self._world + self._rank)
                yield [step * self._batch + i for i in chosen]
            step += 1


class _Telling(Dataset[Any]):
    """Samples, or the error in place of one: raised in a worker, it would arrive as the text of a traceback."""

    def __init__(self, data: Dataset[TrainingSample]) -> None:
        self._data = data

    def __getitem__(self, index: int) -> TrainingSample | VPUFormerError:
        try:
            return self._data[index]
        except VPUFormerError as error:
            return error


def _collate(samples: list[Any]) -> Any:
    return next((sample for sample in samples if isinstance(sample, VPUFormerError)), None) or default_collate(samples)


@contextmanager
def _without_threads_of_opencv() -> Iterator[None]:
    """A worker that is forked off while OpenCV has a pool of threads waits for them for ever: they are not in it."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _begin_worker(_worker: int) -> None:
    torch.set_num_threads(1)
    leave_signals_to_the_trainer()


def _split(recipe: Recipe) -> Split:
    """The split that the recipe names, else what lies beside its sets; of several, all together."""
    if recipe.split is not None:
        return Split.load(recipe.split)
    splits = [find_split(folder_of(spec)) for spec in recipe.sources]
    names = {name for split in splits for name in split.images}
    return Split(
        frozenset().union(*(split.drop for split in splits)),
        {name: frozenset().union(*(split.images.get(name, ()) for split in splits)) for name in names},
        tuple(dict.fromkeys(entry for split in splits for entry in split.objects)),
    )
