"""COCO instance annotations: a folder of images and one JSON file.

All masks are kept as compressed run lengths, joined in one byte string with NumPy offsets: a few bytes an object, and
no thousands of Python objects whose reference counts would make every forked worker copy them. Masks are decoded when
they are asked for.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB
from vpuformer.data.file_lists import is_image, unread
from vpuformer.data.sample import Sample
from vpuformer.data.source import Masks, Source
from vpuformer.errors import DatasetError, ImageError, MaskError, counted, listed
from vpuformer.files import is_file, read_json
from vpuformer.formats.coco_file import CocoFile, CocoObject
from vpuformer.formats.coco_masks import areas_of, compress, decode, decode_union, whole_number
from vpuformer.images import image_size, read_image
from vpuformer.images.addresses import Address, Window
from vpuformer.images.remarks import unseen
from vpuformer.prompts import Prompt, prompt_from_dict

ANNOTATIONS = "annotations.json"

LOOKED_AT = 10_000
"""Images whose sizes are compared before training: it takes about a millisecond each."""


class CocoFolder(Source):
    """The images of `root` and their objects, from COCO instance annotations.

    `annotations` defaults to `root/annotations.json`; images lie at their `file_name` relative to `root` or to
    `root/images`, or in `images` where that is given. Segmentations may be compressed run lengths, uncompressed run
    lengths or polygons of several parts. Crowds (`iscrowd`), annotations without a segmentation and masks without a
    pixel are left out; `notes` counts them.

    One optional key is ours: `exhaustive` of an image, whether every object of it is annotated (default false).
    `prompts` is a JSON file of lists of prompts by annotation id, those that people gave for the object. `ignored` is a
    JSON file of COCO's run lengths by `file_name`, the pixels that are neither object nor background. Images of more
    than 8 bits are shown in `window`, by default in what their files ask for.

    Images are counted from 0 in the order of the file; objects are called by their annotation `id`.

    Raises `DatasetError` for a file that is missing, not JSON or not COCO, for a number in it that is out of range,
    for an image outside the folder, and for a mask that does not fit its image.
    """

    indexed = True

    def __init__(
        self,
        root: str | Path,
        annotations: str | Path | None = None,
        *,
        name: str | None = None,
        images: str | Path | None = None,
        prompts: str | Path | None = None,
        ignored: str | Path | None = None,
        window: Window | None = None,
    ) -> None:
        self.root = Path(root)
        self.annotations = self.root / ANNOTATIONS if annotations is None else Path(annotations)
        self.name = name or self.root.resolve().name
        self._unusable: list[int] | None = None
        self._folders = (self.root, self.root / "images") if images is None else (Path(images),)
        self._prompts = {} if prompts is None else _read_prompts(Path(prompts))
        self._ignored_file, self._window = None if ignored is None else Path(ignored), window
        try:
            self._read()
        except MaskError as problem:
            raise DatasetError(str(problem)) from problem

    def _read(self) -> None:
        file = CocoFile(self.annotations)
        self.images: Sequence[str] = file.file_names
        for name in self.images:
            self._inside(name)
        self._sizes = np.array([file.size(i) for i in range(len(self.images))], np.int32).reshape(-1, 2)
        self._fully_annotated = np.array([file.fully_annotated(i) for i in range(len(self.images))], bool)
        ids, owners, areas, counts = [], [], [], []
        for found in file.objects():
            ids.append(_number(found))
            owners.append(found.image)
            areas.append(found.area)
            counts.append(found.runs)
        self.notes = [*file.notes, *self._unlisted()]
        order = np.argsort(np.array(owners, np.int64), kind="stable")
        self._ids = np.array(ids, np.int64)[order]
        if len(np.unique(self._ids)) != len(self._ids):
            raise DatasetError(f"{self.annotations} gives two annotations the same id")
        self._first = np.searchsorted(np.sort(np.array(owners, np.int64)), np.arange(len(self.images) + 1))
        self._counts = b"".join(counts[i] for i in order)
        self._offsets = np.cumsum([0, *(len(counts[i]) for i in order)])
        self._areas = np.array(areas, np.int64)[order]
        self._ignored = {} if self._ignored_file is None else self._read_ignored(self._ignored_file)

    def _read_ignored(self, path: Path) -> dict[int, bytes]:
        """The ignored pixels by the number of their image, as compressed run lengths.

        Raises:
            DatasetError, MaskError: the file is broken, or its masks do not fit.
        """
        content, found = read_json(path, error=DatasetError), {}
        if not isinstance(content, dict):
            raise DatasetError(f"{path} holds no masks by file name; write an object such as {{'a.png': {{...}}}}")
        for index, name in enumerate(self.images):
            if name in content and (runs := compress(content[name], self.size(index), f"{path}, {name}")) is not None:
                found[index] = runs
        offsets = np.cumsum([0, *map(len, found.values())])
        areas = areas_of(b"".join(found.values()), offsets, self._sizes[list(found)].prod(axis=1, dtype=np.int64))
        for index, area in zip(found, areas, strict=True):
            if area < 0:
                raise DatasetError(f"{path}, {self.images[index]}: the run lengths do not fill the image")
        return found

    def _inside(self, name: str) -> PurePosixPath:
        """A file name as a path within the folder of images."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
            raise DatasetError(
                f"{self.annotations} names the image {name!r:.200}, which is not a path within its folder; write file"
                " names relative to the folder of images"
            )
        return path

    def _unlisted(self) -> list[str]:
        """Sentences about files beside the images that take no part."""
        files = (Address.of(Path(self._inside(name))).file for name in self.images)
        listed_names = {unicodedata.normalize("NFC", file.as_posix()) for file in files}
        below = {PurePosixPath(name).parent for name in listed_names}
        notes, more = [], []
        for folder in self._folders:
            for path in (folder / each for each in sorted(below)):
                try:
                    images = sorted(filter(is_image, path.iterdir()))
                except OSError:  # not there, or of a name that the system does not take
                    continue
                notes += unread(path, self.annotations, *(folder / name for name in listed_names))
                for image in images:
                    if unicodedata.normalize("NFC", image.relative_to(folder).as_posix()) not in listed_names:
                        more.append(image.relative_to(folder).as_posix())
        if more:
            notes.append(
                f"{counted(len(more), 'image')} of {self.root} not listed in {self.annotations}: {listed(more)}"
            )
        return notes

    def unusable(self) -> Sequence[int]:
        """Missing images, and in sets of up to `LOOKED_AT` images those of a wrong size."""
        if self._unusable is None:
            looks = len(self) <= LOOKED_AT
            self._unusable = [i for i in range(len(self)) if not self._fits(i, looks=looks)]
        return self._unusable

    def _fits(self, index: int, *, looks: bool) -> bool:
        path = self._find(index)
        if path is None or not looks:
            return path is not None
        try:
            return image_size(path) == self.size(index)
        except ImageError:
            return False

    def _runs(self, position: int) -> bytes:
        return self._counts[self._offsets[position] : self._offsets[position + 1]]

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) as the annotations say."""
        height, width = self._sizes[index]
        return int(height), int(width)

    def fully_annotated(self, index: int) -> bool:
        return bool(self._fully_annotated[index])

    def ignore_mask(self, index: int) -> Masks | None:
        runs = self._ignored.get(index)
        return None if runs is None else decode([runs], self.size(index))[0]

    def recorded_prompts(self, index: int, object_id: int) -> Sequence[Prompt]:  # noqa: ARG002
        return self._prompts.get(object_id, ())

    def objects(self, index: int) -> list[int]:
        """Annotation ids of the objects of an image, in the order of the file."""
        return self._ids[self._range(index)].tolist()

    def areas(self, index: int) -> npt.NDArray[np.int64]:
        """Pixels of each object, in the order of `objects`; counted from the masks."""
        return self._areas[self._range(index)]

    def _range(self, index: int) -> slice:
        return slice(int(self._first[index]), int(self._first[index + 1]))

    def remarks(self, index: int) -> Sequence[str]:
        try:
            return unseen(self.path(index))
        except DatasetError:  # whoever reads the image has the sentence for that
            return ()

    def path(self, index: int) -> Path:
        """Path of an image or slice. Both Unicode forms of accented letters are found."""
        path = self._find(index)
        if path is None:
            name = self._inside(self.images[index])
            raise DatasetError(
                f"{self.annotations} lists the image {self.images[index]:.200}, "
                f"which is neither {' nor '.join(f'{folder / name!s:.400}' for folder in self._folders)}"
            )
        return path

    def _find(self, index: int) -> Path | None:
        name = str(self._inside(self.images[index]))
        names = dict.fromkeys([name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)])
        tried = (Address.of(folder / each) for each in names for folder in self._folders)
        found = next((address for address in tried if is_file(address.file)), None)
        return None if found is None else found._replace(window=found.window or self._window).path

    def image(self, index: int) -> RGB:
        """RGB, uint8, shape (H, W, 3)."""
        path = self.path(index)
        image = read_image(path)
        if image.shape[:2] != self.size(index):
            height, width = self.size(index)
            raise DatasetError(
                f"{path} is {image.shape[1]}x{image.shape[0]} pixels, {self.annotations} says {width}x{height}"
            )
        return image

    def masks(self, index: int, objects: Sequence[int] | None = None) -> Masks:
        """Masks of the given annotation ids (default: of all objects of the image).

        Returns:
            uint8, shape (n, H, W), 0 or 1.
        """
        return decode([self._runs(position) for position in self._positions(index, objects)], self.size(index))

    def union(self, index: int, objects: Sequence[int] | None = None) -> Masks:
        """The pixels of any of the given objects (default: of all): uint8, shape (H, W), 0 or 1.

        Cheaper than `masks`: run lengths are joined before one mask is decoded.
        """
        chosen = [self._runs(position) for position in self._positions(index, objects)]
        return decode_union(chosen, self.size(index)) if chosen else np.zeros(self.size(index), np.uint8)

    def _positions(self, index: int, objects: Sequence[int] | None) -> Iterable[int]:
        start, stop = int(self._first[index]), int(self._first[index + 1])
        if objects is None:
            return range(start, stop)
        position_of = {int(self._ids[position]): position for position in range(start, stop)}
        missing = [number for number in objects if number not in position_of]
        if missing:
            raise DatasetError(f"{self.images[index]} has no object {missing[0]} in {self.annotations}")
        return [position_of[number] for number in objects]

    def sample(self, index: int, object_id: int) -> Sample:
        self._positions(index, [object_id])
        return super().sample(index, object_id)


def _read_prompts(path: Path) -> dict[int, tuple[Prompt, ...]]:
    """The recorded prompts by annotation id."""
    try:
        content = read_json(path, error=DatasetError)
        return {int(number): tuple(map(prompt_from_dict, prompts)) for number, prompts in content.items()}
    except (AttributeError, TypeError, ValueError) as problem:
        if isinstance(problem, DatasetError):
            raise
        raise DatasetError(f"{path} holds no lists of prompts by annotation id: {problem}") from problem


def _number(found: CocoObject) -> int:
    """The id of an annotation, which names the object in samples and splits."""
    value = int(found.id) if isinstance(found.id, str) and found.id.isdecimal() and len(found.id) < 19 else found.id
    number = whole_number(value, np.iinfo(np.int64).max)
    if number is None:
        raise DatasetError(f"{found.where}: the id of an annotation is a whole number; number the annotations from 1")
    return number
