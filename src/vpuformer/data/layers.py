"""Sets whose objects are labels in maps, one or several maps a picture."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpuformer.data.sample import RGB
from vpuformer.data.source import Masks, Source
from vpuformer.errors import DatasetError, InputError
from vpuformer.images import read_image

Labels = npt.NDArray[np.integer]
"""(H, W), 0 where nothing is."""

_RECENT = 4
"""Pictures whose maps are kept: one sample asks several times for those of one picture, or of two."""


@dataclass(frozen=True)
class Layers:
    """The objects of a picture.

    `maps` are of one shape; `places` tells map and label of each object by its id; `extra` the same of what training
    adds by chance; `void` is the label, in any map, of pixels that the annotators left open. `areas` has the pixels of
    all objects.

    >>> Layers([np.array([[0, 3, 3]])], {7: (0, 3)}).areas
    {7: 2}
    """

    maps: Sequence[Labels]
    places: Mapping[int, tuple[int, int]]
    extra: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    void: int | None = None
    areas: Mapping[int, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = [np.bincount(labels.ravel()) for labels in self.maps]
        areas = {}
        for number, (layer, label) in {**self.places, **self.extra}.items():
            areas[number] = int(counts[layer][label]) if label < len(counts[layer]) else 0
        object.__setattr__(self, "areas", areas)

    def mask(self, number: int) -> npt.NDArray[np.bool_]:
        """Bool, shape (H, W)."""
        layer, label = self.places[number] if number in self.places else self.extra[number]
        return self.maps[layer] == label

    def without(self, numbers: Iterable[int]) -> "Layers":
        """The same without some of the objects."""
        left_out = set(numbers)
        places, extra = (
            {number: place for number, place in some.items() if number not in left_out}
            for some in (self.places, self.extra)
        )
        return Layers(self.maps, places, extra, self.void)


def labels_as_layers(labels: Labels, void: int | None = None) -> Layers:
    """Every label of a map but 0 and `void`, the undecided pixels, is an object, called by its label."""
    found = np.flatnonzero(np.bincount(labels.ravel())).tolist()
    return Layers([labels], {label: (0, label) for label in found if label not in (0, void)}, void=void)


class LayeredSource(Source):
    """A set whose files are opened when a picture is asked for; a reader writes `path` and `read_layers`."""

    def __init__(self, name: str, pictures: Sequence[str]) -> None:
        self.name = name
        self.pictures: Sequence[str] = pictures
        self._recent: OrderedDict[int, Layers] = OrderedDict()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {len(self)} pictures)"

    def path(self, picture: int) -> Path:
        """Where a picture lies."""
        raise NotImplementedError

    def read_layers(self, picture: int) -> Layers:
        """The objects of a picture, from its files. Raises `InputError` where they are wrong."""
        raise NotImplementedError

    def layers(self, picture: int) -> Layers:
        """The objects of a picture; those of the last few pictures are at hand.

        Raises:
            DatasetError: the files are missing or broken.
        """
        found = self._recent.pop(picture, None)
        if found is None:
            try:
                found = self.read_layers(picture)
            except DatasetError:
                raise
            except InputError as problem:
                raise DatasetError(str(problem)) from problem
        self._recent[picture] = found
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return found

    def objects(self, picture: int) -> list[int]:
        return list(self.layers(picture).places)

    def areas(self, picture: int) -> npt.NDArray[np.int64]:
        layers = self.layers(picture)
        return np.array([layers.areas[number] for number in layers.places], np.int64)

    def size(self, picture: int) -> tuple[int, int]:
        height, width = self.layers(picture).maps[0].shape
        return height, width

    def image(self, picture: int) -> RGB:
        path = self.path(picture)
        try:
            image = read_image(path)
        except InputError as problem:
            raise DatasetError(str(problem)) from problem
        height, width = self.size(picture)
        if image.shape[:2] != (height, width):
            raise DatasetError(f"{path} is {image.shape[1]}x{image.shape[0]} pixels, its masks {width}x{height}")
        return image

    def masks(self, picture: int, objects: Sequence[int] | None = None) -> Masks:
        layers = self.layers(picture)
        chosen = list(layers.places) if objects is None else list(objects)
        masks = np.zeros((len(chosen), *self.size(picture)), np.uint8)
        for mask, number in zip(masks, chosen, strict=True):
            if number not in layers.areas:
                raise DatasetError(f"{self.pictures[picture]} of {self.name} has no object {number}")
            mask[:] = layers.mask(number)
        return masks

    def undecided(self, picture: int) -> Masks | None:
        layers = self.layers(picture)
        if layers.void is None:
            return None
        open_pixels = np.any([labels == layers.void for labels in layers.maps], axis=0)
        return open_pixels.astype(np.uint8) if open_pixels.any() else None
