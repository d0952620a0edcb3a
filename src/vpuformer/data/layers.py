"""Data sets whose objects are labels in maps, one or several maps an image."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB
from vpuformer.data.source import Masks, Source
from vpuformer.errors import DatasetError, InputError, listed
from vpuformer.images import read_image
from vpuformer.images.remarks import unseen

Labels = npt.NDArray[np.integer]
"""(H, W), values as a file stores them: 0 and every negative value is background."""

MOST_LABELS = 65_536
"""Objects of one map: above this a file is an image or noise rather than a map of labels."""

_RECENT = 4
"""Images whose maps are kept: one sample asks several times for those of one image, or of two."""


@dataclass(frozen=True)
class Layers:
    """The objects of an image.

    `maps` have one shape. `objects` gives map and label of each object by its id, `extra` those of objects that
    training adds by chance. `ignore_label` is the label of ignored pixels, in any map. `notes` are sentences about
    what is left out of the files, or read otherwise than its name says. `areas` counts the pixels of each object.

    >>> Layers([np.array([[0, 3, 3]])], {7: (0, 3)}).areas
    {7: 2}
    """

    maps: Sequence[Labels]
    objects: Mapping[int, tuple[int, int]]
    extra: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    ignore_label: int | None = None
    notes: tuple[str, ...] = ()
    areas: Mapping[int, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = [_pixels_of(labels) for labels in self.maps]
        areas = {
            number: counts[layer].get(label, 0) for number, (layer, label) in {**self.objects, **self.extra}.items()
        }
        object.__setattr__(self, "areas", areas)

    def mask(self, number: int) -> npt.NDArray[np.bool_]:
        """Bool, shape (H, W)."""
        layer, label = self.find(number)
        return self.maps[layer] == label

    def find(self, number: int) -> tuple[int, int]:
        """Map and label of an object."""
        return self.objects[number] if number in self.objects else self.extra[number]

    def without(self, numbers: Iterable[int]) -> "Layers":
        """The same without some of the objects."""
        left_out = set(numbers)
        objects, extra = (
            {number: entry for number, entry in some.items() if number not in left_out}
            for some in (self.objects, self.extra)
        )
        return Layers(self.maps, objects, extra, self.ignore_label, self.notes)


def labels_as_layers(labels: Labels, ignore_label: int | None = None, name: str = "the label map") -> Layers:
    """The objects of a label map: every label above 0 except `ignore_label`, as its id.

    Raises:
        DatasetError: the map has more than `MOST_LABELS` labels; `name` is the map's in the message.

    >>> layers = labels_as_layers(np.array([[-1, 3, 3, 2**40]]))
    >>> layers.areas, layers.notes
    ({3: 2, 1099511627776: 1}, ('the label map: the value -1 is background, as every value below 0',))
    """
    found = labels_of(labels, ignore_label, name)
    note = note_on_negatives(labels, ignore_label, name)
    objects = {label: (0, label) for label in found}
    return Layers([labels], objects, ignore_label=ignore_label, notes=() if note is None else (note,))


def labels_of(labels: Labels, ignore_label: int | None, name: str) -> list[int]:
    """The labels of objects in a map, ascending: all values above 0 except `ignore_label`.

    Raises:
        DatasetError: there are more than `MOST_LABELS`.
    """
    values = np.unique(labels)
    if len(values) > MOST_LABELS:
        raise DatasetError(
            f"{name} holds {len(values):,} different values, and a map of labels at most {MOST_LABELS:,}; give a map"
            " with one value an object"
        )
    return [value for value in values.tolist() if value > 0 and value != ignore_label]


def note_on_negatives(labels: Labels, ignore_label: int | None, name: str) -> str | None:
    """A sentence that names the values below 0, which are background; None without any."""
    if np.issubdtype(labels.dtype, np.unsignedinteger):
        return None
    below = [value for value in np.unique(labels[labels < 0]).tolist() if value != ignore_label]
    if not below:
        return None
    values = f"the value {below[0]} is" if len(below) == 1 else f"the values {listed(map(str, below))} are"
    return f"{name}: {values} background, as every value below 0"


def _pixels_of(labels: Labels) -> dict[int, int]:
    """The pixels of each value of a map."""
    values, counts = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


class LayeredSource(Source):
    """A data set whose files are opened on demand. Subclasses define `path` and `read_layers`."""

    def __init__(self, name: str, images: Sequence[str]) -> None:
        self.name = name
        self.images: Sequence[str] = images
        self._recent: OrderedDict[int, Layers] = OrderedDict()

    def path(self, index: int) -> Path:
        """Path of an image."""
        raise NotImplementedError

    def read_layers(self, index: int) -> Layers:
        """The objects of an image, from its files. Raises `InputError` if they are wrong."""
        raise NotImplementedError

    def layers(self, index: int) -> Layers:
        """The objects of an image. Those of the last few images are cached.

        Raises:
            DatasetError: the files are missing or broken.
        """
        found = self._recent.pop(index, None)
        if found is None:
            try:
                found = self.read_layers(index)
            except DatasetError:
                raise
            except InputError as problem:
                raise DatasetError(str(problem)) from problem
        self._recent[index] = found
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return found

    def objects(self, index: int) -> list[int]:
        return list(self.layers(index).objects)

    def areas(self, index: int) -> npt.NDArray[np.int64]:
        layers = self.layers(index)
        return np.array([layers.areas[number] for number in layers.objects], np.int64)

    def size(self, index: int) -> tuple[int, int]:
        height, width = self.layers(index).maps[0].shape
        return height, width

    def image(self, index: int) -> RGB:
        path = self.path(index)
        try:
            image = read_image(path)
        except InputError as problem:
            raise DatasetError(str(problem)) from problem
        height, width = self.size(index)
        if image.shape[:2] != (height, width):
            raise DatasetError(f"{path} is {image.shape[1]}x{image.shape[0]} pixels, its masks {width}x{height}")
        return image

    def masks(self, index: int, objects: Sequence[int] | None = None) -> Masks:
        layers, chosen = self._chosen(index, objects)
        masks = np.zeros((len(chosen), *self.size(index)), np.uint8)
        for mask, number in zip(masks, chosen, strict=True):
            mask[:] = layers.mask(number)
        return masks

    def union(self, index: int, objects: Sequence[int] | None = None) -> Masks:
        layers, chosen = self._chosen(index, objects)
        union = np.zeros(self.size(index), bool)
        wanted: dict[int, list[int]] = {}
        for number in chosen:
            layer, label = layers.find(number)
            wanted.setdefault(layer, []).append(label)
        for layer, labels in wanted.items():
            union |= np.isin(layers.maps[layer], np.array(labels, layers.maps[layer].dtype))
        return union.astype(np.uint8)

    def _chosen(self, index: int, objects: Sequence[int] | None) -> tuple[Layers, list[int]]:
        layers = self.layers(index)
        chosen = list(layers.objects if objects is None else objects)
        for number in chosen:
            if number not in layers.areas:
                raise DatasetError(f"{self.images[index]} of {self.name} has no object {number}")
        return layers, chosen

    def remarks(self, index: int) -> Sequence[str]:
        return (*self.layers(index).notes, *unseen(self.path(index)))

    def ignore_mask(self, index: int) -> Masks | None:
        layers = self.layers(index)
        if layers.ignore_label is None:
            return None
        ignored = np.any([labels == layers.ignore_label for labels in layers.maps], axis=0)
        return ignored.astype(np.uint8) if ignored.any() else None
