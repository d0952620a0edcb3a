"""Render the hand-drawn polygons NAME.polygons.json as masks NAME_truth.png.

    python examples/draw_truth.py [FOLDER]

A polygon is a list of (x, y) in pixels of the photograph, pixel centres at integers. A pixel belongs to the object if
its centre lies in one of the `parts` and in none of the `holes`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from skimage.draw import polygon2mask

from vpuformer.images import image_size, write_mask

SUFFIX = ".polygons.json"


def render(file: Path) -> npt.NDArray[np.bool_]:
    """Mask of one file of polygons, bool (H, W), in the size of its photograph."""
    drawing = json.loads(file.read_text(encoding="utf-8"))
    size = image_size(file.with_name(drawing["image"]))
    mask = np.zeros(size, dtype=bool)
    for value, polygons in ((True, drawing["parts"]), (False, drawing["holes"])):
        for polygon in polygons:
            mask[polygon2mask(size, np.array(polygon)[:, ::-1])] = value
    return mask


def main(folder: Path) -> None:
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        write_mask(file.with_name(file.name.removesuffix(SUFFIX) + "_truth.png"), render(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
