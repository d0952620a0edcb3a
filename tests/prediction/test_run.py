"""Runs from prompts to files: interrupted, in parts, in any order, and with input that nobody should trust."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from support.app_disks import Disks
from support.volumes import oriented, write_nifti
from vpuformer.errors import ConfigError, DatasetError, InputError
from vpuformer.formats import FORMATS, read_objects
from vpuformer.formats.assignment import assign
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import FoundObject, TargetImage
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.prompted import Listed, PromptList, Unanswered
from vpuformer.formats.reading import read_annotations
from vpuformer.images import read_image, slice_path
from vpuformer.inference.protocol import Encoded
from vpuformer.prediction.job import FILE, Job, JobHeader
from vpuformer.prediction.run import LEFT_OUT, Predicted, join, predict_folder
from vpuformer.prompts import Click

TESTS = Path(__file__).parents[1]


def click(x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"type": "click", "point": [x, y], **more}


def line(image: str, *prompts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"image": image, "prompts": list(prompts), **more}


LINES = [
    line("b.jpg", click(30, 30), label="dog"),
    line("a.png", click(20, 20), click(90, 20, positive=False), label="cup"),
    line("sub/c.png", {"type": "box", "box": [5, 5, 20, 20]}),
    line("a.png", click(100, 70), label="dog"),
    line("d.png", click(3, 3), label="cup"),
    line("gone.png", click(3, 3), label="cup"),
    line("e.png", click(300, 3)),
    line("f.png", click(10, 3), label="dog"),
]
"""Eight objects of seven images: one image is missing, one prompt lies outside."""


@pytest.fixture
def images(image_folder: Path, rng: np.random.Generator) -> Path:
    for name in ("d.png", "e.png", "f.png"):
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(image_folder / name)
    return image_folder


def written(folder: Path, entries: Iterable[Any] = LINES) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def predicted(images: Path, prompts: Path, output: Path, **options: Any) -> Predicted:
    return predict_folder(images, prompts, output, Disks(5), **options)


def coco(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "annotations.json").read_bytes())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gets_the_masks(name: str, images: Path, tmp_path: Path) -> None:
    result = predicted(images, written(tmp_path), tmp_path / "out", format_name=name, workers=2)
    assert result.written is not None
    assert (result.written.images, result.written.objects) == (5, 6)
    assert (result.images_left_out, result.objects_left_out) == (2, 1)
    assert not (tmp_path / "out" / FILE).exists()


def test_labels_ids_and_masks_are_kept(images: Path, tmp_path: Path) -> None:
    lines = [line("d.png", click(3, 3), label="cup", id=70), line("f.png", click(9, 3)), *LINES[:1]]
    predicted(images, written(tmp_path, lines), tmp_path / "out")
    content = coco(tmp_path / "out")
    names = {each["id"]: each["name"] for each in content["categories"]}
    assert [(each["id"], names[each["category_id"]]) for each in content["annotations"]] == [
        (70, "cup"),
        (71, "object"),
        (72, "dog"),
    ]
    ((label, mask),) = read_objects((tmp_path / "out/annotations.json").read_bytes(), "d.png", (20, 30))
    rows, columns = np.mgrid[:20, :30]
    assert label == "cup"
    assert np.array_equal(mask, np.hypot(columns - 3, rows - 3) <= 5)


def test_what_is_left_out_is_listed_with_its_reason(images: Path, tmp_path: Path) -> None:
    (images / "broken.png").write_bytes(b"no image")
    lines = [*LINES, line("broken.png", click(1, 1)), line("a.png", click(float("nan"), 1), id=9), line("d.png")]
    result = predicted(images, written(tmp_path, lines), tmp_path / "out")
    entries = [json.loads(each) for each in (tmp_path / "out" / LEFT_OUT).read_text().splitlines()]
    assert [(each["image"], each["thing"], each.get("id")) for each in entries] == [
        ("a.png", "object", 9),
        ("d.png", "object", None),
        ("gone.png", "image", None),
        ("e.png", "object", 7),
        ("e.png", "image", None),
        ("broken.png", "image", None),
    ]
    assert len(result.reasons) == 6
    assert all(entry["reason"] in reason for entry, reason in zip(entries, result.reasons, strict=True))


def test_an_image_without_any_object_that_can_be_segmented_is_left_out(images: Path, tmp_path: Path) -> None:
    outside = {"prompts": [{"type": "box", "box": [500, 500, 600, 600]}]}
    no_number = {"prompts": [click(float("nan"), 1)]}
    lines = [
        {"image": "d.png", "objects": [{"prompts": [click(3, 3)]}, outside]},
        {"image": "e.png", "objects": [outside, no_number]},
        {"image": "f.png", "objects": [no_number]},
        {"image": "a.png", "objects": []},
    ]
    for shard in ("1/1", "1/2", "2/2"):
        result = predicted(images, written(tmp_path, lines), tmp_path / shard.replace("/", "of"), shard=shard)
        assert (result.images_left_out, result.objects_left_out) == {"1/1": (2, 4), "1/2": (1, 3), "2/2": (1, 1)}[shard]
    join([tmp_path / "1of2", tmp_path / "2of2"], tmp_path / "joined")
    assert files(tmp_path / "joined") == files(tmp_path / "1of1")
    assert [each["file_name"] for each in coco(tmp_path / "joined")["images"]] == ["d.png", "a.png"]
    entries = [json.loads(each) for each in (tmp_path / "joined" / LEFT_OUT).read_text().splitlines()]
    left_out = {each["image"]: each["reason"] for each in entries if each["thing"] == "image"}
    assert left_out == dict.fromkeys(["f.png", "e.png"], "each of its objects is left out")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["coco", "png"])
def test_a_run_that_is_killed_continues_to_the_same_files(name: str, images: Path, tmp_path: Path) -> None:
    shares = [f"{random.uniform(0, 0.98):.6f}" for _ in range(12)]  # then the files are there, and the database gone
    command = ["-m", "support.predict_kills", images, written(tmp_path), tmp_path, name, *shares]
    ran = subprocess.run([sys.executable, *map(str, command)], cwd=TESTS, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    statuses = [each.split()[1] for each in ran.stdout.splitlines()]
    assert statuses[::2].count("9") > 6
    assert set(statuses[1::2]) == {"0"}, ran.stderr
    for share in shares:
        assert files(tmp_path / share) == files(tmp_path / "whole"), share


@pytest.mark.parametrize("count", [2, 3])
def test_joined_parts_are_the_whole(count: int, images: Path, tmp_path: Path) -> None:
    prompts = written(tmp_path, [*LINES, {"image": "d.png", "prompts": [], "label": "cup"}])
    for name in ("coco", "voc"):
        predicted(images, prompts, tmp_path / name, format_name=name)
        parts = [tmp_path / f"{name} part {number}" for number in range(1, count + 1)]
        for number, part in enumerate(parts, 1):
            assert predicted(images, prompts, part, format_name=name, shard=f"{number}/{count}").written is None
        join(parts[::-1], tmp_path / f"{name} joined")
        assert files(tmp_path / f"{name} joined") == files(tmp_path / name)


def test_parts_that_do_not_belong_together_are_refused(images: Path, tmp_path: Path) -> None:
    prompts = written(tmp_path)
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    predicted(images, prompts, first, shard="1/2")
    with pytest.raises(InputError, match="these of 2 parts are missing: 2/2"):
        join([first], tmp_path / "joined")
    with pytest.raises(InputError, match="first was given twice"):
        join([first, first], tmp_path / "joined")
    shutil.copytree(first, tmp_path / "copy")
    with pytest.raises(InputError, match="part 1/2 was given twice"):
        join([first, tmp_path / "copy"], tmp_path / "joined")
    predicted(images, written(tmp_path, LINES[:4]), other, shard="2/2")
    with pytest.raises(InputError, match="belongs to another run, which differs in prompts"):
        join([first, other], tmp_path / "joined")
    with pytest.raises(InputError, match=r"holds no predictions\.sqlite"):
        join([first, second], tmp_path / "joined")
    with pytest.raises(ConfigError, match="I/N"):
        predicted(images, prompts, second, shard="3/2")


def test_the_order_of_the_lines_changes_no_mask(images: Path, tmp_path: Path) -> None:
    lines = [{**entry, "id": number} for number, entry in enumerate(LINES, 1)]
    predicted(images, written(tmp_path, lines), tmp_path / "one")
    predicted(images, written(tmp_path, random.sample(lines, len(lines))), tmp_path / "other", workers=3)
    runs = [
        {each["id"]: (each["segmentation"], each["category_id"]) for each in coco(tmp_path / name)["annotations"]}
        for name in ("one", "other")
    ]
    assert runs[0] == runs[1]


def test_an_interrupted_run_asks_again_for_what_was_missing(images: Path, tmp_path: Path) -> None:
    prompts, disks = written(tmp_path), Disks(5)

    def stop(step: str, done: int, _: int) -> None:
        if step == "write" or done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_folder(images, prompts, tmp_path / "out", disks, on_progress=stop)
    Image.new("RGB", (30, 20)).save(images / "gone.png")
    again = Disks(5)
    result = predict_folder(images, prompts, tmp_path / "out", again)
    assert (result.images_left_out, result.objects_left_out) == (1, 1)
    assert again.encoded <= 3  # gone.png, e.png and f.png
    predicted(images, prompts, tmp_path / "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_folder_in_use_or_of_another_run_is_refused(images: Path, tmp_path: Path) -> None:
    prompts, output = written(tmp_path), tmp_path / "out"

    def begin_again(*_: object) -> None:
        with pytest.raises(InputError, match="another program works on"):
            predicted(images, prompts, output)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predicted(images, prompts, output, on_progress=begin_again)
    other = Disks(5)
    other.sha256 = "1" * 64
    with pytest.raises(InputError, match="belongs to another run, which differs in weights; name another folder"):
        predict_folder(images, prompts, output, other)
    written(tmp_path, LINES[:3])
    with pytest.raises(InputError, match="differs in prompts"):
        predicted(images, prompts, output)
    (output / FILE).write_bytes(b"no database, but a text that is long enough" * 99)
    with pytest.raises(InputError, match="is not a database of predictions"):
        predicted(images, prompts, output)


def test_the_network_sees_the_values_within_the_window(tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    folder = tmp_path / "images"
    folder.mkdir()
    write_nifti(folder / "scan.nii.gz", *oriented("LPS"))
    deep = np.arange(0, 6000, 10, dtype=np.uint16).reshape(20, 30)
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(deep.astype(np.uint8)).save(folder / "plain.png")
    names = ["deep.png", "scan.nii.gz@z004", "plain.png", "scan.nii.gz@z004@window100,200"]
    prompts = written(tmp_path, [line(name, click(3, 3)) for name in names])
    seen: list[np.ndarray] = []

    class Looking(Disks):
        def encode(self, image: np.ndarray) -> Encoded:
            seen.append(image)
            return super().encode(image)

    predict_folder(folder, prompts, tmp_path / "out", Looking(5), window=(1000, 2000))
    wide, narrow = (read_image(slice_path(folder / "scan.nii.gz", 4, window=(*w,))) for w in ((1000, 2000), (100, 200)))
    wanted = [read_image(slice_path(folder / "deep.png", window=(1000, 2000))), wide, deep.astype(np.uint8), narrow]
    assert not np.array_equal(wide, narrow)
    for image, pixels in zip(seen, wanted, strict=True):
        np.testing.assert_array_equal(image, np.broadcast_to(np.atleast_3d(pixels), image.shape))
    images = [each["file_name"] for each in coco(tmp_path / "out")["images"]]
    assert [name.rpartition("/")[2] for name in images] == names


@pytest.mark.parametrize("name", FORMATS)
def test_the_masks_of_a_slice_in_its_own_window_are_imported_on_that_slice(name: str, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    tifffile.imwrite(images / "stack.tif", np.zeros((3, 20, 30), np.uint16), photometric="minisblack")
    points = {"stack.tif@page001@window1500,3000": (4, 4), "stack.tif@page002@window1500.5,3000": (20, 9)}
    prompts = written(tmp_path, [line(image, click(*point), label="cup") for image, point in points.items()])
    predicted(images, prompts, tmp_path / "out", format_name=name)
    annotations = read_annotations(Bundle(tmp_path / "out"))[1]
    names = ImageFolder(images).names()
    assigned = assign(annotations.images, names).of_image
    assert list(assigned) == ["stack.tif@page001", "stack.tif@page002"]
    rows, columns = np.mgrid[:20, :30]
    for image, (x, y) in zip(assigned, points.values(), strict=True):
        target = TargetImage(image, (20, 30), annotations.labels, names)
        (found,) = (each for entry in assigned[image] for each in entry.objects(target, print))
        assert isinstance(found, FoundObject)
        assert np.array_equal(found.shape, np.hypot(columns - x, rows - y) <= 5)


def test_a_run_in_another_window_is_another_run(images: Path, tmp_path: Path) -> None:
    prompts = written(tmp_path)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predicted(images, prompts, tmp_path / "out", window=(40, 400), on_progress=stop)
    with pytest.raises(InputError, match="differs in window; name another folder"):
        predicted(images, prompts, tmp_path / "out", window=(40, 80))
    predicted(images, prompts, tmp_path / "out", window=(40, 400))


def test_a_data_set_of_yolo_by_its_list_of_classes_is_the_same_run(images: Path, tmp_path: Path) -> None:
    (tmp_path / "set/labels").mkdir(parents=True)
    (tmp_path / "set/data.yaml").write_text("names: [cup, dog]")
    (tmp_path / "set/labels/d.txt").write_text("1 0.5 0.5 0.2 0.2")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predicted(images, tmp_path / "set", tmp_path / "out", on_progress=stop)
    predicted(images, tmp_path / "set/data.yaml", tmp_path / "out")
    assert [each["name"] for each in coco(tmp_path / "out")["categories"]] == ["cup", "dog"]


def test_a_folder_with_files_is_overwritten_on_demand_alone(images: Path, tmp_path: Path) -> None:
    prompts, output = written(tmp_path), tmp_path / "out"
    predicted(images, prompts, output)
    with pytest.raises(InputError, match="is not empty"):
        predicted(images, prompts, output)
    before = files(output)
    predicted(images, prompts, output, overwrite=True)
    assert files(output) == before


def test_masks_do_not_go_among_the_images(images: Path, tmp_path: Path) -> None:
    prompts, within = written(tmp_path), images / "masks"
    with pytest.raises(InputError, match="masks there would count as images"):
        predicted(images, prompts, within, format_name="png")
    predicted(images, prompts, tmp_path / "1", format_name="png", shard="1/2")
    predicted(images, prompts, tmp_path / "2", format_name="png", shard="2/2")
    with pytest.raises(InputError, match="masks there would count as images"):
        join([tmp_path / "1", tmp_path / "2"], within)
    assert not within.exists()
    predicted(images, prompts, within, format_name="coco")


def test_nothing_to_segment_is_one_sentence_and_leaves_nothing(images: Path, tmp_path: Path) -> None:
    prompts, output = (
        written(tmp_path, [line("a.png", click(float("inf"), 1)), {"image": "b.jpg", "objects": []}]),
        tmp_path,
    )
    with pytest.raises(InputError, match=r"no object to be segmented \(a\.png: a click has a coordinate that is not"):
        predicted(images, prompts, output / "out")
    assert files(output / "out") == {}
    with pytest.raises(DatasetError, match="there is no folder"):
        predicted(images / "none", prompts, output / "out")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../secret.png", "there is no image secret.png"),
        ("/etc/passwd", "there is no image etc/passwd"),
        ("..", "cannot be the path of an image"),
        ("", "cannot be the path of an image"),
        ("a\0.png", "cannot be the path of an image"),
        ("\ud800.png", "is not text"),
        ("link.png", "out of the folder"),
        ("x" * 5000, "cannot be the path of an image"),
        ("x" * 300, "there is no image xxx"),
        ("sub", "there is no image sub"),
    ],
)
def test_no_image_outside_of_the_folder_is_read(name: str, reason: str, images: Path, tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "secret.png")
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    disks = Disks(5)
    lines = [line(name, click(1, 1)), line("d.png", click(1, 1))]
    result = predict_folder(images, written(tmp_path, lines), tmp_path / "out", disks)
    assert disks.encoded == 1
    assert reason in result.reasons[0]


def test_two_names_of_one_image_and_two_objects_of_one_id_are_refused(images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"old/a\.png and a\.png are both a\.png in the folder"):
        predicted(
            images, written(tmp_path, [line("old/a.png", click(1, 1)), line("a.png", click(1, 1))]), tmp_path / "o"
        )
    twice = [line("b.jpg", click(1, 1), id=4), line("a.png", click(1, 1), id=4)]
    with pytest.raises(InputError, match="two objects have the id 4"):
        predicted(images, written(tmp_path, twice), tmp_path / "o")


def test_rows_of_one_object_have_one_label_and_one_id(images: Path, tmp_path: Path) -> None:
    table, columns = tmp_path / "points.csv", "image,x,y,object,label,id\n"
    table.write_text(columns + "a.png,5,5,1,cup,7\na.png,9,9,1,dog,7\n")
    with pytest.raises(InputError, match=r"one object of a\.png has two values of label, cup and dog; give its rows"):
        predicted(images, table, tmp_path / "o")
    table.write_text(columns + "a.png,5,5,1,cup,7\na.png,9,9,1,cup,8\n")
    with pytest.raises(InputError, match="two values of id, 7 and 8"):
        predicted(images, table, tmp_path / "o")
    table.write_text(columns + "a.png,5,5,1,,\na.png,9,9,1,cup,7\na.png,9,5,1,cup,\nb.jpg,9,9,1,dog,8\n")
    predicted(images, table, tmp_path / "out")
    assert [(each["id"], each["category_id"]) for each in coco(tmp_path / "out")["annotations"]] == [(7, 1), (8, 2)]


def test_a_category_with_a_blank_is_one_label_whose_number_stays(images: Path, tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "d.png", "width": 30, "height": 20}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": number, "bbox": [5, 5, 9, 9]} for number in (1, 2)
        ],
        "categories": [{"id": 1, "name": "cup "}, {"id": 2, "name": "ant"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    predicted(images, tmp_path / "coco.json", tmp_path / "out")
    assert [each["name"] for each in coco(tmp_path / "out")["categories"]] == ["cup", "ant"]
    assert [each["category_id"] for each in coco(tmp_path / "out")["annotations"]] == [1, 2]


def test_labels_that_no_export_can_hold_are_refused_before_the_network_runs(tmp_path: Path) -> None:
    for labels, reason in ((("cup", "cup"), "two labels are called 'cup'"), (("",), "the label '' is blank")):
        asked = Listed.of("c.png", "c.png", lambda: [Click(3, 3)])
        with Job(tmp_path) as job, pytest.raises(InputError, match=reason):
            job.fill(PromptList("lines", labels, iter([asked])), JobHeader("", "", (1, 1), "", "coco", None))


def test_prompts_that_are_missing_are_one_sentence(images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl does not exist"):
        predict_folder(images, tmp_path / "gone.jsonl", tmp_path / "out", Disks())
    assert not (tmp_path / "out").exists()


def test_an_error_while_answers_are_read_is_the_one_that_is_raised(tmp_path: Path) -> None:
    asked = Listed.of("c.png", "c.png", lambda: [Click(3, 3)])
    entries = [Unanswered("a.png", "gone", "object"), Unanswered("b.png", "gone", "object"), asked]

    def export() -> None:
        with Job(tmp_path) as job:
            job.fill(PromptList("lines", (), iter(entries)), JobHeader("", "", (1, 1), "", "coco", None))
            rows = job.unanswered()
            next(rows)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        export()


def test_a_reason_that_names_a_folder_that_is_no_text_is_kept(images: Path, tmp_path: Path) -> None:
    named = images.rename(tmp_path / os.fsdecode(b"im\x81ges"))
    result = predicted(named, written(tmp_path), tmp_path / "out")
    assert "there is no image gone.png in" in result.reasons[0]
    assert "im\\udc81ges" in result.reasons[0]


def boxes(folder: Path, names: Iterable[str]) -> Path:
    """Annotations of PASCAL VOC, in which neither images nor objects have ids."""
    folder.mkdir()
    box = "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>15</xmax><ymax>15</ymax></bndbox>"
    for name in names:
        thing = f"<object><name>cat</name>{box}</object>"
        (folder / f"{name}.xml").write_text(f"<annotation><filename>{name}.png</filename>{thing}</annotation>")
    return folder


def test_parts_that_find_other_images_lose_none(images: Path, tmp_path: Path) -> None:
    prompts, whole, first, second = boxes(tmp_path / "voc", "adef"), *(tmp_path / name for name in ("0", "1", "2"))
    predicted(images, prompts, whole)
    hidden = (images / "a.png").rename(tmp_path / "a.png")
    predicted(images, prompts, first, shard="1/2")
    hidden.rename(images / "a.png")
    predicted(images, prompts, second, shard="2/2")
    with pytest.raises(InputError, match="2 has found other images in"):
        join([first, second], tmp_path / "joined")
    again = Disks(5)
    result = predict_folder(images, prompts, first, again, shard="1/2")
    assert (again.encoded, result.images_left_out) == (1, 0)  # a.png
    join([first, second], tmp_path / "joined")
    assert files(tmp_path / "joined") == files(whole)


def test_parts_join_without_a_missing_image_whose_ids_are_given(images: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "coco.json"
    content = {
        "images": [
            {
                "id": number,
                "file_name": f"{name}.png",
                "width": 120 if name == "a" else 30,
                "height": 90 if name == "a" else 20,
            }
            for number, name in enumerate("adef", 1)
        ],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1, "bbox": [5, 5, 9, 9]} for number in range(1, 5)
        ],
        "categories": [{"id": 1, "name": "cup"}],
    }
    prompts.write_text(json.dumps(content))
    predicted(images, prompts, tmp_path / "1", shard="1/2")
    (images / "a.png").unlink()
    predicted(images, prompts, tmp_path / "2", shard="2/2")
    join([tmp_path / "1", tmp_path / "2"], tmp_path / "joined")
    names = [Path(each["file_name"]).name for each in coco(tmp_path / "joined")["images"]]
    assert names == ["a.png", "d.png", "e.png", "f.png"]


def test_an_annotated_image_that_was_missing_is_asked_about_again(images: Path, tmp_path: Path) -> None:
    prompts, disks = boxes(tmp_path / "voc", "adef"), Disks(5)
    predicted(images, prompts, tmp_path / "whole")
    hidden = (images / "d.png").rename(tmp_path / "d.png")

    def stop(step: str, *_: int) -> None:
        if step == "write":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_folder(images, prompts, tmp_path / "out", disks, on_progress=stop)
    with pytest.raises(KeyboardInterrupt):
        predict_folder(images, prompts, tmp_path / "out", disks, on_progress=stop)
    assert disks.encoded == 3
    hidden.rename(images / "d.png")
    again = Disks(5)
    predict_folder(images, prompts, tmp_path / "out", again)
    assert again.encoded == 1
    assert files(tmp_path / "out") == files(tmp_path / "whole")
