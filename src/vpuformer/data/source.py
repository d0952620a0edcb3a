"""The interface of a data set for training, whatever its files look like.

A reader derives from `Source` and defines `objects`, `areas`, `image` and `masks`; the rest follows from these and is
overridden where a format has a cheaper way.
"""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB, Truth
from vpuformer.data.sample import Sample, truth_of
from vpuformer.errors import DatasetError
from vpuformer.prompts import Prompt

Masks = npt.NDArray[np.uint8]


class Source(Protocol):
    """Images and their objects.

    Images are counted from 0 in the order of `images`. Objects of an image are called by an id, a number that
    nothing else in the image has. Only `sample_objects` is random, so that a sample is a function of its seed and
    number alone.
    """

    name: str
    """What the set is called in weights, splits and samples."""
    images: Sequence[str]
    """Files, relative to the folder of the set."""
    indexed: bool = False
    """Whether `size`, `objects` and `areas` are answered from memory. If not, training samples an image first and
    then checks whether it shows a usable object, so that a large set is ready at once."""
    frequencies: npt.NDArray[np.float64] | None = None
    """Relative sampling frequency of each image, shape (n,); None if all are equal."""
    faults: Sequence[DatasetError] = ()
    """Errors of files that are left out."""
    notes: Sequence[str] = ()
    """Sentences about what is left out although nothing is wrong with it."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def objects(self, index: int) -> list[int]:
        """Ids of the objects of an image."""
        ...

    def areas(self, index: int) -> npt.NDArray[np.int64]:
        """Pixels of each object, in the order of `objects`."""
        ...

    def image(self, index: int) -> RGB:
        """RGB, uint8, shape (H, W, 3)."""
        ...

    def masks(self, index: int, objects: Sequence[int] | None = None) -> Masks:
        """Masks of the given ids (default: of `objects`): uint8, shape (n, H, W), 0 or 1.

        Raises `DatasetError` for an id that the image does not have, and for files that cannot be read.
        """
        ...

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) of an image."""
        height, width = self.image(index).shape[:2]
        return height, width

    def fully_annotated(self, index: int) -> bool:  # noqa: ARG002
        """Whether every object of the image is annotated; else unlabelled pixels may be objects."""
        return False

    def ignore_mask(self, index: int) -> Masks | None:  # noqa: ARG002
        """Ignored pixels: uint8, shape (H, W), 0 or 1; None if all pixels count."""
        return None

    def recorded_prompts(self, index: int, object_id: int) -> Sequence[Prompt]:  # noqa: ARG002
        """Prompts that people gave for an object, in their order, as far as known."""
        return ()

    def unusable(self) -> Sequence[int]:
        """Indices of images whose file is missing or of another size than annotated.

        They are not trained on. Only cheap checks are made.
        """
        return ()

    def remarks(self, index: int) -> Sequence[str]:  # noqa: ARG002
        """Sentences about what is left out of the image's files or read otherwise than named."""
        return ()

    def union(self, index: int, objects: Sequence[int] | None = None) -> Masks:
        """The pixels of any of the given objects (default: of all): uint8, shape (H, W), 0 or 1."""
        return self.masks(index, objects).max(axis=0, initial=0)

    def sample_objects(self, index: int, rng: np.random.Generator) -> tuple[list[int], npt.NDArray[np.int64]]:  # noqa: ARG002
        """Ids and areas of the objects for one training sample of this image.

        They equal `objects` and `areas`, except in formats that add or leave out some at random.
        """
        return self.objects(index), self.areas(index)

    def truth(self, index: int, object_id: int) -> Truth:
        """Ground truth of one object: int8, shape (H, W), 1 object, `IGNORE`, or 0 elsewhere."""
        return truth_of(self.masks(index, [object_id])[0], self.ignore_mask(index))

    def sample(self, index: int, object_id: int) -> Sample:
        """One object as a `Sample` named "set/file/id", the file relative to the set's folder.

        Raises `DatasetError` where the image has no such object.
        """
        if object_id not in self.objects(index):
            raise DatasetError(f"{self.images[index]} of {self.name} has no object {object_id}")
        file = f"{self.name}/{self.images[index]}"
        read = partial(self.image, index), partial(self.truth, index, object_id)
        return Sample(f"{file}/{object_id}", object_id, *read, image_id=file, notes=(*self.notes, *self.remarks(index)))

    def samples(self) -> list[Sample]:
        """Every object of every image."""
        return [self.sample(i, number) for i in range(len(self)) for number in self.objects(i)]
