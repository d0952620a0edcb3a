"""Draw a small training set in COCO format, with a split: coloured shapes on noise.

    python examples/toy_set.py FOLDER [IMAGES]

The result has the layout that your own images need: a folder with `annotations.json` and `images/`. Outlines are
polygons.
"""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIDE = 128
CELL = 64  # one shape per cell, so that shapes do not overlap


def shape(rng: np.random.Generator, left: int, top: int) -> npt.NDArray[np.float64]:
    """Corners (x, y) of a random triangle, box, hexagon or ellipse, shape (n, 2)."""
    corners = int(rng.choice([3, 4, 6, 48]))
    angles = 2 * np.pi * (np.arange(corners) + rng.random()) / corners
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(10, 24, size=2)
    turn = rng.uniform(0, np.pi)
    turned = circle @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    centre = np.array([left, top]) + CELL / 2 + rng.uniform(-6, 6, size=2)
    return turned + centre


def draw(rng: np.random.Generator) -> tuple[Image.Image, list[list[float]]]:
    """An image and the outlines in it, each as x0, y0, x1, y1, ..."""
    ground = rng.uniform(0, 255, size=3) + rng.normal(0, 12, size=(SIDE, SIDE, 3))
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    outlines = []
    for left, top in ((x, y) for x in range(0, SIDE, CELL) for y in range(0, SIDE, CELL)):
        outline = shape(rng, left, top)
        colour = tuple(rng.integers(0, 256, size=3).tolist())
        ImageDraw.Draw(image).polygon([tuple(corner) for corner in outline.tolist()], fill=colour)
        # COCO counts from the corner of the image, Pillow from the centre of the first pixel.
        outlines.append((outline + 0.5).ravel().round(2).tolist())
    return image, outlines


def main(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    (folder / "toys" / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(count):
        drawing, outlines = draw(rng)
        name = f"{number:04d}.png"
        drawing.save(folder / "toys" / "images" / name)
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE, "exhaustive": True})
        annotations += [
            {"id": len(annotations) + i, "image_id": number, "segmentation": [outline]}
            for i, outline in enumerate(outlines)
        ]
    (folder / "toys" / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    kept = {image["id"]: image["file_name"] for image in images[: max(1, count // 10)]}
    objects = [
        {"set": "toys", "file": kept[entry["image_id"]], "annotation": entry["id"]}
        for entry in annotations
        if entry["image_id"] in kept
    ]
    split = {"pictures": {"toys": list(kept.values())}, "objects": objects}
    (folder / "split.json").write_text(json.dumps(split))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100)
