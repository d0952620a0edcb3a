"""COCO+LVIS of RITM: `train` and `val` with `images`, `masks` and `hannotation.pickle`.

An image's masks are one pickle: label maps as PNG files, in which objects that overlap lie in different maps, and for
each object its map and label. The first objects are things; those behind them are stuff, such as sky and floor. Things
may be parts of others: a child lies inside its parent.
"""

import operator
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.data.file_lists import is_plain
from vpuformer.data.layers import Labels, LayeredSource, Layers
from vpuformer.data.unpickle import load_plain
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.images import MAX_PIXELS

_INDEX = "hannotation.pickle"

_MOST_THINGS = 100_000
"""Things of one image. The published index has at most a few hundred."""


class CocoLvis(LayeredSource):
    """The images of one split, sorted by name. An object's id is its index in the annotation.

    Args:
        root: the folder that holds the splits.
        split: train or val.
        stuff: probability, 0..1, that a training sample has the stuff of its image among the objects; otherwise it is
            background.
        min_area: pixels of the image; smaller objects are left out.
        parts: whether things that are parts of others count as objects of their own, too.

    Only the index is read here; the images' masks follow one by one.

    Raises `DatasetError` where the index is missing, broken or no such index.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        stuff: float = 0.3,
        min_area: int = 1000,
        parts: bool = False,
        name: str = "cocolvis",
    ) -> None:
        if not 0 <= stuff <= 1 or min_area < 0:
            raise ConfigError(f"stuff={stuff} is a probability, 0 to 1, and min_area={min_area} a number of pixels")
        self._folder = Path(root) / split
        self._stuff, self._min_area, self._parts = stuff, min_area, parts
        # Flat arrays: a million small objects would be copied by every worker that counts references to them.
        self._stems, self._first, self._roots = _read_index(self._folder / _INDEX)
        super().__init__(name, [f"images/{stem}.jpg" for stem in self._stems])

    def fully_annotated(self, index: int) -> bool:  # noqa: ARG002
        return True

    def path(self, index: int) -> Path:
        return self._folder / self.images[index]

    def read_layers(self, index: int) -> Layers:
        file = self._folder / "masks" / f"{self._stems[index]}.pickle"
        is_root = self._roots[self._first[index] : self._first[index + 1]]
        maps, labelled = _read_masks(file, len(is_root))
        things = {i: labelled[i] for i in range(len(is_root)) if self._parts or is_root[i]}
        layers = Layers(maps, things, {i: labelled[i] for i in range(len(is_root), len(labelled))})
        return layers.without(number for number, area in layers.areas.items() if area < max(self._min_area, 1))

    def sample_objects(self, index: int, rng: np.random.Generator) -> tuple[list[int], npt.NDArray[np.int64]]:
        layers = self.layers(index)
        chosen = [*layers.objects, *(layers.extra if rng.random() < self._stuff else ())]
        return chosen, np.array([layers.areas[number] for number in chosen], np.int64)


def _read_index(file: Path) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The images, where the things of each begin among those of all, and which things are not parts of others."""
    content = load_plain(file)
    stems, counts, roots = [], [0], []
    try:
        if not isinstance(content, dict):
            raise TypeError(f"it holds {type(content).__name__}")
        for stem in sorted(content):
            number, hierarchy = operator.index(content[stem]["num_instance_masks"]), content[stem]["hierarchy"]
            if not isinstance(stem, str) or not is_plain(stem):
                raise ValueError("an image is called by the name of a file")
            if not 0 <= number <= _MOST_THINGS:
                raise ValueError(f"{number:,} things in {stem}")
            stems.append(stem)
            counts.append(number)
            for i in range(number):
                entry = hierarchy.get(i)
                roots.append(entry is None or entry["parent"] is None)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise DatasetError(
            f"{file} is not an index of COCO+LVIS: it needs num_instance_masks and hierarchy for every image"
            f" ({type(problem).__name__}: {problem})"
        ) from problem
    if not stems:
        raise DatasetError(f"{file} lists no image")
    return stems, np.cumsum(counts, dtype=np.int64), np.array(roots, bool)


def _read_masks(file: Path, things: int) -> tuple[list[Labels], list[tuple[int, int]]]:
    """The label maps of an image, and map and label of each object."""
    content = load_plain(file)
    try:
        encoded, mapping = content
        contents = [_bytes(layer) for layer in encoded]
        if sum(height * width for height, width in map(_size, contents)) > MAX_PIXELS:
            raise ValueError(f"its label maps have more than {MAX_PIXELS:,} pixels")
        maps = [_decode(each) for each in contents]
        labelled = [(operator.index(layer), operator.index(label)) for layer, label in mapping]
    except (TypeError, ValueError, OverflowError, cv2.error) as problem:
        raise DatasetError(f"{file} holds no masks of COCO+LVIS ({problem}); get the file anew") from problem
    if not maps or len({layer.shape for layer in maps}) > 1:
        raise DatasetError(f"{file} holds {len(maps)} label maps, wanted at least one, and all of the same size")
    if len(labelled) < things or any(not 0 <= layer < len(maps) or not 0 < label < 256 for layer, label in labelled):
        raise DatasetError(f"{file} does not fit its index: {things} things in {len(labelled)} objects")
    return maps, labelled


def _bytes(layer: Any) -> bytes:
    if not isinstance(layer, np.ndarray) or layer.dtype != np.uint8:
        raise TypeError("a label map is not an array of bytes")
    return layer.tobytes()


def _size(encoded: bytes) -> tuple[int, int]:
    """(height, width) from the head of a grey PNG of 8 bits."""
    if encoded[:8] != b"\x89PNG\r\n\x1a\n" or encoded[12:16] != b"IHDR" or encoded[24:26] != b"\x08\0":
        raise ValueError("a label map is not a grey PNG of 8 bits")
    width, height = struct.unpack(">II", encoded[16:24])
    return height, width


def _decode(encoded: bytes) -> Labels:
    # In memory, so there is no file that vpuformer.images could read.
    labels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.ndim != 2 or labels.dtype != np.uint8:
        raise ValueError("a label map is not a grey PNG of 8 bits")
    return labels.astype(np.uint8, copy=False)
