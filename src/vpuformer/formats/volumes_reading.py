"""Reader of label volumes with their list, `volumes.json`."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.errors import MaskError
from vpuformer.extras import require
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import AddNote, Annotations, Found, FoundImage, FoundObject, LeftOut, TargetImage
from vpuformer.formats.matching import plain_name
from vpuformer.formats.volumes import INDEX, OBJECTS
from vpuformer.images.addresses import Address
from vpuformer.images.loading import load
from vpuformer.images.nifti import opened_volume
from vpuformer.images.planes import Planes


def claims(bundle: Bundle) -> bool:
    """Whether there is a list of label volumes."""
    return not bundle.alone and bundle.named(INDEX) is not None


class _Slice(NamedTuple):
    """A slice in the list."""

    image: str
    file: str
    """Path of the volume of objects among the files."""
    where: Mapping[str, Any]
    objects: Sequence[tuple[int, str | None, str | None]]
    """Value, label and id."""


def read(bundle: Bundle) -> Annotations:
    """One image a slice, and one object a value.

    Raises:
        MaskError: the list is broken.
    """
    name = bundle.named(INDEX)
    assert name is not None
    content = bundle.json(name)
    try:
        slices = [_slice(name, entry["file"], each) for entry in content["files"] for each in entry["slices"]]
        labels = [str(text) for value, text in content["labels"].items() if value != "0"]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise MaskError(f"{name} does not list label volumes ({error!r:.60}); export it again") from error
    volumes = _Volumes(bundle)
    images = [FoundImage(each.image, partial(_objects, volumes, each)) for each in slices]
    return Annotations(bundle.whole, images, labels)


def _slice(index: str, file: str, entry: dict[str, Any]) -> _Slice:
    def text(value: Any) -> str | None:
        return None if value is None else str(value)

    objects = [(int(each["value"]), text(each.get("label")), text(each.get("id"))) for each in entry["objects"]]
    return _Slice(str(entry["image"]), plain_name(f"{PurePosixPath(index).parent}/{OBJECTS}/{file}"), entry, objects)


class _Volumes:
    """The volumes among the files. The last one stays on the disk, for its other slices."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._last: tuple[str, Path] | None = None

    def path(self, file: str) -> Path:
        """A temporary file with the content of one of the files.

        Raises:
            MaskError: there is no such file.
        """
        if self._last is None or self._last[0] != file:
            if file not in self._bundle:
                raise MaskError(f"{INDEX} lists {file}, which {self._bundle.whole} does not hold; pack it again")
            with NamedTemporaryFile(delete=False) as copy:
                path = Path(copy.name)
                weakref.finalize(self, path.unlink, missing_ok=True)
                copy.write(self._bundle.read(file))
            if self._last is not None:
                self._last[1].unlink()
            self._last = file, path
        return self._last[1]


def _objects(volumes: _Volumes, found: _Slice, target: TargetImage, _: AddNote) -> Iterator[Found]:
    """The objects of a slice, each with the pixels that no later one covers."""
    file = found.file
    values = _plane(volumes.path(file), found.where, file)
    if values.shape != tuple(target.size):
        raise MaskError(
            f"{file} has slices of {values.shape[::-1]} pixels, {target.image} has {target.size[::-1]}; give the labels"
            " of this very image"
        )
    for value, label, identity in found.objects:
        mask = values == value
        yield FoundObject(label, mask, identity) if mask.any() else LeftOut("object", "wholly under later ones")


def _plane(path: Path, where: Mapping[str, Any], called: str) -> npt.NDArray[Any]:
    """The values of a slice in a file, (H, W)."""
    if "page" not in where:
        require("medical", f"reading {called}")
    try:
        if "page" in where:
            return np.asarray(load(Address(path, "page", int(where["page"])).path, "mask"))
        rows, columns = where["flipped"]
        planes = Planes(int(where["along"]), bool(where["transposed"]), (bool(rows), bool(columns)))
        return planes.image(opened_volume(path, "mask").plane(planes, int(where["number"])))
    except Exception as error:
        why = type(error).__name__
        raise MaskError(f"{called} has no such slice as {INDEX} says ({why}); export it again") from error
