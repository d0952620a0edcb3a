"""Test sets of two folders, images and masks, matched by their stems."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from vpuformer.arrays import Truth
from vpuformer.data.file_lists import by_stem, need_folders, unread
from vpuformer.data.kinds.label_map_sets import SampleOrError, label_samples, read_fitting
from vpuformer.data.layers import Labels
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError
from vpuformer.images import read_image, read_labels, read_meaning
from vpuformer.metrics import IGNORE

ReadTruth = Callable[[Path], Truth]


class _Pair(NamedTuple):
    """An image and its mask; `notes` are about the folders of the set."""

    stem: str
    image: Path
    mask: Path
    notes: tuple[str, ...]


def _one_object(name: str, images: str, masks: str, read: ReadTruth, root: Path) -> Iterator[SampleOrError]:
    for pair in _pairs(root, name, images, masks):
        if isinstance(pair, DatasetError):
            yield pair
        else:
            truth = partial(_truth, pair.image, pair.mask, read)
            yield Sample(f"{name}/{pair.stem}", 1, partial(read_image, pair.image), truth, notes=pair.notes)


def _labelled(
    name: str, images: str, masks: str, read: Callable[[Path], Labels], root: Path
) -> Iterator[SampleOrError]:
    for pair in _pairs(root, name, images, masks):
        if isinstance(pair, DatasetError):
            yield pair
        else:
            yield from label_samples(f"{name}/{pair.stem}", pair.image, pair.mask, read, notes=pair.notes)


def _pairs(root: Path, name: str, images: str, masks: str) -> Iterator[_Pair | DatasetError]:
    image_folder, mask_folder = need_folders(root, name, images, masks)
    found, by_name = by_stem(image_folder), by_stem(mask_folder)
    if not found:
        raise DatasetError(f"{image_folder} holds no image")
    notes = (*unread(image_folder), *unread(mask_folder))
    for stem, image in sorted(found.items()):
        if stem in by_name:
            yield _Pair(stem, image, by_name[stem], notes)
        else:
            yield DatasetError(f"{image} has no mask: there is no {stem}.* in {mask_folder}")


def _truth(image: Path, mask: Path, read: ReadTruth) -> Truth:
    truth = read_fitting(image, mask, read)
    if not (truth == 1).any():
        raise DatasetError(f"{mask} shows no object; its values are not those of this benchmark")
    return truth


def _undecided_at_128(mask: Path) -> Truth:
    """The first colour channel: above 128 object, 128 itself ignored."""
    # As an image, not as labels: a palette's entries are the values, as for every other reader of these sets.
    first = read_image(mask)[:, :, 0]
    truth = (first > 128).astype(np.int8)
    truth[first == 128] = IGNORE
    return truth


def _above_zero(mask: Path) -> Truth:
    """Any channel above 0; a palette's entry counts by its number, which is the object's."""
    return (read_meaning(mask).values > 0).astype(np.int8)


def _components(mask: Path) -> Labels:
    _, components = cv2.connectedComponents((read_labels(mask) > 0).astype(np.uint8), connectivity=4)
    return np.asarray(components, np.int32)


grabcut = partial(_one_object, "grabcut", "data_GT", "boundary_GT", _undecided_at_128)
"""GrabCut: grey masks, above 128 object, 128 ignored."""
berkeley = partial(_one_object, "berkeley", "images", "masks", _undecided_at_128)
"""Berkeley: one image file an object, read as GrabCut."""
davis = partial(_one_object, "davis", "img", "gt", _above_zero)
"""DAVIS: all objects of a frame are one, everything above 0."""
coco_mval = partial(_one_object, "coco_mval", "img", "gt", _above_zero)
"""COCO_MVal: one image file an object, read as DAVIS."""
brats = partial(_one_object, "brats", "image", "annotation", _above_zero)
"""BraTS: slices of brains with tumours, read as DAVIS."""
oaizib = partial(_labelled, "oaizib", "test/image", "test/annotations", read_labels)
"""OAIZIB: slices of knees; values above 0 are objects."""
sstem = partial(_labelled, "sstem", "raw", "mitochondria", _components)
"""ssTEM: slices of a larva's nerve cord, in the folder `stack1`. Every component, connected over the sides of its
pixels, is an object; they are numbered in raster order."""
