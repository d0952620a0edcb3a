"""Test sets with one label map an image, whose every label is an object."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from vpuformer.arrays import Truth
from vpuformer.data.layers import Labels, labels_of, note_on_negatives
from vpuformer.data.sample import Sample, truth_of
from vpuformer.errors import DatasetError, InputError
from vpuformer.images import image_size, read_image

SampleOrError = Sample | DatasetError
"""Item of a test set: an object, or the error of a file."""

Pixels = TypeVar("Pixels", bound=npt.NDArray[Any])


def label_samples(
    name: str,
    image: Path,
    mask: Path,
    read: Callable[[Path], Labels],
    *,
    ignore_label: int | None = None,
    notes: tuple[str, ...] = (),
) -> Iterator[SampleOrError]:
    """The objects of one image, by increasing labels.

    Args:
        name: of the image in its set, "set/image"; that of a sample is "set/image/label".
        read: from that file to labels of shape (H, W); 0 and values below are background. It raises `InputError`.
        ignore_label: the label of ignored pixels.
        notes: sentences about the set that its samples carry.
    """
    try:
        labels = read(mask)
        found = labels_of(labels, ignore_label, str(mask))
    except InputError as problem:
        yield DatasetError(str(problem))
        return
    negatives = note_on_negatives(labels, ignore_label, str(mask))
    if negatives is not None:
        notes = (*notes, negatives)
    for label in found:
        truth = partial(_truth, image, mask, read, label, ignore_label)
        yield Sample(f"{name}/{label}", label, partial(read_image, image), truth, image_id=name, notes=notes)


def _truth(image: Path, mask: Path, read: Callable[[Path], Labels], label: int, ignore_label: int | None) -> Truth:
    labels = read_fitting(image, mask, read)
    return truth_of(labels == label, None if ignore_label is None else labels == ignore_label)


def read_fitting(image: Path, mask: Path, read: Callable[[Path], Pixels]) -> Pixels:
    """What `read` makes of the file of a mask, which is to be as large as its image.

    Raises:
        DatasetError: one of the files cannot be read, or the sizes differ.
    """
    try:
        pixels = read(mask)
        size = image_size(image)
    except InputError as problem:
        raise DatasetError(str(problem)) from problem
    if pixels.shape != size:
        raise DatasetError(f"{mask} is {pixels.shape[1]}x{pixels.shape[0]} pixels, its image {size[1]}x{size[0]}")
    return pixels
