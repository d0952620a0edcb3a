"""Your own images: a folder `images`, and a folder `masks` with files named after them.

The masks of the image `images/STEM.jpg` (any ending) are one of these three:

* `masks/STEM.png`: one map, in which every value above 0 is an object (whole numbers, or the index of a palette);
* `masks/STEM_1.png`, `masks/STEM_cup.png`, ...: one file an object, in the order of their names; what is not 0 is the
  object, and objects may overlap;
* `masks/STEM/*.png`: the same in a folder.

Where one image is called like the beginning of another (`a` and `a_1`), `masks/a_1.png` is the map of `a_1`: a mask
belongs to the image of its own stem, else to the longest stem in front of a `_`. JPEG is refused, since it changes
values, and so are maps of colours, unless their channels are alike. Images without a mask are left out.

What a name promises is checked against the values. A single `masks/STEM_cp_masks.png` with several labels is the map of
STEM, as Cellpose writes it; among several files, one with several labels is refused, and so is a grey mask with soft
edges where a map is wanted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vpuformer.data.file_lists import by_stem, is_image, need_folders, unread
from vpuformer.data.layers import Labels, LayeredSource, Layers, labels_as_layers, labels_of
from vpuformer.errors import ConfigError, DatasetError, ImageError, MaskError, listed
from vpuformer.formats.naming import owners
from vpuformer.images import image_size, read_foreground, read_image, read_labels
from vpuformer.images.heads import colours_of
from vpuformer.images.meaning import VOC_IGNORE, is_soft
from vpuformer.images.remarks import unseen

_IGNORED = 2
"""Undecided pixels beside the one object of a file, which is 1."""

_SOFT_VALUES = 3
"""Labels from which on a map is looked at for soft edges: two may be an object and a thin border."""


class MaskFolder(LayeredSource):
    """The images of `root/images` that have masks in `root/masks`, sorted by stem.

    Objects are called by their value in the map, or by their number among the files, from 1 on.

    Args:
        root: the folder that holds both.
        ignore_label: a value that is neither object nor background, such as 255 for the border in palettes of PASCAL
            VOC, or -1. Its pixels count neither in training nor in scores.

    Raises `DatasetError` where a folder is missing, holds no image with a mask, or two masks claim one image.
    `faults` lists images without a mask, and masks without an image.
    """

    def __init__(self, root: str | Path, *, ignore_label: int | None = None, name: str | None = None) -> None:
        if ignore_label == 0:
            raise ConfigError("ignore_label=0 is the background; give another value of the maps")
        image_folder, masks = need_folders(Path(root), "masks", "images", "masks")
        self._ignore_label = ignore_label
        images = by_stem(image_folder, lambda path: path.stem)
        self._masks, orphans = _match(masks, images)
        self.faults = [
            DatasetError(f"{path} has no mask in {masks}") for s, path in images.items() if s not in self._masks
        ]
        self.faults += [DatasetError(f"{path} belongs to no image in {image_folder}") for path in orphans]
        self.notes = unread(image_folder) + unread(masks)
        self._paths = [path for stem, path in sorted(images.items()) if stem in self._masks]
        if not self._paths:
            raise DatasetError(f"no image in {image_folder} has a mask in {masks}, such as STEM.png or STEM_1.png")
        super().__init__(name or Path(root).resolve().name, [f"images/{path.name}" for path in self._paths])

    def path(self, index: int) -> Path:
        return self._paths[index]

    def read_layers(self, index: int) -> Layers:
        masks = self._masks[self._paths[index].stem]
        for path in [masks] if isinstance(masks, Path) else masks:
            if path.suffix.lower() in (".jpg", ".jpeg"):
                raise DatasetError(f"{path} is a JPEG, whose values are not those that were drawn; write masks as PNG")
        if isinstance(masks, Path):
            labels = _map(masks, self._ignore_label)
            ignored, notes = _ignored_in(masks, labels, self._ignore_label)
            layers = labels_as_layers(labels, ignored, str(masks))
            return replace(layers, notes=(*layers.notes, *notes))
        size = image_size(self._paths[index])
        if len(masks) == 1 and not _in_colours(masks[0]):
            labels = _labels(masks[0], size)
            ignored, notes = (
                (self._ignore_label, ()) if labels is None else _ignored_in(masks[0], labels, self._ignore_label)
            )
            if labels is not None and _holds_several(labels, ignored, masks[0]):
                layers = labels_as_layers(labels, ignored, str(masks[0]))
                note = f"{masks[0]} holds {len(layers.objects)} labels and was read as the map of its image"
                return replace(layers, notes=(note, *layers.notes, *notes))
        found = [_object(path, size, self._ignore_label) for path in masks]
        notes = tuple(note for _, notes in found for note in notes)
        return Layers([labels for labels, _ in found], {i + 1: (i, 1) for i in range(len(found))}, {}, _IGNORED, notes)

    def remarks(self, index: int) -> Sequence[str]:
        masks = self._masks[self._paths[index].stem]
        files = [masks] if isinstance(masks, Path) else masks
        return (*super().remarks(index), *(remark for path in files for remark in unseen(path)))


def _match(folder: Path, images: dict[str, Path]) -> tuple[dict[str, Path | list[Path]], list[Path]]:
    """The map or the files of each image, by its stem; and the masks of no image."""
    maps: dict[str, Path] = {}
    parts: dict[str, list[Path]] = {}
    orphans = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            files = list(_image_files(path))
            if path.name not in images:
                orphans.append(path)
            elif files:
                parts.setdefault(path.name, []).extend(files)
        elif is_image(path):
            stem = next((each for each in owners(path.stem) if each in images), None)
            if stem is None:
                orphans.append(path)
            elif stem != path.stem:
                parts.setdefault(stem, []).append(path)
            elif stem in maps:
                raise DatasetError(f"{folder} has two maps for {stem}: {maps[stem].name} and {path.name}")
            else:
                maps[stem] = path
    both = sorted(maps.keys() & parts.keys())
    if both:
        stem = both[0]
        raise DatasetError(
            f"{images[stem]} has a map, {maps[stem]}, and a file for an object, {parts[stem][0]}; keep one of both"
        )
    return {**maps, **parts}, orphans


def _image_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if is_image(path):
            yield path


def _map(path: Path, ignored: int | None) -> Labels:
    """The labels in a file that is to hold a map of them."""
    labels = read_labels(path)
    if _in_colours(path):
        raise DatasetError(f"{path} is a map of colours; write labels as grey values or as a palette")
    found = labels_of(labels, ignored, str(path))
    if len(found) >= _SOFT_VALUES and is_soft(labels):
        raise DatasetError(
            f"{path} holds {len(found)} values that change from pixel to pixel, as in a grey mask or a photograph; a"
            " map has one value an object, and a mask of one object is 0 and 255"
        )
    return labels


def _ignored_in(path: Path, labels: Labels, ignored: int | None) -> tuple[int | None, tuple[str, ...]]:
    """The ignore label of a file: `ignored` if it is given, else 255 of a palette beside other labels; and a
    sentence about the latter."""
    if ignored is not None or not (labels == VOC_IGNORE).any() or not ((labels > 0) & (labels != VOC_IGNORE)).any():
        return ignored, ()
    if _kind(path) != "palette":
        return None, ()
    return VOC_IGNORE, (
        f"{path}: {VOC_IGNORE} of its palette is ignored, as in PASCAL VOC; ignore_label={VOC_IGNORE} ignores it in"
        " all maps",
    )


def _object(path: Path, size: tuple[int, int], ignored: int | None) -> tuple[Labels, tuple[str, ...]]:
    """The one object in a file as 1, `_IGNORED` pixels, 0 elsewhere; and sentences about the file."""
    in_colours = _in_colours(path)
    labels = _colours(path) if in_colours else _labels(path, size)
    if labels is None:
        return read_foreground(path, size).astype(np.uint8), ()
    ignored, notes = _ignored_in(path, labels, ignored)
    if _holds_several(labels, ignored, path):
        values = "several colours" if in_colours else f"the labels {listed(map(str, labels_of(labels, ignored, '')))}"
        raise DatasetError(
            f"{path} holds {values}, and its name promises one object; write one file an object, or one map called as"
            " its image"
        )
    if in_colours:
        return read_foreground(path, size).astype(np.uint8), ()
    shown = read_foreground(path, size) if is_soft(labels) else labels > 0
    return np.where(labels == ignored, _IGNORED, shown).astype(np.uint8), notes


def _labels(path: Path, size: tuple[int, int]) -> Labels | None:
    """The whole numbers in a file; None where it has none, or `read_foreground` has the sentence for what is wrong."""
    try:
        return read_labels(path, size)
    except MaskError:
        return None


def _colours(path: Path) -> Labels:
    """The colours in a file as numbers, black as 0."""
    red, green, blue = np.moveaxis(read_image(path).astype(np.int32), 2, 0)
    return red << 16 | green << 8 | blue


def _holds_several(labels: Labels, ignored: int | None, path: Path) -> bool:
    """Whether these are the labels of several objects, and not one object, be it with soft edges."""
    return len(labels_of(labels, ignored, str(path))) > 1 and not is_soft(labels)


def _in_colours(path: Path) -> bool:
    """Whether a file has colours that are neither grey nor a palette."""
    # For colours, read_labels returns the first channel, in which a green object is missing.
    if _kind(path) != "colours":
        return False
    colours = read_image(path)
    return bool((colours != colours[:, :, :1]).any())


def _kind(path: Path) -> str | None:
    """How a file stores its pixels; None for one that cannot be read."""
    try:
        return colours_of(path)
    except ImageError:
        return None
