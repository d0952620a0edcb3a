"""Reading COCO instance annotations: a folder of pictures and one JSON file.

All masks are kept as compressed run lengths, joined in one byte string with NumPy offsets: a few bytes an object, and
no thousands of Python objects whose reference counts would make every forked worker copy them. Masks are decoded when
they are asked for.
"""

import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as rle

from vpuformer.data.sample import RGB, Sample
from vpuformer.data.source import Masks, Source
from vpuformer.errors import DatasetError
from vpuformer.images import read_image

ANNOTATIONS = "annotations.json"

_BLOCK = 4096
"""Masks that are checked at a time: it takes some hundred bytes for each character."""


class CocoFolder(Source):
    """The pictures of `root` and their objects, from COCO instance annotations.

    `annotations` defaults to `root/annotations.json`; pictures lie at their `file_name` relative to `root` or to
    `root/images`, or in `pictures` where that is given. Segmentations may be compressed run lengths, uncompressed run
    lengths or polygons of several parts. Crowds (`iscrowd`) and annotations without a segmentation are left out.

    One key is ours and optional, per picture: `exhaustive`, whether every object of it is annotated (default False).

    Pictures are counted from 0 in the order of the file; objects are called by their annotation `id`.

    Raises `DatasetError` for a file that is missing, is no JSON or no COCO, and for a mask that does not fit its
    picture.
    """

    indexed = True

    def __init__(
        self,
        root: str | Path,
        annotations: str | Path | None = None,
        *,
        name: str | None = None,
        pictures: str | Path | None = None,
    ) -> None:
        self.root = Path(root)
        self.annotations = self.root / ANNOTATIONS if annotations is None else Path(annotations)
        self.name = name or self.root.resolve().name
        self._folders = (self.root, self.root / "images") if pictures is None else (Path(pictures),)
        self._parse(_load_json(self.annotations))

    def _parse(self, content: Any) -> None:
        file = self.annotations
        if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
            raise DatasetError(f"{file} is no COCO file: it needs the keys 'images' and 'annotations'")
        try:
            images = content["images"]
            self.pictures: Sequence[str] = [str(image["file_name"]) for image in images]
            self._sizes = np.array([(image["height"], image["width"]) for image in images], np.int32).reshape(-1, 2)
            self._exhaustive = np.array([bool(image.get("exhaustive", False)) for image in images], bool)
            place = {image["id"]: i for i, image in enumerate(images)}
            if len(place) != len(images):
                raise DatasetError(f"{file} gives two pictures the same id")
            found: list[tuple[int, int, bytes]] = []
            for annotation in content["annotations"]:
                if annotation.get("iscrowd") or not annotation.get("segmentation"):
                    continue
                if annotation["image_id"] not in place:
                    raise DatasetError(
                        f"annotation {annotation['id']} in {file} belongs to picture {annotation['image_id']}, "
                        "which is not listed under 'images'"
                    )
                picture = place[annotation["image_id"]]
                height, width = (int(v) for v in self._sizes[picture])
                where = f"annotation {annotation['id']} in {file}"
                counts = _compress(annotation["segmentation"], height, width, where)
                if counts is not None:
                    found.append((picture, int(annotation["id"]), counts))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            if isinstance(problem, DatasetError):
                raise
            raise DatasetError(f"{file} is no COCO file: {type(problem).__name__} {problem}") from problem
        found.sort(key=lambda entry: entry[0])
        self._ids = np.array([entry[1] for entry in found], np.int64)
        if len(np.unique(self._ids)) != len(self._ids):
            raise DatasetError(f"{file} gives two annotations the same id")
        owners = np.array([entry[0] for entry in found], np.int64)
        self._first = np.searchsorted(owners, np.arange(len(self.pictures) + 1))
        self._counts = b"".join(entry[2] for entry in found)
        self._offsets = np.cumsum([0, *(len(entry[2]) for entry in found)])
        for position in np.flatnonzero(_run_totals(self._counts, self._offsets) != self._sizes[owners].prod(axis=1)):
            raise DatasetError(f"annotation {self._ids[position]} in {file}: its run lengths do not fill its picture")
        self._areas = np.array([rle.area(self._rle(i, owner)) for i, owner in enumerate(owners)], np.int64)

    def _rle(self, position: int, picture: int) -> Any:
        height, width = self._sizes[picture]
        counts = self._counts[self._offsets[position] : self._offsets[position + 1]]
        return {"size": [int(height), int(width)], "counts": counts}

    def __repr__(self) -> str:
        return f"CocoFolder({self.name!r}: {len(self)} pictures, {len(self._ids)} objects)"

    def index(self, file_name: str) -> int:
        """The number of a picture."""
        try:
            return self.pictures.index(file_name)
        except ValueError:
            raise DatasetError(f"{self.annotations} lists no picture {file_name!r}") from None

    def size(self, picture: int) -> tuple[int, int]:
        """(height, width) as the annotations say."""
        height, width = self._sizes[picture]
        return int(height), int(width)

    def exhaustive(self, picture: int) -> bool:
        """Whether every object of the picture is annotated; where not, an unlabelled thing is not background."""
        return bool(self._exhaustive[picture])

    def objects(self, picture: int) -> list[int]:
        """Annotation ids of the objects of a picture, in the order of the file."""
        return self._ids[self._range(picture)].tolist()

    def areas(self, picture: int) -> npt.NDArray[np.int64]:
        """Pixels of each object, in the order of `objects`; counted from the masks."""
        return self._areas[self._range(picture)]

    def _range(self, picture: int) -> slice:
        return slice(int(self._first[picture]), int(self._first[picture + 1]))

    def path(self, picture: int) -> Path:
        """Where the picture lies."""
        tried = [folder / self.pictures[picture] for folder in self._folders]
        for path in tried:
            if path.is_file():
                return path
        raise DatasetError(
            f"{self.annotations} lists the picture {self.pictures[picture]}, "
            f"which is neither {' nor '.join(str(path) for path in tried)}"
        )

    def image(self, picture: int) -> RGB:
        """RGB, uint8, shape (H, W, 3)."""
        path = self.path(picture)
        image = read_image(path)
        if image.shape[:2] != self.size(picture):
            height, width = self.size(picture)
            raise DatasetError(
                f"{path} is {image.shape[1]}x{image.shape[0]} pixels, {self.annotations} says {width}x{height}"
            )
        return image

    def masks(self, picture: int, objects: Sequence[int] | None = None) -> Masks:
        """Masks of the given annotation ids (default: of all objects of the picture).

        Returns:
            uint8, shape (n, H, W), 0 or 1.
        """
        chosen = [self._rle(position, picture) for position in self._positions(picture, objects)]
        if not chosen:
            return np.zeros((0, *self.size(picture)), np.uint8)
        # Decoded column by column: the transposed result is contiguous in columns, which OpenCV does not take.
        return np.ascontiguousarray(self._decode(chosen).transpose(2, 0, 1))

    def union(self, picture: int, objects: Sequence[int] | None = None) -> Masks:
        """The pixels of any of the given objects (default: of all): uint8, shape (H, W), 0 or 1.

        Cheaper than `masks`: run lengths are joined before one mask is decoded.
        """
        chosen = [self._rle(position, picture) for position in self._positions(picture, objects)]
        if not chosen:
            return np.zeros(self.size(picture), np.uint8)
        return np.ascontiguousarray(self._decode([rle.merge(chosen)])[:, :, 0])

    def _decode(self, encoded: Any) -> Masks:
        try:
            with warnings.catch_warnings():
                # pycocotools 2.0 hands NumPy 2 an array in a way that is deprecated.
                warnings.simplefilter("ignore", DeprecationWarning)
                return rle.decode(encoded)
        except ValueError as problem:
            raise DatasetError(f"a mask in {self.annotations} is broken: {problem}") from problem

    def _positions(self, picture: int, objects: Sequence[int] | None) -> Iterable[int]:
        start, stop = int(self._first[picture]), int(self._first[picture + 1])
        if objects is None:
            return range(start, stop)
        place = {int(self._ids[position]): position for position in range(start, stop)}
        missing = [number for number in objects if number not in place]
        if missing:
            raise DatasetError(f"{self.pictures[picture]} has no object {missing[0]} in {self.annotations}")
        return [place[number] for number in objects]

    def sample(self, picture: int, object_id: int) -> Sample:
        self._positions(picture, [object_id])
        return super().sample(picture, object_id)


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"there is no {path}; a COCO set is a folder of pictures with {ANNOTATIONS}") from None
    except OSError as problem:
        raise DatasetError(f"{path} cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise DatasetError(f"{path} is no JSON: {problem}") from problem


def _compress(segmentation: Any, height: int, width: int, where: str) -> bytes | None:
    """Compressed run lengths of a COCO segmentation; None for polygons without a part of three corners."""
    if isinstance(segmentation, dict):
        size, counts = list(segmentation["size"]), segmentation["counts"]
        if size != [height, width]:
            raise DatasetError(f"{where}: the mask is {size[1]}x{size[0]} pixels, its picture {width}x{height}")
        if isinstance(counts, list):
            if sum(counts) != height * width:
                raise DatasetError(f"{where}: run lengths add up to {sum(counts)}, not to {width}x{height} pixels")
            uncompressed: Any = segmentation
            return _bytes(rle.frPyObjects(uncompressed, height, width)["counts"])
        if not counts:
            raise DatasetError(f"{where}: a mask without run lengths")
        return _bytes(counts)
    if not isinstance(segmentation, list) or not all(isinstance(part, list) for part in segmentation):
        raise DatasetError(f"{where}: a segmentation is run lengths or a list of polygons")
    if any(len(part) % 2 for part in segmentation):
        raise DatasetError(f"{where}: a polygon has an odd number of coordinates")
    # pycocotools would take four numbers for a box.
    parts = [part for part in segmentation if len(part) >= 6]
    return _bytes(rle.merge(rle.frPyObjects(parts, height, width))["counts"]) if parts else None


def _run_totals(counts: bytes, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pixels that each of the joined masks describes; -1 for one that ends amid a number.

    pycocotools leaves the pixels uninitialised that run lengths do not reach, so this is checked before. In the code
    of pycocotools a character carries 5 bits (the least first) and whether more follow, the last one the sign; from
    the fourth run on, a number is the difference to the run before the last one.

    >>> _run_totals(b"1201", np.array([0, 2, 4])).tolist()
    [3, 1]
    """
    if len(offsets) - 1 > _BLOCK:
        blocks = [offsets[i : i + _BLOCK + 1] for i in range(0, len(offsets) - 1, _BLOCK)]
        return np.concatenate([_run_totals(counts[block[0] : block[-1]], block - block[0]) for block in blocks])
    if not counts:
        return np.zeros(len(offsets) - 1, np.int64)
    codes = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    ends = (codes & 0x20) == 0
    whole = ends[offsets[1:] - 1]
    ends[offsets[1:] - 1] = True
    starts = np.flatnonzero(np.concatenate([[True], ends[:-1]]))
    lengths = np.diff(np.append(starts, len(codes)))
    digit = np.arange(len(codes)) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((codes & 0x1F) << 5 * digit, starts)
    numbers -= np.where(codes[starts + lengths - 1] & 0x10, np.int64(1) << 5 * lengths, 0)
    # A difference counts in its own run and in every second one after it.
    first = np.searchsorted(starts, offsets[:-1])
    runs = np.diff(np.append(first, len(starts)))
    place = np.arange(len(starts)) - np.repeat(first, runs)
    times = np.where(place == 0, 1, (np.repeat(runs, runs) - 1 - place) // 2 + 1)
    return np.where(whole, np.add.reduceat(numbers * times, first), -1)


def _bytes(counts: str | bytes) -> bytes:
    return counts.encode("ascii") if isinstance(counts, str) else counts
