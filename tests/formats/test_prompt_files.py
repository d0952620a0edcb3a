"""Prompts and boxes of many images, from JSON lines and CSV."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import vpuformer.formats.prompt_lines as lines
from vpuformer.errors import InputError
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.prompt_reading import read_prompt_list
from vpuformer.formats.prompted import Listed, Unanswered
from vpuformer.prompts import Box, Click


def read(content: str | bytes, folder: Path, name: str = "boxes.csv") -> list[Any]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_prompt_list(path, ImageFolder(folder / "images")).entries)


def objects(entries: list[Any]) -> list[Any]:
    """Image, prompts, label, id and key of each entry."""
    assert all(isinstance(entry, Listed) for entry in entries), entries
    return [
        (each.image, each.found and (*each.found.prompts, each.found.label, each.found.id), each.key)
        for each in entries
    ]


@pytest.mark.parametrize(
    "content",
    [
        "a.png,1,2,30,40,cup\nb.jpg,3,4,5,6,\n",
        "image,x0,y0,x1,y1,label\na.png,1,2,30,40,cup\n\nb.jpg,3,4,5,6,\n",
        "class;score;xmin;ymin;xmax;ymax;filename\ncup;.9;1;2;30;40;a.png\n;.1;3;4;5;6;b.jpg\n",
        "\ufeffright\tleft\tbottom\ttop\tImage\tLabel\r\n30\t1\t40\t2\ta.png\tcup\r\n5\t3\t6\t4\tb.jpg\t\r\n",
        '"a.png", "1", 2, 30, 40, "cup"\nb.jpg,3,4,5,6,""\n',
    ],
)
def test_boxes_are_read_from_csv(content: str, image_folder: Path) -> None:
    assert objects(read(content, image_folder.parent)) == [
        ("a.png", (Box(1, 2, 30, 40), "cup", None), None),
        ("b.jpg", (Box(3, 4, 5, 6), None, None), None),
    ]


def test_points_are_read_from_csv(image_folder: Path) -> None:
    folder = image_folder.parent
    assert objects(read("a.png,1,2\na.png,3,4\n", folder)) == [
        ("a.png", (Click(1, 2), None, None), None),
        ("a.png", (Click(3, 4), None, None), None),
    ]
    assert objects(read("a.png,1,2,1\na.png,3,4,0\n", folder)) == [
        ("a.png", (Click(1, 2), None, None), ""),
        ("a.png", (Click(3, 4, positive=False), None, None), ""),
    ]
    assert objects(read("image,x,y,positive,object,id\na.png,1,2,true,cup 1,8\na.png,3,4,-,,\n", folder)) == [
        ("a.png", (Click(1, 2), None, 8), "cup 1"),
        ("a.png", (Click(3, 4, positive=False), None, None), None),
    ]


def test_a_sign_that_is_none_leaves_its_point_out(image_folder: Path) -> None:
    ((_, reason, _, _),) = read("a.png,1,2,cup\n", image_folder.parent)
    assert reason == "'positive' is one of 1, true, +, 0, false, -, got 'cup'"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty; wanted columns image,x0,y0,x1,y1"),
        ("a.png,1,2,3,4,5,6,7\n", "the first line of .* is 'a.png,1,2,3,4,5,6,7'; wanted columns"),
        ("1,2,3,4,a.png\n", "wanted columns"),
        ("image,x,y,width,height\na.png,1,2,3,4\n", "has the columns image, x, y, width, height; wanted"),
        ("image,x,y,x0,y0,x1,y1\n", "has the columns image, x, y, x0, y0, x1, y1; wanted"),
        ("file,x0,y0,x1,y1,path\n", "has two columns for image, file and path"),
        ("x0,y0,x1,y1\n", "has the columns x0, y0, x1, y1; wanted"),
        ("a.png,1,2,3,4\nb.png,1\n", "a row of .* has 2 columns"),
        ("image,x,y,id\na.png,1,2,seven\n", "an id is a whole number, got 'seven'"),
        ('a.png,1,2,3,"4\n', "line 1 of .* is not CSV"),
    ],
)
def test_tables_that_may_mean_anything_are_refused(content: str, reason: str, image_folder: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read(content, image_folder.parent)


def test_lines_are_objects_or_images(image_folder: Path) -> None:
    click = {"type": "click", "point": [1, 2]}
    box = {"type": "box", "box": [1, 2, 3, 4]}
    content = [
        {"image": "a.png", "prompts": [click, box], "label": "cup", "id": 7},
        {"image": "b.jpg", "objects": [{"prompts": [box]}, {"prompts": [click], "label": ""}], "id": 3},
        {"image": "sub\\c.png", "objects": []},
    ]
    entries = read("\ufeff" + "\n\n".join(map(json.dumps, content)), image_folder.parent, "p.jsonl")
    assert objects(entries) == [
        ("a.png", (Click(1, 2), Box(1, 2, 3, 4), "cup", 7), None),
        ("b.jpg", None, None),
        ("b.jpg", (Box(1, 2, 3, 4), None, None), None),
        ("b.jpg", (Click(1, 2), None, None), None),
        ("sub/c.png", None, None),
    ]
    assert [entry.image_id for entry in entries] == [None, 3, 3, 3, None]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2 of .* is not JSON"),
        ("[" * 100_000, "line 2 of .* is nested too deeply"),
        ("[]", "line 2 of .* names no image; wanted"),
        ('{"image": 3}', "names no image"),
        ('{"image": "a.png"}', "an object has a list of 'prompts', got None"),
        ('{"image": "a.png", "objects": [3]}', "'objects' is a list of objects"),
        ('{"image": "a.png", "prompts": [], "id": "seven"}', "an id is a whole number from 0 to .*, got 'seven'"),
        ('{"image": "a.png", "prompts": [], "id": -1}', "an id is a whole number"),
        ("x" * 1001, "has a line of more than 0 MB; split it"),
    ],
)
def test_a_line_that_is_none_is_refused(
    line: str, reason: str, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 200_000 if line.startswith("[[") else 1000)
    with pytest.raises(InputError, match=reason):
        read(f"\n{line}\n", image_folder.parent, "p.jsonl")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"prompts": []}, "an object without a prompt"),
        ({"prompts": [{"type": "lasso"}]}, "the type of a prompt is one of"),
        ({"prompts": [{"type": "box", "box": [float("nan"), 1, 2, 3]}]}, "not a finite number"),
        ({"prompts": [{"type": "box", "box": [10**400, 1, 2, 3]}]}, "not a finite number"),
        ({"prompts": [{"type": "click", "point": [1, 2]}], "label": "a\nb"}, "holds a character that cannot be seen"),
        ({"prompts": [{"type": "click", "point": [1, 2]}], "label": 3}, "a label is a text, got 3"),
    ],
)
def test_an_object_that_cannot_be_used_is_left_out(values: dict[str, Any], reason: str, image_folder: Path) -> None:
    (entry,) = read(json.dumps({"image": "a.png", **values, "id": 4}), image_folder.parent, "p.jsonl")
    assert isinstance(entry, Unanswered)
    assert (entry.image, entry.thing, entry.id) == ("a.png", "object", 4)
    assert reason in entry.reason


def test_boxes_of_coco_are_prompts_with_their_visible_keypoints_and_ids(image_folder: Path) -> None:
    square = [10, 10, 20, 10, 20, 20, 10, 20]
    annotations = [
        {"id": 70, "image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4], "keypoints": [2, 3, 2, 3, 4, 1, 0, 0, 0]},
        {"id": 71, "image_id": 9, "category_id": 5, "segmentation": [square], "bbox": [0, 0, 1, 1]},
        {"id": 72, "image_id": 9, "bbox": [1, 2, float("nan"), 4]},
        {"id": 73, "image_id": 9, "bbox": [1, 2, 3, 4], "iscrowd": 1},
        {"id": 74, "image_id": 8, "bbox": [1, 2, 3, 4]},
        {"id": 75, "image_id": 7, "bbox": [1, 2, 3, 4]},
    ]
    images = [
        {"id": 9, "file_name": "data/a.png", "width": 120, "height": 90},
        {"id": 8, "file_name": "gone.png", "width": 120, "height": 90},
        {"id": 7, "file_name": "b.jpg", "width": 120, "height": 90},
        {"id": 6, "file_name": "sub/c.png", "width": 40, "height": 30},
    ]
    categories = [{"id": 5, "name": "dog"}, {"id": 3, "name": "cup"}]
    path = image_folder.parent / "coco.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    prompts = read_prompt_list(path, ImageFolder(image_folder))
    assert prompts.labels == ("dog", "cup")
    entries = list(prompts.entries)
    assert objects([entry for entry in entries if isinstance(entry, Listed)]) == [
        ("a.png", None, None),
        ("a.png", (Box(0.5, 1.5, 3.5, 5.5), Click(2, 3), "cup", 70), None),
        ("a.png", (Box(9.5, 9.5, 19.5, 19.5), "dog", 71), None),
        ("gone.png", None, None),
        ("b.jpg", None, None),
        ("sub/c.png", None, None),
    ]
    found = [entry for entry in entries if isinstance(entry, Listed) and entry.found is None]
    assert [entry.image_id for entry in found] == [9, 8, 7, 6]
    assert [entry.image for entry in found if entry.reason is not None] == ["gone.png", "b.jpg"]
    assert "says that b.jpg is 120x90 pixels, and it is 64x64" in (found[2].reason or "")
    left_out = [(entry.image, entry.thing) for entry in entries if isinstance(entry, Unanswered)]
    assert left_out == [("a.png", "object"), ("a.png", "object")]


@pytest.mark.parametrize("files", [1, 2])
def test_the_ids_of_a_single_coco_file_in_a_folder_are_kept(files: int, image_folder: Path) -> None:
    folder = image_folder.parent / "set"
    folder.mkdir()
    for number, (name, width, height) in enumerate([("a.png", 120, 90), ("b.jpg", 64, 64)][:files]):
        content = {
            "images": [{"id": 9, "file_name": name, "width": width, "height": height}],
            "annotations": [{"id": 70, "image_id": 9, "bbox": [1, 2, 3, 4]}],
        }
        (folder / f"{number}.json").write_text(json.dumps(content))
    entries = list(read_prompt_list(folder, ImageFolder(image_folder)).entries)
    ids = [(entry.image_id, entry.found and entry.found.id) for entry in entries if isinstance(entry, Listed)]
    assert ids == ([(9, None), (None, 70)] if files == 1 else [(None, None)] * 4)


def test_boxes_of_yolo_are_prompts(image_folder: Path) -> None:
    folder = image_folder.parent / "set"
    (folder / "labels/sub").mkdir(parents=True)
    (folder / "data.yaml").write_text("names: [cup, dog]\n")
    (folder / "labels/a.txt").write_text("1 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n")
    (folder / "labels/sub/c.txt").write_text("")
    prompts = read_prompt_list(folder, ImageFolder(image_folder))
    assert prompts.labels == ("cup", "dog")
    assert objects(list(prompts.entries)) == [
        ("a.png", None, None),
        ("a.png", (Box(44.5, 22, 74.5, 67), "dog", None), None),
        ("a.png", (Box(11.5, 8.5, 23.5, 17.5), "cup", None), None),
        ("sub/c.png", None, None),
    ]


@pytest.mark.parametrize(
    ("name", "content", "labels", "found"),
    [
        ("classes.txt", "cup\n\ndog\n", ("cup", "dog"), ["cup", "class 1", "dog"]),
        ("data.yaml", "names: [cup, cup, ' dog']", ("cup", "dog"), ["cup", "cup", "dog"]),
        ("data.yaml", 'names: ["cup\\n", "\\0", dog]', ("cup", "dog"), ["cup", None, "dog"]),
    ],
)
def test_odd_names_in_a_list_of_classes_shift_no_class(
    name: str, content: str, labels: tuple[str, ...], found: list[str | None], image_folder: Path
) -> None:
    folder = image_folder.parent / "set"
    (folder / "labels").mkdir(parents=True)
    (folder / name).write_text(content)
    (folder / "labels/a.txt").write_text("".join(f"{number} 0.5 0.5 0.2 0.2\n" for number in range(3)))
    prompts = read_prompt_list(folder, ImageFolder(image_folder))
    assert prompts.labels == labels
    assert [entry.found.label for entry in prompts.entries if isinstance(entry, Listed) and entry.found] == found


def test_boxes_of_voc_are_prompts(image_folder: Path) -> None:
    folder = image_folder.parent / "Annotations"
    folder.mkdir()
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    thing = f"<object><name>cat</name>{box}</object>"
    (folder / "b.xml").write_text(f"<annotation><filename>b.jpg</filename>{thing}</annotation>")
    assert objects(list(read_prompt_list(folder, ImageFolder(image_folder)).entries)) == [
        ("b.jpg", None, None),
        ("b.jpg", (Box(-0.5, 0.5, 2.5, 3.5), "cat", None), None),
    ]


def test_images_are_found_by_the_end_of_their_path(image_folder: Path) -> None:
    (image_folder / "u\N{COMBINING DIAERESIS}.png").write_bytes(b"")
    folder = ImageFolder(image_folder)
    assert folder.name_of("C:\\photos\\sub\\c.png") == "sub/c.png"
    assert folder.name_of("../../a.png") == "a.png"
    assert folder.name_of("./sub/../a.png") == "a.png"
    assert folder.name_of("x/\N{LATIN SMALL LETTER U WITH DIAERESIS}.png") == "u\N{COMBINING DIAERESIS}.png"
    assert folder.name_of("/x/none.png") == "x/none.png"


def test_other_files_are_refused(tmp_path: Path) -> None:
    folder = ImageFolder(tmp_path)
    with pytest.raises(InputError, match="there is no"):
        read_prompt_list(tmp_path / "none.csv", folder)
    (tmp_path / "boxes.doc").write_text("hello")
    with pytest.raises(InputError, match=r"boxes\.doc is of no format that is read"):
        read_prompt_list(tmp_path / "boxes.doc", folder)


def test_pages_of_a_stack_are_images(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((3, 20, 30), np.uint16), photometric="minisblack")
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\nstack.tif@page002,1,2,11,12\n")
    folder = ImageFolder(tmp_path)
    assert folder.names() == ["stack.tif", "stack.tif@page001", "stack.tif@page002"]
    assert folder.name_of("/data/stack.tif@page002") == "stack.tif@page002"
    assert folder.path_of("stack.tif@page002") == tmp_path / "stack.tif@page002"
    (entry,) = read_prompt_list(tmp_path / "boxes.csv", folder).entries
    assert entry.image == "stack.tif@page002"
