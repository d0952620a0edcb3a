"""How annotations lie in a folder: recognised by looking."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vpuformer.arrays import BoolMask, Size
from vpuformer.data.kinds.coco import ANNOTATIONS
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.errors import ConfigError, DatasetError, MaskError, counted, listed
from vpuformer.formats.assignment import assign
from vpuformer.formats.bundle import Bundle, data_set_of
from vpuformer.formats.found import FoundImage, FoundObject, Ignored, LeftOut, TargetImage
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.labels import LONGEST_LABEL, one_line
from vpuformer.formats.matching import plain_name
from vpuformer.formats.reading import read_annotations
from vpuformer.formats.registry import FORMATS
from vpuformer.images.addresses import Address, Window
from vpuformer.prompts import Box, Prompt

_MAPS = frozenset({"SegmentationObject", "SegmentationClass", "masks"})
"""Folders whose images are masks, in PASCAL VOC and elsewhere."""


class OutlinedObject(NamedTuple):
    """An object: mask, bool (H, W), label, and the prompts that people gave for it."""

    mask: BoolMask
    label: str | None = None
    prompts: Sequence[Prompt] = ()


Outlined = OutlinedObject | Ignored | LeftOut

Outlines = Callable[[Size], Iterator[Outlined]]
"""Reads the objects of an image of this size. It raises `InputError` for files that are broken or do not fit."""


class Layout(NamedTuple):
    """The annotated images of a folder, not yet opened.

    Attributes:
        title: name of the layout, as a person knows it.
        root: folder of the images.
        images: path of each annotated image within the root, with forward slashes, and what reads its objects.
        left_out: sentences about files that take no part.
        window: the values that images of more than 8 bits were shown in to the people who annotated them, if known.
    """

    title: str
    root: Path
    images: dict[str, Outlines]
    left_out: Sequence[str] = ()
    window: Window | None = None


def recognise(data: Path, annotations: Path | None = None, store: str | None = None) -> Layout:
    """Find the annotations of the images in a folder.

    Args:
        data: folder of the images, or the file with their annotations in it.
        annotations: file, zip archive or folder with the annotations, if they lie elsewhere.
        store: database of the app's annotations, if it is not in the folder: a file or a URL.

    Raises:
        ConfigError: both `annotations` and `store` are given, or one of them with a file.
        DatasetError: there is no such folder, or it holds no annotations that are read.
        MissingDependencyError: the folder was annotated with the app, and the extra `app` is not installed.
        StoreError: the annotations of the app cannot be read.
    """
    if annotations is not None and store is not None:
        raise ConfigError("the annotations are in files or in a database; give --annotations or --store")
    if data.is_file():
        if annotations is not None or store is not None:
            raise ConfigError(
                f"{data} is a file of annotations already; with --annotations or --store, give the folder of the images"
            )
        data, annotations = data.parent, data
    if not data.is_dir():
        raise DatasetError(f"there is no folder {data}; give the folder of the annotated images")
    if annotations is None:
        from vpuformer.finetuning.annotated_folder import annotated_in_the_app

        if (annotated := annotated_in_the_app(data, store)) is not None:
            return annotated
        if (data / "images").is_dir() and (data / "masks").is_dir() and not (data / ANNOTATIONS).is_file():
            return _images_and_masks(data)
    return _in_files(data, annotations)


def _images_and_masks(data: Path) -> Layout:
    source = MaskFolder(data)

    def outlines(index: int, _: Size) -> Iterator[Outlined]:
        for number in source.objects(index):
            yield OutlinedObject(source.masks(index, [number])[0] > 0)
        if (ignored := source.ignore_mask(index)) is not None:
            yield Ignored(ignored > 0)

    images: dict[str, Outlines] = {name: partial(outlines, index) for index, name in enumerate(source.images)}
    left_out = []
    if source.faults:
        left_out.append(f"{counted(len(source.faults), 'file')}: {listed(map(str, source.faults))}")
    return Layout("images and masks", data, images, [*left_out, *source.notes])


def _in_files(data: Path, elsewhere: Path | None) -> Layout:
    """Annotations in files of any format that is imported."""
    folder, annotations = ImageFolder(data), data_set_of(elsewhere or data)
    names = [name for name in folder.names() if not _MAPS & {*PurePosixPath(name).parts[:-1]}]
    try:
        bundle = Bundle(annotations)
        title, found = read_annotations(bundle)
    except MaskError as error:
        raise DatasetError(f"{annotations}: {error}") from error
    if title == FORMATS["labels"].title:
        if elsewhere is None:  # photographs and masks have the same endings
            raise DatasetError(
                f"{data} holds images, and no annotations that are read; if some images are masks, call the folders"
                " images and masks, or name both: vpuformer finetune IMAGES --annotations MASKS; else annotate the"
                " images first: vpuformer annotate IMAGES"
            )
        masks = {annotations.resolve() / name for name in bundle.names}
        files = {name: plain_name(Address.of(Path(name)).file.as_posix()) for name in names}
        names = [name for name in names if folder.root / files[name] not in masks]
    assigned = assign(found.images, names, bundle.names[0].rpartition(".")[0] if bundle.alone else "")
    if not assigned.of_image:
        missing = [*assigned.missing, *assigned.ambiguous]
        raise DatasetError(
            f"{annotations} ({title}) lists {listed(missing) if missing else 'no image'}, and {data} has no image of"
            " such a name; give the folder of the annotated images, and --annotations for the file"
        )
    left_out = [
        f"{counted(len(some), 'image')} {why}: {listed(some)}"
        for some, why in (
            (assigned.missing, "that the annotations list and the folder lacks"),
            (assigned.ambiguous, "whose name fits several images"),
            ([name for name in names if name not in assigned.of_image], "without annotations"),
        )
        if some
    ]
    images: dict[str, Outlines] = {
        name: partial(_outlines, entries, name, names) for name, entries in assigned.of_image.items()
    }
    return Layout(title, folder.root, images, left_out)


def _outlines(entries: Sequence[FoundImage], name: str, others: Sequence[str], size: Size) -> Iterator[Outlined]:
    target = TargetImage(name, size, (), others)
    for entry in entries:
        for found in entry.objects(target, lambda _: None):
            if isinstance(found, Ignored | LeftOut):
                yield found
            elif isinstance(found, FoundObject):
                if isinstance(found.shape, Box):
                    yield LeftOut("box", "without a mask")
                else:
                    yield OutlinedObject(found.shape, one_line(found.label or "", LONGEST_LABEL))
