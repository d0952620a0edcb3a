"""The same box, written as each format writes it, is the same prompt."""

import json
from pathlib import Path
from typing import Any

import pytest

from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import Found, FoundObject, LeftOut, TargetImage
from vpuformer.formats.reading import read_annotations
from vpuformer.prompts import Box

SIZE = (50, 100)
BOX = Box(9.5, 4.5, 39.5, 24.5)
"""Pixels 10 to 39 of a row, and 5 to 24 of a column."""

VOC = """<annotation><filename>x.jpg</filename><size><width>100</width><height>50</height></size><object>
<name>cup</name><bndbox><xmin>11</xmin><ymin>6</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object></annotation>"""
COCO = {
    "images": [{"id": 1, "file_name": "x.jpg", "width": 100, "height": 50}],
    "annotations": [{"id": 4, "image_id": 1, "category_id": 1, "bbox": [10, 5, 30, 20], "segmentation": []}],
    "categories": [{"id": 1, "name": "cup"}],
}
RECTANGLE = {"label": "cup", "shape_type": "rectangle", "points": [[40, 5], [10, 25]]}
CORNERS = {**RECTANGLE, "points": [[10, 5], [40, 5], [40, 25], [10, 25]]}


def labelme(shape: dict[str, Any]) -> str:
    return json.dumps({"imagePath": "x.jpg", "imageWidth": 100, "imageHeight": 50, "shapes": [shape]})


def read(folder: Path) -> list[Found]:
    (image,) = read_annotations(Bundle(folder))[1].images
    return list(image.objects(TargetImage("x.jpg", SIZE), lambda _: None))


@pytest.mark.parametrize(
    "files",
    [
        {"coco.json": json.dumps(COCO)},
        {"Annotations/x.xml": VOC},
        {"labels/x.txt": "0 0.25 0.3 0.3 0.4", "data.yaml": "names: [cup]"},
        {"x.txt": "0 0.25 0.3 0.3 0.4 0.97", "obj.names": "cup\n"},
        {"x.json": labelme(RECTANGLE)},
        {"x.json": labelme(CORNERS)},
    ],
    ids=["coco", "voc", "yolo", "yolo with confidence", "labelme", "labelme with corners"],
)
def test_a_box_is_the_same_in_every_format(files: dict[str, str], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (found,) = read(tmp_path)
    assert isinstance(found, FoundObject)
    assert found.label == "cup"
    assert isinstance(found.shape, Box)
    assert found.shape.bounds == pytest.approx(BOX.bounds)


def test_a_box_is_clipped_to_its_image_and_left_out_beyond(tmp_path: Path) -> None:
    first = COCO["annotations"][0]
    others = [{**first, "bbox": box} for box in ([-5, -5, 200, 10], [100, 0, 5, 5], [1, 1, float("nan"), 1], [1, 2])]
    (tmp_path / "coco.json").write_text(json.dumps({**COCO, "annotations": others}))
    clipped, outside, broken, short = read(tmp_path)
    assert clipped == FoundObject("cup", Box(-0.5, -0.5, 99.5, 4.5), "4")
    assert outside == broken == LeftOut("box", "without an area within its image")
    assert isinstance(short, LeftOut)


def test_classes_of_yolo_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("10 0.5 0.5 0.1 0.1")
    (tmp_path / "data.yaml").write_text("names: {10: last, 2: middle, 0: first}")
    assert read_annotations(Bundle(tmp_path))[1].labels == ["first", "middle", "last"]
