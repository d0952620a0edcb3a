"""The only reader of COCO files: images, and annotations with every field checked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vpuformer.arrays import Size
from vpuformer.errors import MaskError, counted
from vpuformer.files import read_json
from vpuformer.formats.attributes import NO_VALUES, Values, readable_values
from vpuformer.formats.coco_masks import areas_of, compress, whole_number
from vpuformer.images import MAX_PIXELS

_BLOCK = 4096
"""Masks that are checked at a time: it takes some hundred bytes for each character."""

_LARGEST_ID = 2**53
"""Whole numbers up to here pass through every program that reads JSON."""

_CROWD = "crowds (iscrowd is 1); where a tool writes single objects so, set iscrowd to 0"
_NO_SEGMENTATION = "without a segmentation, or with no polygon of three corners"
_NO_PIXEL = "without a pixel"

_USUAL = ("occluded", "rotation")
"""Attributes that CVAT writes into every annotation, with 0 or false for most."""

Id = int | str


class CocoObject(NamedTuple):
    """An annotation of one object.

    `image` is the index of its image in the file. `runs` are compressed run lengths that fill the image; `area` is
    their number of object pixels, above 0. Without a segmentation they are empty, and `box` is x, y, width, height.
    """

    id: Any
    image: int
    category: str | None
    runs: bytes
    area: int
    where: str
    box: tuple[float, float, float, float] | None = None
    keypoints: tuple[tuple[float, float], ...] = ()
    """With a box: x and y of those that are visible."""
    attributes: Values = NO_VALUES


class CocoFile:
    """The images, categories and objects of a COCO file.

    Args:
        source: path of a JSON file, or its content, parsed or not.
        name: what messages call the file; by default its path.

    Raises:
        MaskError: the file is missing, no JSON or no COCO file, or gives two images the same id.

    Attributes:
        file_names: of the images, in the order of the file, as the file writes them.
        categories: their names, in the order of the file.
        left_out: annotations that `objects` has passed over, by the reason.
        nameless: objects so far whose category has no name in the file.
    """

    def __init__(self, source: str | Path | bytes | Mapping[str, Any], name: str | None = None) -> None:
        self.name = name or (str(source) if isinstance(source, str | Path) else "the COCO file")
        content = source if isinstance(source, Mapping) else read_json(source, error=MaskError, name=self.name)
        if not isinstance(content, Mapping) or not {"images", "annotations"} <= content.keys():
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
        self.categories: Sequence[str] = [name for name in self._categories.values() if isinstance(name, str)]
        self._of_image: list[list[Mapping[str, Any]]] | None = None
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

    def image_id(self, image: int) -> int | None:
        """The id of an image, if it is a number."""
        return whole_number(self._images[image]["id"], _LARGEST_ID)

    def tags(self, image: int) -> Sequence[str]:
        """Tags of an image, an addition to COCO."""
        tags = self._images[image].get("tags")
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    def fully_annotated(self, image: int) -> bool:
        """Whether the file says that every object of the image is annotated."""
        return self._images[image].get("exhaustive") in (True, 1)

    def objects(self, image: int | None = None, *, boxes: bool = False) -> Iterator[CocoObject]:
        """The objects of one image (default: of all), in the order of the file.

        Crowds, annotations without a segmentation and masks without a pixel are left out, and counted in `left_out`.
        With `boxes`, an annotation without a segmentation stays if it has a box.

        Raises:
            MaskError: an annotation is broken, or belongs to no image of the file.
        """
        block: list[CocoObject] = []
        for annotation in self._annotations if image is None else self._by_image()[image]:
            found = self._object(annotation, boxes=boxes)
            if found is not None:
                block.append(found)
            if len(block) == _BLOCK:
                yield from self._checked(block)
                block = []
        yield from self._checked(block)

    @property
    def notes(self) -> list[str]:
        """Sentences about what `objects` has left out."""
        return [
            f"{counted(self.left_out[words], 'annotation')} in {self.name} left out: {words}"
            for words in (_CROWD, _NO_SEGMENTATION, _NO_PIXEL)
            if self.left_out[words]
        ]

    def _by_image(self) -> list[list[Mapping[str, Any]]]:
        if self._of_image is None:
            self._of_image = [[] for _ in self._images]
            for annotation in self._annotations:
                self._of_image[self._owner(annotation, self._where(annotation))].append(annotation)
        return self._of_image

    def _where(self, annotation: Mapping[str, Any]) -> str:
        return f"annotation {annotation.get('id')!r:.60} in {self.name}"

    def _owner(self, annotation: Mapping[str, Any], where: str) -> int:
        owner = self._numbers.get(self._id(annotation, "image_id", where))
        if owner is None:
            raise MaskError(f"{where} belongs to image {annotation['image_id']!r:.60}, which is not under 'images'")
        return owner

    def _object(self, annotation: Mapping[str, Any], *, boxes: bool) -> CocoObject | None:
        where = self._where(annotation)
        owner = self._owner(annotation, where)
        if annotation.get("iscrowd") not in (None, 0, "0", ""):
            self.left_out[_CROWD] += 1
            return None
        runs = compress(annotation.get("segmentation") or [], self.size(owner), where)
        box = _box(annotation.get("bbox")) if boxes and runs is None else None
        if runs is None and box is None:
            self.left_out[_NO_SEGMENTATION] += 1
            return None
        keypoints = () if box is None else _visible(annotation.get("keypoints"))
        category = annotation.get("category_id")
        known = None if category is None else self._categories.get(self._id(annotation, "category_id", where))
        known = known if isinstance(known, str) else None
        self.nameless += known is None and category is not None
        attributes = _attributes(annotation.get("attributes"))
        return CocoObject(annotation.get("id"), owner, known, runs or b"", 0, where, box, keypoints, attributes)

    def _checked(self, block: Sequence[CocoObject]) -> Iterator[CocoObject]:
        sizes = [self.size(each.image) for each in block]
        offsets = np.cumsum([0, *(len(each.runs) for each in block)])
        pixels = np.array([height * width for height, width in sizes], np.int64)
        areas = areas_of(b"".join(each.runs for each in block), offsets, pixels).tolist()
        for each, area, (height, width) in zip(block, areas, sizes, strict=True):
            if each.box is not None:
                yield each
            elif area < 0:
                raise MaskError(f"{each.where}: its run lengths do not fill an image of {width}x{height} pixels")
            elif area == 0:
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


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, list) or len(value) != 4 or not set(map(type, value)) <= {int, float}:
        return None
    try:
        x, y, width, height = map(float, value)
    except OverflowError:
        return None
    return x, y, width, height


def _attributes(values: Any) -> Values:
    """The attributes of an annotation, without what CVAT writes into every one."""
    if not isinstance(values, Mapping) or not values:
        return NO_VALUES
    return readable_values({name: value for name, value in values.items() if value or name not in _USUAL})


def _visible(keypoints: Any) -> tuple[tuple[float, float], ...]:
    """The visible ones of the keypoints x, y, flag, x, y, flag, ...; broken ones are passed over."""
    if not isinstance(keypoints, list) or not set(map(type, keypoints)) <= {int, float}:
        return ()
    points = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=False)
    return tuple((float(x), float(y)) for x, y, flag in points if flag == 2 and max(abs(x), abs(y)) <= MAX_PIXELS)


def _is_text(name: str) -> bool:
    """Whether a name can be written: halves of letters, which JSON can hold, cannot."""
    return "\0" not in name and name.encode(errors="ignore").decode() == name
