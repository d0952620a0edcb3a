"""SBD, the Semantic Boundaries Dataset: `img`, `inst`, `train.txt` and `val.txt`."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vpuformer.data.file_lists import need_folders, read_names
from vpuformer.data.kinds.label_map_sets import SampleOrError, label_samples
from vpuformer.data.layers import Labels, LayeredSource, Layers, labels_as_layers
from vpuformer.data.matlab import read_integers
from vpuformer.data.unpickle import load_plain
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.files import read_bytes

_GAMMA = 1.25
"""How strongly images that are segmented badly are preferred, as RITM has it."""


class Sbd(LayeredSource):
    """The images of one list.

    Args:
        root: the folder `dataset` of the download.
        split: name of the list, without `.txt`: train, val, or one of your own.
        smallest_fill: an object that covers less of its bounding box than this is a fault of the annotation, and left
            out. 0 keeps all.
        scores: RITM's `sbd_samples_weights.pkl`. An image of score s (how well a network segments it) is sampled in
            proportion to (1 - s)^1.25; without scores all are sampled equally.

    Raises `DatasetError` for a folder or list that is missing and for scores that lack an image. Only objects of the
    20 classes of PASCAL VOC are annotated.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        smallest_fill: float = 0.08,
        scores: str | Path | None = None,
        name: str = "sbd",
    ) -> None:
        if not 0 <= smallest_fill <= 1:
            raise ConfigError(f"smallest_fill={smallest_fill} is a share of the bounding box, 0 to 1")
        self._images, self._instances = need_folders(Path(root), "sbd", "img", "inst")
        self._names = read_names(Path(root) / f"{split}.txt")
        super().__init__(name, [f"img/{stem}.jpg" for stem in self._names])
        self._smallest_fill = smallest_fill
        if scores is not None:
            self.frequencies = _frequencies(Path(scores), self._names)

    def path(self, index: int) -> Path:
        return self._images / f"{self._names[index]}.jpg"

    def read_layers(self, index: int) -> Layers:
        labels = read_instances(self._instances / f"{self._names[index]}.mat")
        layers = labels_as_layers(labels, name=str(self._instances / f"{self._names[index]}.mat"))
        return layers.without(number for number in layers.objects if _fill(labels == number) < self._smallest_fill)


def sbd(root: Path) -> Iterator[SampleOrError]:
    """SBD's `val.txt`; every instance is an object."""
    images, instances = need_folders(root, "sbd", "img", "inst")
    for stem in read_names(root / "val.txt"):
        mat = instances / f"{stem}.mat"
        yield from label_samples(f"sbd/{stem}", images / f"{stem}.jpg", mat, read_instances)


def read_instances(path: Path) -> Labels:
    """The map of instances in an annotation of SBD: integers, shape (H, W), 0 for background.

    Raises:
        DatasetError: the file is missing, broken, or has no such map.
    """
    content = read_bytes(path, error=DatasetError)
    try:
        return read_integers(content, "GTinst", "Segmentation")
    except ValueError as problem:
        raise DatasetError(
            f"{path} is not an annotation of SBD, which holds a map of integers in GTinst.Segmentation ({problem})"
        ) from problem


def _fill(mask: npt.NDArray[np.bool_]) -> float:
    _, _, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return float(mask.sum()) / (width * height)


def _frequencies(path: Path, names: Sequence[str]) -> npt.NDArray[np.float64]:
    try:
        scores = {str(name): float(score) for _, name, score in load_plain(path)}
        if not all(map(math.isfinite, scores.values())):
            raise ValueError("a score is not a finite number")
    except DatasetError:
        raise
    except (TypeError, ValueError, OverflowError) as problem:
        raise DatasetError(f"{path} is not a list of (number, name, score) ({problem})") from problem
    missing = [name for name in names if name not in scores]
    if missing:
        raise DatasetError(f"{path} has no score for {len(missing)} of {len(names)} images, such as {missing[0]}")
    return np.clip(1 - np.array([scores[name] for name in names]), 0, 1) ** _GAMMA
