"""The field's test sets, as they are laid out on disk by the packages that everybody downloads."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.data.sample import Sample, Truth
from vpuformer.errors import DatasetError, unknown_name
from vpuformer.images import picture_size, read_image
from vpuformer.metrics import IGNORE

_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

ReadMask = Callable[[Image.Image], Truth]


def grabcut(root: Path) -> Sequence[Sample]:
    """GrabCut (50 pictures): `data_GT` and `boundary_GT`. Grey masks: above 128 object, 128 undecided, else not."""
    return _pairs(root, "grabcut", ("data_GT", "boundary_GT"), _undecided_at_128)


def berkeley(root: Path) -> Sequence[Sample]:
    """Berkeley (100 objects, one picture file each): `images` and `masks`, read as GrabCut."""
    return _pairs(root, "berkeley", ("images", "masks"), _undecided_at_128)


def davis(root: Path) -> Sequence[Sample]:
    """DAVIS (345 frames): `img` and `gt`. All objects of a frame are one: everything above 0."""
    return _pairs(root, "davis", ("img", "gt"), _above_zero)


def coco_mval(root: Path) -> Sequence[Sample]:
    """COCO_MVal (800 objects, one picture file each): `img` and `gt`, read as DAVIS."""
    return _pairs(root, "coco_mval", ("img", "gt"), _above_zero)


BENCHMARKS: dict[str, Callable[[Path], Sequence[Sample]]] = {
    "grabcut": grabcut,
    "berkeley": berkeley,
    "davis": davis,
    "coco_mval": coco_mval,
}
"""Name to reader; a reader takes the root of the set and raises `DatasetError` when it is not laid out as expected."""


def open_benchmark(name: str, root: str | Path) -> Sequence[Sample]:
    """The samples of the benchmark `name` (upper and lower case are one) at `root`, in the order of their names."""
    reader = BENCHMARKS.get(name.lower())
    if reader is None:
        raise DatasetError(unknown_name("benchmark", name, BENCHMARKS))
    return reader(Path(root))


def _pairs(root: Path, name: str, folders: tuple[str, str], read: ReadMask) -> list[Sample]:
    """One sample a picture, its mask being the file of the same stem: the text before the first dot."""
    images, masks = root / folders[0], root / folders[1]
    missing = [folder for folder in (images, masks) if not folder.is_dir()]
    if missing:
        wanted = f"wanted the folders {folders[0]} (pictures) and {folders[1]} (masks)"
        raise DatasetError(f"{root} is not laid out as {name}: {wanted}, there is no {missing[0].name}")
    by_stem = _by_stem(masks)
    samples = []
    for stem, image in sorted(_by_stem(images).items()):
        if stem not in by_stem:
            raise DatasetError(f"{image} has no mask: there is no {stem}.* in {masks}")
        truth = partial(_truth, image, by_stem[stem], read)
        samples.append(Sample(f"{name}/{stem}", 1, partial(read_image, image), truth))
    if not samples:
        raise DatasetError(f"{images} holds no picture ({', '.join(sorted(_SUFFIXES))})")
    return samples


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = path.name.split(".")[0]
        if not stem or path.suffix.lower() not in _SUFFIXES:
            continue
        if stem in found:
            raise DatasetError(f"{folder} has two files for {stem}: {found[stem].name} and {path.name}")
        found[stem] = path
    return found


def _truth(image: Path, mask: Path, read: ReadMask) -> Truth:
    try:
        with Image.open(mask) as opened:
            truth = read(opened)
    except OSError as problem:
        raise DatasetError(f"{mask} cannot be read: {problem}") from problem
    height, width = picture_size(image)
    if truth.shape != (height, width):
        raise DatasetError(f"{mask} is {truth.shape[1]}x{truth.shape[0]} pixels, its picture {width}x{height}")
    if not (truth == 1).any():
        raise DatasetError(f"{mask} shows no object; its values are not those of this benchmark")
    return truth


def _undecided_at_128(mask: Image.Image) -> Truth:
    """The first colour channel: above 128 object, 128 itself undecided."""
    # A palette is looked up: its entries are the values, as for every other reader of these sets.
    grey = _array(mask if mask.mode == "L" else mask.convert("RGB"))
    first = grey if grey.ndim == 2 else grey[:, :, 0]
    truth = (first > 128).astype(np.int8)
    truth[first == 128] = IGNORE
    return truth


def _above_zero(mask: Image.Image) -> Truth:
    """Any channel above 0; a palette's entry counts by its number, which is the object's."""
    values = _array(mask if mask.mode in ("L", "P") else mask.convert("RGB"))
    return ((values if values.ndim == 2 else values.max(axis=2)) > 0).astype(np.int8)


def _array(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image, np.uint8)
