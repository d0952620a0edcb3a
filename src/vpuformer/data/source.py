"""What training asks of a set of annotated pictures, whatever its files look like.

A reader derives from `Source` and writes `objects`, `areas`, `image` and `masks`; the rest follows from these, and is
overridden where a format knows a cheaper way.
"""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpuformer.data.sample import RGB, Sample, Truth, truth_of
from vpuformer.errors import DatasetError

Masks = npt.NDArray[np.uint8]


class Source(Protocol):
    """Pictures and their objects.

    Pictures are counted from 0 in the order of `pictures`. Objects of a picture are called by an id, a number that
    nothing else in the picture has. Nothing is drawn by chance here but in `draw`, so that a sample is a function of
    its seed and number alone.
    """

    name: str
    """What the set is called in weights, splits and samples."""
    pictures: Sequence[str]
    """Files, relative to the folder of the set."""
    indexed: bool = False
    """Whether `size`, `objects` and `areas` are answered from memory. Where not, training draws a picture first and
    looks afterwards whether it shows an object of use, so that a large set is ready at once."""
    frequencies: npt.NDArray[np.float64] | None = None
    """How often each picture is drawn, relative to the others, shape (n,); None where all are drawn alike."""
    faults: Sequence[DatasetError] = ()
    """What was left out because its files are wrong."""
    notes: Sequence[str] = ()
    """Sentences about what is in the files and takes no part, although nothing is wrong with it."""

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.pictures)

    def objects(self, picture: int) -> list[int]:
        """Ids of the objects of a picture."""
        ...

    def areas(self, picture: int) -> npt.NDArray[np.int64]:
        """Pixels of each object, in the order of `objects`."""
        ...

    def image(self, picture: int) -> RGB:
        """RGB, uint8, shape (H, W, 3)."""
        ...

    def masks(self, picture: int, objects: Sequence[int] | None = None) -> Masks:
        """Masks of the given ids (default: of `objects`): uint8, shape (n, H, W), 0 or 1.

        Raises `DatasetError` for an id that the picture does not have, and for files that cannot be read.
        """
        ...

    def size(self, picture: int) -> tuple[int, int]:
        """(height, width) of a picture."""
        height, width = self.image(picture).shape[:2]
        return height, width

    def exhaustive(self, picture: int) -> bool:  # noqa: ARG002
        """Whether every object of the picture is annotated; where not, an unlabelled thing is not background."""
        return False

    def undecided(self, picture: int) -> Masks | None:  # noqa: ARG002
        """Pixels that the annotators left open: uint8, shape (H, W), 0 or 1; None where there are none."""
        return None

    def unusable(self) -> Sequence[int]:
        """Pictures whose file is not there or is another than was annotated, as far as that is seen at little cost.
        They are not trained on."""
        return ()

    def remarks(self, picture: int) -> Sequence[str]:  # noqa: ARG002
        """Sentences about what in the picture's files takes no part, or was read otherwise than its name says."""
        return ()

    def union(self, picture: int, objects: Sequence[int] | None = None) -> Masks:
        """The pixels of any of the given objects (default: of all): uint8, shape (H, W), 0 or 1."""
        return self.masks(picture, objects).max(axis=0, initial=0)

    def draw(self, picture: int, rng: np.random.Generator) -> tuple[list[int], npt.NDArray[np.int64]]:  # noqa: ARG002
        """The objects that a training sample of this picture is made of, and their areas.

        These are `objects` and `areas`, but for formats that add or leave out some by chance.
        """
        return self.objects(picture), self.areas(picture)

    def truth(self, picture: int, object_id: int) -> Truth:
        """The truth of one object: int8, shape (H, W), 1 object, `IGNORE` where it is undecided, 0 elsewhere."""
        return truth_of(self.masks(picture, [object_id])[0], self.undecided(picture))

    def sample(self, picture: int, object_id: int) -> Sample:
        """One object as a `Sample` called "set/file/id", the file relative to the folder of the set: two folders may
        hold files of the same name.

        Raises `DatasetError` where the picture has no such object.
        """
        if object_id not in self.objects(picture):
            raise DatasetError(f"{self.pictures[picture]} of {self.name} has no object {object_id}")
        file = f"{self.name}/{self.pictures[picture]}"
        read = partial(self.image, picture), partial(self.truth, picture, object_id)
        return Sample(
            f"{file}/{object_id}", object_id, *read, picture=file, notes=(*self.notes, *self.remarks(picture))
        )

    def samples(self) -> list[Sample]:
        """Every object of every picture."""
        return [self.sample(i, number) for i in range(len(self)) for number in self.objects(i)]
