"""The split into training and validation: `split.json` in or above a folder of data sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vpuformer.data.kinds.coco import ANNOTATIONS, CocoFolder
from vpuformer.data.sample import Sample
from vpuformer.data.source import Source
from vpuformer.errors import DatasetError, counted, listed
from vpuformer.files import read_json
from vpuformer.formats.coco_masks import whole_number

SPLIT = "split.json"


class ValidationObject(NamedTuple):
    """One validation sample: the set's name, the image's `file_name`, the annotation's id."""

    set: str
    file: str
    annotation: int


@dataclass(frozen=True)
class Split:
    """The images excluded from training, and the objects for validation.

    `drop` are images left out altogether, as "set/file_name"; `images` are the validation images of each set, also
    those that only `objects` names; `objects` are the validation samples. `Split()` keeps everything for training.
    """

    drop: frozenset[str] = frozenset()
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    objects: tuple[ValidationObject, ...] = ()

    def __post_init__(self) -> None:
        images = dict(self.images)
        for entry in self.objects:
            images[entry.set] = images.get(entry.set, frozenset()) | {entry.file}
        object.__setattr__(self, "images", images)

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Read a split from JSON.

        Keys are `drop` (["set/file"]), `pictures` ({"set": ["file"]}) and `objects` ([{"set", "file", "annotation"}]).
        Raises `DatasetError` if the file is missing or not a split.
        """
        content = read_json(path, error=DatasetError, name=f"the split {path}")
        try:
            objects = [
                ValidationObject(_text(o["set"]), _text(o["file"]), _id(o["annotation"])) for o in content["objects"]
            ]
            images = {name: frozenset(_texts(files)) for name, files in content["pictures"].items()}
            drop = frozenset(_texts(content.get("drop", [])))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise DatasetError(
                f"{path} is not a split ({type(problem).__name__}: {problem}); wanted the keys `pictures` and `objects`"
            ) from problem
        return cls(drop, images, tuple(objects))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `load` reads them from JSON."""
        return {
            "drop": sorted(self.drop),
            "pictures": {name: sorted(files) for name, files in self.images.items()},
            "objects": [entry._asdict() for entry in self.objects],
        }

    @property
    def sets(self) -> frozenset[str]:
        """Names of the sets with an image that is not trained on."""
        return frozenset(self.images) | {entry.partition("/")[0] for entry in self.drop}

    def trains(self, name: str, file: str) -> bool:
        """Whether the image `file` of the set `name` may be trained on."""
        return f"{name}/{file}" not in self.drop and file not in self.images.get(name, frozenset())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not a name")
    return value


def _texts(values: object) -> list[str]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r:.60} is not a list of names")
    return [_text(value) for value in values]


def _id(value: object) -> int:
    number = whole_number(value, np.iinfo(np.int64).max)
    if number is None:
        raise TypeError(f"{value!r:.60} is not a number of an annotation")
    return number


def open_folders(root: str | Path) -> dict[str, CocoFolder]:
    """Every set of a folder of data sets (`root/NAME/annotations.json`) by name, sorted.

    A `root` with an `annotations.json` of its own is one set, called by its folder.
    """
    root = Path(root)
    if (root / ANNOTATIONS).is_file():
        folder = CocoFolder(root)
        return {folder.name: folder}
    found = sorted(path.parent for path in root.glob(f"*/{ANNOTATIONS}"))
    if not found:
        raise DatasetError(f"{root} holds no data set; wanted {root}/{ANNOTATIONS} or {root}/NAME/{ANNOTATIONS}")
    return {path.name: CocoFolder(path, name=path.name) for path in found}


def find_split(root: str | Path, split: str | Path | None = None) -> Split:
    """The split at `split`, else the nearest `split.json`, else an empty one.

    The nearest one lies in `root` or its parent, or, if `root` is one set of a folder, above that folder.
    """
    if split is not None:
        return Split.load(split)
    root = Path(root).resolve()
    for folder in [root, *root.parents][: 3 if (root / ANNOTATIONS).is_file() else 2]:
        path = folder / SPLIT
        if path.is_file():
            return Split.load(path)
    return Split()


def training_images(source: Source, split: Split) -> list[int]:
    """Indices of the usable images that are neither dropped nor for validation.

    Raises:
        DatasetError: the split names an image that the set lacks.
    """
    dropped = {entry.removeprefix(f"{source.name}/") for entry in split.drop if entry.startswith(f"{source.name}/")}
    absent = sorted((dropped | split.images.get(source.name, frozenset())) - set(source.images))
    if absent:
        raise DatasetError(
            f"the split names {counted(len(absent), 'image')} that the set {source.name} lacks: {listed(absent)}; files"
            " are named relative to the folder of the set, such as images/a.png"
        )
    unusable = set(source.unusable())
    return [i for i, file in enumerate(source.images) if i not in unusable and split.trains(source.name, file)]


def notes_on(source: Source) -> list[str]:
    """Sentences about what is left out of training, as far as known without opening images."""
    notes = []
    if source.faults:
        notes.append(
            f"{counted(len(source.faults), 'fault')} in {source.name}, left out: {listed(map(str, source.faults))}"
        )
    unusable = source.unusable()
    if unusable:
        objects = sum(len(source.objects(i)) for i in unusable)
        notes.append(
            f"{counted(len(unusable), 'image')} of {source.name} with {counted(objects, 'object')} left out, not there"
            f" or of another size than annotated: {listed(source.images[i] for i in unusable)}"
        )
    return [*notes, *source.notes]


def validation_samples(sources: Mapping[str, Source], split: Split) -> list[Sample]:
    """The validation objects of the given sets, in the order of the split.

    Raises `DatasetError` if a set lacks an image or an object that the split names.
    """
    chosen = [entry for entry in split.objects if entry.set in sources]
    index_of = {
        name: {file: i for i, file in enumerate(source.images)}
        for name, source in sources.items()
        if any(entry.set == name for entry in chosen)
    }
    samples = []
    for entry in chosen:
        source = sources[entry.set]
        if entry.file not in index_of[entry.set]:
            raise DatasetError(f"the split names {entry.set}/{entry.file}, which is not an image of that set")
        samples.append(source.sample(index_of[entry.set][entry.file], entry.annotation))
    return samples
