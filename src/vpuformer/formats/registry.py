"""The export formats.

To add a format, write a writer and a reader, and an entry here: see docs/formats.md.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vpuformer.errors import InputError, unknown_name
from vpuformer.formats import (
    coco,
    coco_reading,
    label_map_reading,
    label_maps,
    labelme,
    labelme_reading,
    png,
    png_reading,
    voc,
    voc_reading,
    volumes,
    volumes_reading,
    yolo,
    yolo_reading,
)
from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage, LabelledMask
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import Annotations
from vpuformer.formats.output import Written
from vpuformer.formats.publish import published


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files with masks."""

    name: str
    title: str
    """Name in the page's menu."""
    summary: str
    """Content of the files, in half a line: for the menu and the help text."""
    lost: str
    """"lossless", or what the format cannot hold."""
    write: Callable[..., Written]
    """Called with images, folder and labels, and the options that the format knows."""
    claims: Callable[[Bundle], bool]
    """Whether files are of this format."""
    read: Callable[[Bundle], Annotations]
    """The images in claimed files, each with a function that reads its objects."""
    options: frozenset[str] = frozenset()
    """Names of the writer's further arguments: "polygons", "images_at", "root"."""
    holds: frozenset[str] = frozenset()
    """What it holds in addition to masks and labels: "attributes" of objects, "tags" of images."""
    pixels: bool = False
    """Its files are images themselves, which must not lie among those that are annotated."""


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            "coco",
            "COCO JSON",
            "Lossless: run lengths, with overlaps",
            "lossless",
            coco.write,
            coco_reading.claims,
            coco_reading.read,
            options=frozenset({"polygons"}),
            holds=frozenset({"attributes", "tags"}),
        ),
        Format(
            "labelme",
            "LabelMe",
            "Polygons; masks for objects with holes",
            "lossless as masks; LabelMe itself makes masks of polygons that are up to a pixel larger",
            labelme.write,
            labelme_reading.claims,
            labelme_reading.read,
            options=frozenset({"polygons", "images_at"}),
            holds=frozenset({"attributes", "tags"}),
        ),
        Format(
            "png",
            "PNG, one per object",
            "Lossless, with overlaps",
            "lossless",
            png.write,
            png_reading.claims,
            png_reading.read,
            holds=frozenset({"attributes"}),
            pixels=True,
        ),
        Format(
            "yolo",
            "YOLO segmentation",
            "One outline per object; approximate",
            "holes and parts are joined by bridges without width, which programs that paint outlines show",
            yolo.write,
            yolo_reading.claims,
            yolo_reading.read,
        ),
        Format(
            "voc",
            "PASCAL VOC",
            "Labels, objects and boxes; the object in front wins overlaps",
            "where objects overlap, the later one wins; at most 254 labels, and objects an image",
            voc.write,
            voc_reading.claims,
            voc_reading.read,
            pixels=True,
        ),
        Format(
            "volumes",
            "Label volumes, NIfTI or TIFF",
            "In the geometry of the images; the object in front wins overlaps",
            "where objects overlap, the later one wins; at most 65,535 labels, and objects a file",
            volumes.write,
            volumes_reading.claims,
            volumes_reading.read,
            options=frozenset({"root"}),
            pixels=True,
        ),
        Format(
            "labels",
            "Label map, one PNG per image",
            "Labels only; the object in front wins overlaps",
            "objects of one label are not separated; where objects overlap, the later one wins",
            label_maps.write,
            label_map_reading.claims,
            label_map_reading.read,
            pixels=True,
        ),
    )
}
"""Formats by name. An import is read by the first that claims it; `labels` claims most, and is last."""


def write_files(
    chosen: Format, images: Iterable[AnnotatedImage], folder: Path, labels: Sequence[str], **options: Any
) -> Written:
    """Write images and their objects, and note what the format cannot hold of them.

    Options that are None, or that the format does not know, are left out.

    Raises:
        InputError: the format cannot hold these objects, or the disk does not take them.
    """
    attributes, tags = Affected(), Affected()

    def counted(image: AnnotatedImage) -> Iterator[LabelledMask]:
        for thing in image.masks():
            attributes.add(image.image, bool(thing.attributes))
            yield thing

    def watched() -> Iterator[AnnotatedImage]:
        for image in images:
            tags.add(image.image, bool(image.tags))
            yield replace(image, objects=partial(counted, image))

    known = {key: value for key, value in options.items() if value is not None and key in chosen.options}
    written = chosen.write(watched(), folder, labels, **known)
    notes = {
        "attributes": attributes.note(
            "object", "with attributes, which this format cannot hold and which are left out"
        ),
        "tags": tags.note("image", "with tags, which this format cannot hold and which are left out"),
    }
    missing = [note for name, note in notes.items() if note is not None and name not in chosen.holds]
    return replace(written, notes=(*written.notes, *missing))


def find_format(name: str, *, polygons: bool | None = None) -> Format:
    """The format of that name.

    Raises:
        InputError: there is none, or it leaves no choice between polygons and masks, and one was made.
    """
    if name not in FORMATS:
        raise InputError(unknown_name("format", name, FORMATS))
    found = FORMATS[name]
    if polygons is not None and "polygons" not in found.options:
        able = " and ".join(entry.name for entry in FORMATS.values() if "polygons" in entry.options)
        raise InputError(f"{name} leaves no choice between polygons and masks; {able} do")
    return found


def check_apart(folder: Path, root: Path, chosen: Format) -> None:
    """Check that an export whose files are images does not go among the images in `root`.

    Raises:
        InputError: it would.
    """
    if chosen.pixels and folder.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{folder} lies among the images, and masks there would count as images; name a folder elsewhere"
        )


def export(
    name: str,
    images: Iterable[AnnotatedImage],
    folder: Path,
    labels: Sequence[str],
    *,
    polygons: bool | None = None,
    images_at: str | None = None,
    root: Path | None = None,
    overwrite: bool = False,
) -> Written:
    """Write images and their objects into a folder, all of it or nothing.

    Args:
        images: taken one by one, so that a generator needs little memory.
        folder: a new or empty one.
        labels: all labels, in the order in which they are to be numbered.
        polygons: outlines, or masks, where the format leaves the choice; by default what is usual in it.
        images_at: the folder of the images as seen from `folder`, for formats that point to them.
        root: the folder of the images, for formats that take their geometry. Masks do not go into it.
        overwrite: let the folder hold something: files of the same name are replaced, those of an earlier export of
            this format that come no more are removed, and all others stay.

    Raises:
        InputError: there is no such format, it cannot hold these objects, or the folder cannot be written or lies
            among the images.
    """
    chosen = find_format(name, polygons=polygons)
    if root is not None:
        check_apart(folder, root, chosen)
    with published(folder, name, overwrite=overwrite) as staging:
        return write_files(chosen, images, staging, labels, polygons=polygons, images_at=images_at, root=root)
