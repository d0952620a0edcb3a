"""Training samples from several sets, each a pure function of a seed and its index.

There is no epoch: sample i chooses its set, image, object and view from `default_rng((seed, i))`. A run that stopped
after sample n therefore goes on with sample n + 1, whatever the number of workers.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vpuformer.arrays import RGB
from vpuformer.data.augment import Augmentation, Augmented, Shown, augment
from vpuformer.data.recorded_prompts import prompts_in_view
from vpuformer.data.sample import LARGEST_SHARE, SMALLEST_OBJECT, truth_of
from vpuformer.data.source import Masks, Source
from vpuformer.data.split import Split, notes_on, training_images
from vpuformer.errors import ConfigError, DatasetError, counted, listed
from vpuformer.prompts import Prompt

LARGEST_VIEW_SHARE = 0.97
"""Share of the view: above it hardly any background is left."""
MERGE = 0.1
"""Probability that two objects make one target, in a fully annotated image."""
PASTED_FIRST = 0.7
"""Probability that a pasted object is the first target, and not the object under it."""
_ATTEMPTS = 20
_LOOKS = 200
"""Images of a set that is not indexed to try until one shows a usable object."""


class TrainingSample(TypedDict):
    """One sample.

    `image` is uint8 (3, S, S), `truth` int8 (S, S): 1 object, 0 background, `IGNORE`; `others` bool (S, S): other
    annotated objects. With `objects_per_image` m > 1 truth and others are (m, S, S). `recorded` has for each of the m
    objects the prompts of people that fit into the view, in its pixels; see `Source.recorded_prompts`.
    """

    image: Tensor
    truth: Tensor
    others: Tensor
    recorded: list[tuple[Prompt, ...]]
    index: int


class TrainingSet(Dataset[TrainingSample]):
    """Augmented objects of many sets.

    Args:
        sources: sets by name, as from `open_sources`.
        split: its validation images and dropped images are never sampled.
        size: side of the square views, S; or a function that returns it for the index of a sample.
        seed: together with the index it determines a sample.
        weights: relative frequency by set name; a set that is not named counts 1, and 0 leaves it out.
        regions: names of the sets whose objects are regions (walls, sky): they may fill the image, and are not pasted
            into others.
        objects_per_image: m different objects of one view, so that one encoded image serves m targets. The first
            is the object that the view was chosen for. A view with fewer than m objects (of at least
            `augmentation.smallest` of its area each) adds unions of two of them, and then repeats some.
        length: what `len` says; samples beyond it exist all the same.
        augmentation: how images are changed.

    Raises `ConfigError` for weights or regions of unknown sets and for weights that are not numbers from 0 on,
    `DatasetError` if no image is left.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        split: Split | None = None,
        *,
        size: int | Callable[[int], int] = 256,
        seed: int = 0,
        weights: Mapping[str, float] | None = None,
        regions: Collection[str] = (),
        objects_per_image: int = 1,
        length: int | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        if (not callable(size) and size < 1) or objects_per_image < 1:
            raise ConfigError(f"size={size} and objects_per_image={objects_per_image} must be at least 1")
        weights = weights or {}
        for what, names in (("a weight for", weights), ("regions in", regions)):
            unknown = sorted(set(names) - set(sources))
            if unknown:
                raise ConfigError(f"{what} {unknown[0]!r}, but the sets are {', '.join(sorted(sources))}")
        self.size, self.seed, self.objects_per_image = size, seed, objects_per_image
        self.augmentation = augmentation or Augmentation()
        self._sets: list[_TrainingImages] = []
        chances: list[float] = []
        objects = 0
        left_out: list[str] = []
        for name, source in sources.items():
            weight = float(weights.get(name, 1.0))
            if not 0 <= weight < math.inf:
                raise ConfigError(f"the weight of {name!r} is {weight}; weights are numbers from 0 on")
            part, usable, notes = _training_images(name, source, split or Split(), regions=name in regions)
            left_out += notes
            if weight and len(part.images):
                self._sets.append(part)
                chances.append(weight)
                objects += usable
            else:
                why = "it has no image to train on" if weight else "its weight is 0"
                left_out.append(f"the set {name} is left out: {why}")
        if not self._sets:
            why = f" ({listed(left_out)})" if left_out else ""
            raise DatasetError(f"nothing to train on in the sets {', '.join(sources) or '(none)'}{why}")
        self._chances = _distribution(chances)
        self.notes: list[str] = [
            f"{counted(len(part.images), 'image')} of {part.name}, weight {weight:g}: {chance:.1%} of the samples"
            for part, weight, chance in zip(self._sets, chances, self._chances.tolist(), strict=True)
        ] + left_out
        """Sentences about the share of each set and what is left out, as far as known without opening images."""
        pasteable = [weight * (not part.regions) for part, weight in zip(self._sets, chances, strict=True)]
        self._paste_chances = _distribution(pasteable) if any(pasteable) else None
        self._length = objects if length is None else length

    def __len__(self) -> int:
        """`length`, else the number of usable objects; a set that is not indexed counts its images."""
        return self._length

    def __iter__(self) -> Iterator[TrainingSample]:
        return (self[i] for i in range(len(self)))

    @property
    def sets(self) -> dict[str, int]:
        """The sets in use and the number of their training images."""
        return {part.name: len(part.images) for part in self._sets}

    def __getitem__(self, index: int) -> TrainingSample:
        if index < 0:
            raise IndexError(f"samples are counted from 0, got {index}")
        rng = np.random.default_rng((self.seed, index))
        side = self.size(index) if callable(self.size) else self.size
        for _ in range(_ATTEMPTS):
            view, prompts, ignored = self._view(rng, side)
            shares = view.masks[: len(prompts)].mean(axis=(1, 2))
            visible = [i for i in range(len(prompts)) if self.augmentation.smallest <= shares[i] <= LARGEST_VIEW_SHARE]
            if visible:
                objects, chosen = _targets(view.masks[visible], self.objects_per_image, rng)
                recorded = [() if i is None else prompts[visible[i]] for i in chosen]
                others = view.masks.any(axis=0) & ~objects
                truth = truth_of(objects, ignored)
                single = self.objects_per_image == 1
                return TrainingSample(
                    image=view.image,
                    truth=torch.from_numpy(truth[0] if single else truth),
                    others=torch.from_numpy(others[0] if single else others),
                    recorded=[
                        prompts_in_view(given, view.view, mask) for given, mask in zip(recorded, objects, strict=True)
                    ],
                    index=index,
                )
        raise DatasetError(f"sample {index}: {_ATTEMPTS} images in a row showed no object of usable size")

    def _view(self, rng: np.random.Generator, side: int) -> tuple[Augmented, list[Sequence[Prompt]], Shown]:
        """A view of a random image; the recorded prompts of its objects, the first masks; its ignored pixels.

        The masks are the object that the view was chosen for, further ones, and the union of any rest; a pasted object
        comes before or after the first.
        """
        source, image, objects, usable, _ = self._sample_image(self._chances, rng)
        order = rng.permutation(usable).tolist()
        focus = order[: 2 if source.fully_annotated(image) and rng.random() < MERGE else 1]
        # Twice as many as wanted: some will lie outside the view.
        further = order[len(focus) : len(focus) + 2 * self.objects_per_image] if self.objects_per_image > 1 else []
        rest = sorted(set(objects) - set(focus) - set(further))
        parts = [source.union(image, focus)[None]]
        if further:
            parts.append(source.masks(image, further))
        if rest:
            parts.append(source.union(image, rest)[None])
        count = sum(map(len, parts))
        ignored = source.ignore_mask(image)
        if ignored is not None:
            parts.append(ignored[None])
        masks = np.concatenate(parts)
        foreign = self._foreign(rng) if rng.random() < self.augmentation.paste else None
        view = augment(source.image(image), masks, side, rng, self.augmentation, foreign=foreign)
        ignored_in_view = np.zeros_like(view.masks[0]) if ignored is None else view.masks[count]
        alone = [focus[0]] if len(focus) == 1 else []
        prompts = [source.recorded_prompts(image, number) for number in [*alone, *further]]
        prompts[:0] = [()] * (1 - len(alone))  # two merged objects have none
        if foreign is None:
            return view._replace(masks=view.masks[:count]), prompts, ignored_in_view
        # The pasted object is the target, or now and then what it covers in part.
        ahead = 0 if rng.random() < PASTED_FIRST else 1
        order = np.insert(np.arange(count), ahead, len(masks))
        prompts.insert(ahead, ())
        return view._replace(masks=view.masks[order]), prompts, ignored_in_view

    def _sample_image(self, chances: npt.NDArray[np.float64], rng: np.random.Generator) -> "_SampledImage":
        part = self._sets[rng.choice(len(self._sets), p=chances)]
        for _ in range(_LOOKS):
            image = part.sample(rng)
            objects, areas = part.source.sample_objects(image, rng)
            fit = _fit(part.source, image, areas, regions=part.regions)
            if fit.any():
                usable = [number for number, good in zip(objects, fit, strict=True) if good]
                return _SampledImage(part.source, image, objects, usable, areas)
        raise DatasetError(
            f"{_LOOKS} images in a row of the set {part.name} showed no object of at least {SMALLEST_OBJECT} pixels"
            " that leaves something of its image; see with `vpuformer data check` what is in it"
        )

    def _foreign(self, rng: np.random.Generator) -> tuple[RGB, Masks] | None:
        """An object of at most half of its image, to be pasted; None when chance found none."""
        if self._paste_chances is None:
            return None
        source, image, objects, usable, areas = self._sample_image(self._paste_chances, rng)
        height, width = source.size(image)
        ids = np.array(objects)
        # Objects added at random, such as the sky, cannot lie somewhere else.
        fit = np.isin(ids, usable) & np.isin(ids, source.objects(image)) & (areas <= height * width / 2)
        if not fit.any():
            return None
        return source.image(image), source.masks(image, [int(rng.choice(ids[fit]))])[0]


class _SampledImage(NamedTuple):
    """A sampled image, its objects, those of usable size, and the areas of all."""

    source: Source
    image: int
    objects: list[int]
    usable: list[int]
    areas: npt.NDArray[np.int64]


class _TrainingImages(NamedTuple):
    """The training images of one set, and cumulative frequencies if they differ."""

    name: str
    source: Source
    images: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64] | None
    regions: bool

    def sample(self, rng: np.random.Generator) -> int:
        if self.sums is None:
            return int(self.images[rng.integers(len(self.images))])
        index = np.searchsorted(self.sums, rng.random() * self.sums[-1], side="right")
        return int(self.images[min(int(index), len(self.images) - 1)])


def _training_images(
    name: str, source: Source, split: Split, *, regions: bool
) -> tuple[_TrainingImages, int, list[str]]:
    """The training images of a set, the number of usable objects (of images if not indexed), and notes."""
    images = np.array(training_images(source, split), np.int64)
    usable, notes = len(images), notes_on(source)
    if source.indexed:
        fitting = [_fit(source, int(i), source.areas(int(i)), regions=regions) for i in images]
        counts = np.array([fit.sum() for fit in fitting], np.int64)
        images, usable = images[counts > 0], int(counts.sum())
        objects = sum(map(len, fitting))
        if usable < objects:
            notes.append(
                f"{objects - usable:,} of {objects:,} objects of {name} not drawn: below {SMALLEST_OBJECT} pixels"
                + ("" if regions else f", or above {LARGEST_SHARE:.0%} of their image")
            )
    if source.frequencies is None:
        return _TrainingImages(name, source, images, None, regions), usable, notes
    frequencies = source.frequencies[images]
    images = images[frequencies > 0]
    return _TrainingImages(name, source, images, np.cumsum(frequencies[frequencies > 0]), regions), usable, notes


def _fit(source: Source, index: int, areas: npt.NDArray[np.int64], *, regions: bool) -> npt.NDArray[np.bool_]:
    """Whether objects of these areas are neither too small nor too large for training."""
    height, width = source.size(index)
    largest = height * width * (1.0 if regions else LARGEST_SHARE)
    return (areas >= SMALLEST_OBJECT) & (areas <= largest)


def _targets(
    masks: npt.NDArray[np.bool_], wanted: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], list[int | None]]:
    """`wanted` masks out of k visible ones, (k, S, S) to (wanted, S, S): the first, others at random, unions of two,
    repetitions; and the number of each, None for a union."""
    k = len(masks)
    order = [0, *(1 + rng.permutation(k - 1)).tolist()]
    chosen = [masks[i] for i in order[:wanted]]
    numbers: list[int | None] = [*order[:wanted]]
    pairs = [(i, j) for i in range(k) for j in range(i)]
    for pair in rng.permutation(len(pairs))[: wanted - len(chosen)]:
        i, j = pairs[pair]
        union = masks[i] | masks[j]
        if union.mean() <= LARGEST_VIEW_SHARE:
            chosen.append(union)
            numbers.append(None)
    for i in range(wanted - len(chosen)):
        chosen.append(chosen[i])
        numbers.append(numbers[i])
    return np.stack(chosen), numbers


def _distribution(weights: list[float]) -> npt.NDArray[np.float64]:
    array = np.asarray(weights, np.float64)
    return array / array.sum()
