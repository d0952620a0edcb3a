"""A person's images with outlined shapes, in every layout that fine-tuning recognises."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vpuformer.app.store import rle
from vpuformer.app.store.rows import StepAnswer
from vpuformer.app.store.store import FILE, Store
from vpuformer.formats import FORMATS, AnnotatedImage, LabelledMask

SIZE = (64, 80)
"""(H, W) of each image."""
LABELS = ["disk", "plate"]
COUNT = 6


def disk(number: int) -> np.ndarray:
    """A disk of 317 pixels, bool."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (columns - 20) ** 2 + (rows - 16 - 6 * number) ** 2 <= 100


def plate(number: int) -> np.ndarray:
    """A rectangle of 600 pixels, bool."""
    mask = np.zeros(SIZE, bool)
    mask[8 + 4 * number : 28 + 4 * number, 42:72] = True
    return mask


def write_images(folder: Path, count: int = COUNT) -> list[str]:
    """Images with both shapes; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    for number in range(count):
        image = rng.integers(90, 110, (*SIZE, 3), np.uint8)
        image[disk(number)] = (250, 220, 40)
        image[plate(number)] = (20, 30, 90)
        Image.fromarray(image).save(folder / f"{number}.png")
    return [f"{number}.png" for number in range(count)]


def annotated(prefix: str = "", count: int = COUNT) -> list[AnnotatedImage]:
    """The same images as a writer of a format takes them."""
    return [
        AnnotatedImage(
            f"{prefix}{number}.png",
            SIZE[1],
            SIZE[0],
            [LabelledMask(disk(number), "disk", 2 * number + 1), LabelledMask(plate(number), "plate", 2 * number + 2)],
            number + 1,
        )
        for number in range(count)
    ]


def _coco(root: Path) -> None:
    write_images(root / "images")
    FORMATS["coco"].write(annotated(), root, LABELS)


def _yolo(root: Path) -> None:
    write_images(root / "images")
    FORMATS["yolo"].write(annotated(), root, LABELS)


def _labelme(root: Path) -> None:
    write_images(root)
    FORMATS["labelme"].write(annotated(), root, LABELS)


def _voc(root: Path) -> None:
    write_images(root / "JPEGImages")
    FORMATS["voc"].write(annotated(), root, LABELS)


def _masks(root: Path) -> None:
    write_images(root / "images")
    (root / "masks").mkdir()
    for number in range(COUNT):
        labels = (disk(number) + 2 * plate(number)).astype(np.uint8)
        Image.fromarray(labels).save(root / "masks" / f"{number}.png")


def _app(root: Path) -> None:
    write_images(root)
    store = Store(root / FILE)
    store.sync([f"{number}.png" for number in range(COUNT)])
    labels = [store.add_label(name).id for name in LABELS]
    for row in store.images():
        number = int(row.name[0])
        store.change_image(row.id, size=SIZE)
        click = {"type": "click", "point": [20, 16 + 6 * number], "positive": True}
        for label, mask, content in zip(labels, (disk(number), plate(number)), (click, {"type": "mask"}), strict=True):
            made = store.add_object(row.id, f"{row.name} {label}", label)
            answer = StepAnswer(rle.encode(mask), int(mask.sum()))
            store.add_step(made.id, made.revision, f"step {row.name} {label}", content, answer)
            store.change_object(made.id, accepted=True)
    store.close()


LAYOUTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "coco": ("COCO JSON", _coco),
    "yolo": ("YOLO segmentation", _yolo),
    "labelme": ("LabelMe", _labelme),
    "voc": ("PASCAL VOC", _voc),
    "masks": ("images and masks", _masks),
    "app": ("annotated with vpuformer", _app),
}
"""Title of each layout, and what writes it into a folder."""
