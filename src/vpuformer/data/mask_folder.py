"""Pictures of your own: a folder `images`, and beside it a folder `masks` that names its files after them.

The masks of the picture `images/STEM.jpg` (any ending) are one of these three:

* `masks/STEM.png`: one map, in which every value but 0 is an object (grey of 8 or 16 bits, or the index of a palette);
* `masks/STEM_1.png`, `masks/STEM_cup.png`, ...: one file an object, in the order of their names; what is not 0 is the
  object, and objects may overlap;
* `masks/STEM/*.png`: the same in a folder.

Where one picture is called like the beginning of another (`a` and `a_1`), `masks/a_1.png` is the map of `a_1`: a mask
belongs to the picture of its own stem, else to the longest stem in front of a `_`. JPEG is refused, since it changes
values, and so are maps of colours, unless their channels are alike. Pictures without a mask are left out.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vpuformer.data.layers import Labels, LayeredSource, Layers, labels_as_layers
from vpuformer.data.listing import PICTURES, by_stem, need_folders
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.images import picture_size, read_image, read_labels, read_mask


class MaskFolder(LayeredSource):
    """The pictures of `root/images` that have masks in `root/masks`, in the order of their stems.

    Objects are called by their value in the map, or by their number among the files, from 1 on.

    Args:
        root: the folder that holds both.
        void: a value of maps that is no object and no background either, such as 255 for the border in palettes of
            PASCAL VOC: these pixels take no part in training, nor in scores.

    Raises `DatasetError` where a folder is missing, holds no picture with a mask, or two masks claim one picture.
    `faults` tells pictures without a mask, and masks without a picture.
    """

    def __init__(self, root: str | Path, *, void: int | None = None, name: str | None = None) -> None:
        if void is not None and void < 1:
            raise ConfigError(f"void={void} is a value of the maps above 0")
        images, masks = need_folders(Path(root), "masks", "images", "masks")
        self._void = void
        pictures = by_stem(images, lambda path: path.stem)
        self._masks, orphans = _match(masks, pictures)
        self.faults = [
            DatasetError(f"{path} has no mask in {masks}") for s, path in pictures.items() if s not in self._masks
        ]
        self.faults += [DatasetError(f"{path} belongs to no picture in {images}") for path in orphans]
        self._paths = [path for stem, path in sorted(pictures.items()) if stem in self._masks]
        if not self._paths:
            raise DatasetError(f"no picture in {images} has a mask in {masks}, such as STEM.png or STEM_1.png")
        super().__init__(name or Path(root).resolve().name, [f"images/{path.name}" for path in self._paths])

    def path(self, picture: int) -> Path:
        return self._paths[picture]

    def read_layers(self, picture: int) -> Layers:
        masks = self._masks[self._paths[picture].stem]
        for path in [masks] if isinstance(masks, Path) else masks:
            if path.suffix.lower() in (".jpg", ".jpeg"):
                raise DatasetError(f"{path} is a JPEG, whose values are not those that were drawn; write masks as PNG")
        if isinstance(masks, Path):
            return labels_as_layers(_labels(masks), self._void)
        size = picture_size(self._paths[picture])
        maps = [(read_mask(path, size) > 0).astype(np.uint8) for path in masks]
        return Layers(maps, {i + 1: (i, 1) for i in range(len(maps))})


def _match(folder: Path, pictures: dict[str, Path]) -> tuple[dict[str, Path | list[Path]], list[Path]]:
    """The map or the files of each picture, by its stem; and the masks of no picture."""
    maps: dict[str, Path] = {}
    parts: dict[str, list[Path]] = {}
    orphans = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            files = list(_picture_files(path))
            if path.name not in pictures:
                orphans.append(path)
            elif files:
                parts.setdefault(path.name, []).extend(files)
        elif path.suffix.lower() in PICTURES:
            stem = _owner(path.stem, pictures)
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
            f"{pictures[stem]} has a map, {maps[stem]}, and a file for an object, {parts[stem][0]}; keep one of both"
        )
    return {**maps, **parts}, orphans


def _owner(stem: str, pictures: dict[str, Path]) -> str | None:
    while stem not in pictures:
        stem, cut, _ = stem.rpartition("_")
        if not cut:
            return None
    return stem


def _picture_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PICTURES and not path.name.startswith("."):
            yield path


def _labels(path: Path) -> Labels:
    labels = read_labels(path)
    # Pillow for the head alone: of colours, read_labels has the first channel, where a green object is no object.
    try:
        with Image.open(path) as image:
            mode = image.mode
    except OSError:  # a kind of TIFF that Pillow does not know
        return labels
    if mode not in ("1", "L", "LA", "P", "PA") and not mode.startswith("I"):
        colours = read_image(path)
        if (colours != colours[:, :, :1]).any():
            raise DatasetError(f"{path} is a map of colours; write labels as grey values or as a palette")
    return labels
