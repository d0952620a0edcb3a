"""Test sets in which a picture has one map of labels, and every label is an object to be segmented."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from vpuformer.data.layers import Labels
from vpuformer.data.sample import Sample, Truth
from vpuformer.errors import DatasetError, InputError
from vpuformer.images import picture_size, read_image
from vpuformer.metrics import IGNORE

Found = Sample | DatasetError
"""What a reader of a test set comes upon: an object, or in its place what is wrong with a file."""


def label_samples(
    name: str, image: Path, mask: Path, read: Callable[[Path], Labels], *, void: int | None = None
) -> Iterator[Found]:
    """The objects of one picture, by increasing labels.

    Args:
        name: of the picture in its set, "set/picture"; that of a sample is "set/picture/label".
        image: file of the picture.
        mask: file of the labels.
        read: from that file to labels of shape (H, W); 0 is background. It raises `InputError`.
        void: the label of pixels that the annotators left open.
    """
    try:
        labels = read(mask)
    except InputError as problem:
        yield DatasetError(str(problem))
        return
    for label in np.flatnonzero(np.bincount(labels.ravel())).tolist():
        if label not in (0, void):
            truth = partial(_truth, image, mask, read, label, void)
            yield Sample(f"{name}/{label}", label, partial(read_image, image), truth)


def _truth(image: Path, mask: Path, read: Callable[[Path], Labels], label: int, void: int | None) -> Truth:
    try:
        labels = read(mask)
        size = picture_size(image)
    except InputError as problem:
        raise DatasetError(str(problem)) from problem
    check_size(labels.shape, mask, size)
    truth = (labels == label).astype(np.int8)
    if void is not None:
        truth[labels == void] = IGNORE
    return truth


def check_size(shape: tuple[int, ...], mask: Path, size: tuple[int, int]) -> None:
    """See that a mask (H, W) is of the size (height, width) of its picture.

    Raises:
        DatasetError: it is not.
    """
    if shape != size:
        raise DatasetError(f"{mask} is {shape[1]}x{shape[0]} pixels, its picture {size[1]}x{size[0]}")
