"""The only reader of COCO files: images, and annotations with every field checked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vpuformer.arrays import Size
from vpuformer.errors import MaskError, counted
from vpuformer.files import read_json
from vpuformer.formats.coco_masks import areas_of, compress, whole_number
from vpuformer.images import MAX_PIXELS

_BLOCK = 4096
"""Masks that are checked at a time: it takes some hundred bytes for each character."""

_CROWD, _NO_SEGMENTATION, _NO_PIXEL = "crowd", "no segmentation", "no pixel"

Id = int | str


class CocoObject(NamedTuple):
    """An annotation of one object.

    `image` is the index of its image in the file. `runs` are compressed run lengths that fill the image; `area` is
    their number of object pixels, above 0.
    """

    id: Any
    image: int
    category: str | None
    runs: bytes
    area: int
    where: str


class CocoFile:
    """The images, categories and objects of a COCO file.

    Args:
        source: path of a JSON file, or its content.
        name: what messages call the file; by default its path.

    Raises:
        MaskError: the file is missing, no JSON or no COCO file, or gives two images the same id.

    Attributes:
        file_names: of the images, in the order of the file, as the file writes them.
        left_out: annotations that `objects` has passed over, by the reason.
        nameless: objects so far whose category has no name in the file.
    """

    def __init__(self, source: str | Path | bytes, name: str | None = None) -> None:
        self.name = name or ("the COCO file" if isinstance(source, bytes) else str(source))
        content = read_json(source, error=MaskError, name=self.name)
        if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
            raise MaskError(f"{self.name} is not a COCO file: it needs the keys 'images' and 'annotations'")
        self._images = self._entries(content["images"], "images")
        self._annotations = self._entries(content["annotations"], "annotations")
        self.file_names: Sequence[str] = [self._file_name(image) for image in self._images]
        self._numbers = {self._id(image, "id", f"an image in {self.name}"): i for i, image in enumerate(self._images)}
        if len(self._numbers) != len(self._images):
            raise MaskError(f"{self.name} gives two images the same id")
        categories = content.get("categories") or []
        self._categories = {
            self._id(category, "id", f"a category in {self.name}"): category.get("name")
            for category in self._entries(categories, "categories")
        }
        self.left_out: Counter[str] = Counter()
        self.nameless = 0

    def size(self, image: int) -> Size:
        """(height, width) of an image.

        Raises:
            MaskError: the file gives no size, or more pixels than are read.
        """
        entry = self._images[image]
        height, width = (whole_number(entry.get(side), MAX_PIXELS) for side in ("height", "width"))
        if not height or not width or height * width > MAX_PIXELS:
            raise MaskError(
                f"{self.name} gives {self.file_names[image]} the size {entry.get('width')!r:.40} x"
                f" {entry.get('height')!r:.40}; wanted whole numbers, width times height from 1 to {MAX_PIXELS:,}"
            )
        return height, width

    def fully_annotated(self, image: int) -> bool:
        """Whether the file says that every object of the image is annotated."""
        return self._images[image].get("exhaustive") in (True, 1)

    def objects(self, image: int | None = None) -> Iterator[CocoObject]:
        """The objects of one image (default: of all), in the order of the file.

        Crowds, annotations without a segmentation and masks without a pixel are left out, and counted in `left_out`.

        Raises:
            MaskError: an annotation is broken, or belongs to no image of the file.
        """
        block: list[CocoObject] = []
        for annotation in self._annotations:
            found = self._object(annotation, image)
            if found is not None:
                block.append(found)
            if len(block) == _BLOCK:
                yield from self._checked(block)
                block = []
        yield from self._checked(block)

    @property
    def notes(self) -> list[str]:
        """Sentences about what `objects` has left out."""
        reasons = {
            _CROWD: "crowds (iscrowd is 1); where a tool writes single objects so, set iscrowd to 0",
            _NO_SEGMENTATION: "without a segmentation, or with no polygon of three corners",
            _NO_PIXEL: "without a pixel",
        }
        return [
            f"{counted(self.left_out[reason], 'annotation')} in {self.name} left out: {words}"
            for reason, words in reasons.items()
            if self.left_out[reason]
        ]

    def _object(self, annotation: Mapping[str, Any], image: int | None) -> CocoObject | None:
        where = f"annotation {annotation.get('id')!r:.60} in {self.name}"
        owner = self._numbers.get(self._id(annotation, "image_id", where))
        if owner is None:
            raise MaskError(f"{where} belongs to image {annotation['image_id']!r:.60}, which is not under 'images'")
        if image is not None and owner != image:
            return None
        if annotation.get("iscrowd") not in (None, 0, "0", ""):
            self.left_out[_CROWD] += 1
            return None
        runs = compress(annotation.get("segmentation") or [], self.size(owner), where)
        if runs is None:
            self.left_out[_NO_SEGMENTATION] += 1
            return None
        category = annotation.get("category_id")
        known = None if category is None else self._categories.get(self._id(annotation, "category_id", where))
        known = known if isinstance(known, str) else None
        self.nameless += known is None and category is not None
        return CocoObject(annotation.get("id"), owner, known, runs, 0, where)

    def _checked(self, block: Sequence[CocoObject]) -> Iterator[CocoObject]:
        sizes = [self.size(each.image) for each in block]
        offsets = np.cumsum([0, *(len(each.runs) for each in block)])
        pixels = np.array([height * width for height, width in sizes], np.int64)
        areas = areas_of(b"".join(each.runs for each in block), offsets, pixels).tolist()
        for each, area, (height, width) in zip(block, areas, sizes, strict=True):
            if area < 0:
                raise MaskError(f"{each.where}: its run lengths do not fill an image of {width}x{height} pixels")
            if area == 0:
                self.left_out[_NO_PIXEL] += 1
            else:
                yield each._replace(area=area)

    def _entries(self, entries: Any, key: str) -> Sequence[Mapping[str, Any]]:
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise MaskError(f"{self.name} is not a COCO file: {key!r} is a list of objects")
        return entries

    def _file_name(self, image: Mapping[str, Any]) -> str:
        name = image.get("file_name")
        if not isinstance(name, str) or not name or not _is_text(name):
            raise MaskError(f"{self.name} is not a COCO file: every image needs a 'file_name', got {name!r:.60}")
        return name

    def _id(self, entry: Mapping[str, Any], key: str, where: str) -> Id:
        value = entry.get(key)
        if type(value) is float and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise MaskError(f"{where}: {key!r} is a whole number or a text, got {value!r:.60}")
        return value


def _is_text(name: str) -> bool:
    """Whether a name can be written: halves of letters, which JSON can hold, cannot."""
    return "\0" not in name and name.encode(errors="ignore").decode() == name
