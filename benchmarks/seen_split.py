"""A split of training objects that match the validation objects in data set and size.

The difference between the scores on this split and on the validation split shows how much the weights have memorised.

    python benchmarks/seen_split.py data/train data/split.json benchmarks/results/validation/seen.json
    python benchmarks/evaluate.py --only seen
"""

import argparse
import json
from pathlib import Path

import numpy as np

from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.sample import SMALLEST_OBJECT
from vpuformer.data.split import Split, open_folders, training_images

Entry = dict[str, str | int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of COCO-format folders")
    parser.add_argument("split", type=Path)
    parser.add_argument("seen", type=Path, help="file to write")
    parser.add_argument("--leave-out", nargs="*", default=["polyps", "skin"], help="data sets that were not trained on")
    options = parser.parse_args()

    split, folders = Split.load(options.split), open_folders(options.data)
    objects: list[Entry] = []
    for name, folder in folders.items():
        wanted = [each for each in split.objects if each.set == name]
        if name not in options.leave_out and wanted:
            numbers = {file: i for i, file in enumerate(folder.images)}
            shares = [share(folder, numbers[each.file], each.annotation) for each in wanted]
            objects += matched(folder, split, shares)
    options.seen.write_text(json.dumps({"drop": [], "pictures": images(objects), "objects": objects}, indent=1) + "\n")


def matched(folder: CocoFolder, split: Split, shares: list[float]) -> list[Entry]:
    """A training object of about the same share of its image for each share, none twice."""
    candidates = [
        (area / float(np.prod(folder.size(image))), image, number)
        for image in training_images(folder, split)
        for number, area in zip(folder.objects(image), folder.areas(image), strict=True)
        if area >= SMALLEST_OBJECT
    ]
    sizes = np.array([candidate[0] for candidate in candidates])
    chosen: list[Entry] = []
    for wanted in shares:
        nearest = int(np.abs(np.log(sizes / wanted)).argmin())
        sizes[nearest] = np.inf
        _, image, number = candidates[nearest]
        chosen.append({"set": folder.name, "file": folder.images[image], "annotation": number})
    return chosen


def share(folder: CocoFolder, image: int, number: int) -> float:
    """Share of an image that one of its objects covers."""
    height, width = folder.size(image)
    return float(folder.areas(image)[folder.objects(image).index(number)]) / (height * width)


def images(objects: list[Entry]) -> dict[str, list[str]]:
    """Images of the objects, by data set."""
    by_set: dict[str, list[str]] = {}
    for each in objects:
        files = by_set.setdefault(str(each["set"]), [])
        if each["file"] not in files:
            files.append(str(each["file"]))
    return by_set


if __name__ == "__main__":
    main()
