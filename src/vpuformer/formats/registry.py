"""The export formats.

To add a format, write a writer and a reader, and an entry here and in `reading.READERS`: see docs/formats.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpuformer.errors import InputError, unknown_name
from vpuformer.formats import coco, label_maps, labelme, png, voc, yolo
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.output import Written
from vpuformer.formats.publish import published

Writer = Callable[..., Written]
"""Called with images, folder and labels, and the options that the format knows."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files with masks."""

    name: str
    write: Writer
    holds: str
    """What is written, in one line."""
    lost: str
    """"lossless", or what the format cannot hold."""
    options: frozenset[str] = frozenset()
    """Names of the writer's further arguments: "polygons", "images_at"."""
    pixels: bool = False
    """Its files are images themselves, which must not lie among those that are annotated."""


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("png", png.write, "one PNG of 0 and 255 an object, and objects.json", "lossless", pixels=True),
        Format(
            "coco",
            coco.write,
            "annotations.json with run lengths, or with polygons where they hold the very mask",
            "lossless",
            frozenset({"polygons"}),
        ),
        Format(
            "labels",
            label_maps.write,
            "one map of label numbers an image, and labels.txt",
            "objects of one label are not separated; where objects overlap, the later one wins",
            pixels=True,
        ),
        Format(
            "voc",
            voc.write,
            "PASCAL VOC's maps of classes and objects, boxes as XML, and the list of images",
            "where objects overlap, the later one wins; at most 254 labels, and objects an image",
            pixels=True,
        ),
        Format(
            "yolo",
            yolo.write,
            "one text file an image with an outline an object, and data.yaml",
            "holes and parts are joined by bridges without width, which programs that paint outlines show",
        ),
        Format(
            "labelme",
            labelme.write,
            "one JSON file an image, with polygons, or masks where there are holes",
            "lossless as masks; LabelMe itself makes masks of polygons that are up to a pixel larger",
            frozenset({"polygons", "images_at"}),
        ),
    )
}


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


def export(
    name: str,
    images: Iterable[AnnotatedImage],
    folder: Path,
    labels: Sequence[str],
    *,
    polygons: bool | None = None,
    images_at: str | None = None,
    overwrite: bool = False,
) -> Written:
    """Write images and their objects into a folder, all of it or nothing.

    Args:
        name: of the format.
        images: taken one by one, so that a generator needs little memory.
        folder: a new or empty one.
        labels: all labels, in the order in which they are to be numbered.
        polygons: outlines, or masks, where the format leaves the choice; by default what is usual in it.
        images_at: the folder of the images as seen from `folder`, for formats that point to them.
        overwrite: let the folder hold something: files of the same name are replaced, those of an earlier export of
            this format that come no more are removed, and all others stay.

    Raises:
        InputError: there is no such format, it cannot hold these objects, or the folder cannot be written.
    """
    chosen = find_format(name, polygons=polygons)
    given: dict[str, Any] = {"polygons": polygons, "images_at": images_at}
    options = {key: value for key, value in given.items() if value is not None and key in chosen.options}
    with published(folder, name, overwrite=overwrite) as staging:
        return chosen.write(images, staging, labels, **options)
