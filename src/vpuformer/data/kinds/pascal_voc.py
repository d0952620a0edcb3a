"""PASCAL VOC 2012: `JPEGImages`, `SegmentationObject`, and the list `val`."""

from collections.abc import Iterator
from pathlib import Path

from vpuformer.data.file_lists import need_folders, read_names
from vpuformer.data.kinds.label_map_sets import SampleOrError, label_samples
from vpuformer.images import read_labels
from vpuformer.images.meaning import VOC_IGNORE


def pascal_voc(root: Path) -> Iterator[SampleOrError]:
    """PASCAL VOC's list `val`. Palette indices above 0 are objects; the border is ignored."""
    images, masks = need_folders(root, "pascalvoc", "JPEGImages", "SegmentationObject")
    for stem in read_names(root / "ImageSets" / "Segmentation" / "val.txt"):
        mask = masks / f"{stem}.png"
        yield from label_samples(
            f"pascalvoc/{stem}", images / f"{stem}.jpg", mask, read_labels, ignore_label=VOC_IGNORE
        )
