"""`vpuformer predict`, and the parts that `vpuformer merge` joins."""

import json
from pathlib import Path

import pytest
from typer.testing import Result

from support.app_disks import Disks
from support.commands import vpuformer
from vpuformer.inference.segment import VPUFormerSegmenter

BOXES = "image,x0,y0,x1,y1,label\na.png,5,5,60,60,cup\nb.jpg,3,3,40,40,cat\nsub/c.png,1,1,20,20,cup\n"


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Disks` in place of a network."""
    monkeypatch.setattr(VPUFormerSegmenter, "from_pretrained", lambda *_, **__: Disks(5))


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    path = tmp_path / "boxes.csv"
    path.write_text(BOXES)
    return path


def predicted(*words: object) -> Result:
    result = vpuformer("predict", *words)
    assert result.exit_code == 0, result.output
    return result


def test_boxes_become_masks(image_folder: Path, boxes: Path, tmp_path: Path) -> None:
    result = predicted(image_folder, boxes, "-o", tmp_path / "masks", "--format", "yolo", "--workers", "2")
    assert result.stdout.startswith(f"3 objects on 3 images, in 4 files in {tmp_path / 'masks'}\n")
    assert result.stderr == ""
    assert (tmp_path / "masks/labels/sub/c.txt").read_text().startswith("1 ")


def test_json_says_what_came_out(image_folder: Path, boxes: Path, tmp_path: Path) -> None:
    boxes.write_text(BOXES + "a.png,500,500,600,600,cup\n")
    result = predicted(image_folder, boxes, "-o", tmp_path / "masks", "--json")
    assert json.loads(result.stdout) == {
        "folder": str(tmp_path / "masks"),
        "images": 3,
        "objects": 3,
        "files": 1,
        "left_out": {"images": 0, "objects": 1},
        "notes": [],
    }
    assert "left out: a.png: a box at (500, 500) to (600, 600) lies outside the image" in result.stderr
    assert result.stderr.endswith("\n1 object left out, named above\n")


def test_an_image_whose_objects_are_all_left_out_fails_the_command(
    image_folder: Path, boxes: Path, tmp_path: Path
) -> None:
    boxes.write_text(BOXES.replace("3,3,40,40", "900,900,990,990"))
    result = vpuformer("predict", image_folder, boxes, "-o", tmp_path / "masks")
    assert result.exit_code == 2
    assert result.stdout.startswith("2 objects on 2 images, in 1 file in ")
    *_, why, error = result.stderr.splitlines()
    assert why == "left out: b.jpg: each of its objects is left out"
    assert error == "error: 1 image and 1 object left out, named above"


def test_a_missing_image_is_named_and_the_others_are_written(image_folder: Path, boxes: Path, tmp_path: Path) -> None:
    boxes.write_text(BOXES + "".join(f"gone{number}.png,1,1,2,2,cup\n" for number in range(12)))
    result = vpuformer("predict", image_folder, boxes, "-o", tmp_path / "masks")
    assert result.exit_code == 2
    *named, more, error = result.stderr.splitlines()
    assert named[0] == f"left out: gone0.png: there is no image gone0.png in {image_folder.resolve()}"
    assert len(named) == 10
    assert more == f"left out: 2 more; see {tmp_path / 'masks/left-out.jsonl'}"
    assert error == "error: 12 images left out, named above"
    assert len(json.loads((tmp_path / "masks/annotations.json").read_bytes())["annotations"]) == 3
    # The list is among the files, which a part does not write.
    boxes.write_text(BOXES + "".join(f"gone{number}.png,1,1,2,2,cup\n" for number in range(24)))
    result = vpuformer("predict", image_folder, boxes, "-o", tmp_path / "part", "--shard", "1/2")
    assert "left out: 2 more; vpuformer merge lists them in left-out.jsonl" in result.stderr.splitlines()


def test_parts_are_joined(image_folder: Path, boxes: Path, tmp_path: Path) -> None:
    predicted(image_folder, boxes, "-o", tmp_path / "whole", "--polygons")
    for part in ("1/2", "2/2"):
        result = predicted(image_folder, boxes, "-o", tmp_path / part[0], "--polygons", "--shard", part)
        assert "join all parts with vpuformer merge" in result.stdout
    words = ["merge", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "joined"]
    assert vpuformer(*words).exit_code == 0
    again = vpuformer(*words)
    assert (again.exit_code, "overwrite it (--overwrite)" in again.stderr) == (2, True)
    assert vpuformer(*words, "--overwrite").exit_code == 0
    assert (tmp_path / "joined/annotations.json").read_bytes() == (tmp_path / "whole/annotations.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--format", "png", "-o", "{images}/masks"), "lies among the images"),
        (("--format", "gif", "-o", "{out}"), "no format called 'gif'"),
        (("--workers", "0", "-o", "{out}"), "--workers is at least 1, got 0"),
        (("--shard", "0/2", "-o", "{out}"), "a part of a run is I/N"),
        (("-o", "{boxes}"), "is a file; name a folder"),
        (("--window", "40", "-o", "{out}"), "a window is CENTER,WIDTH such as 40,400"),
    ],
)
def test_wrong_options_are_refused(
    words: tuple[str, ...], reason: str, image_folder: Path, boxes: Path, tmp_path: Path
) -> None:
    given = [word.format(images=image_folder, out=tmp_path / "out", boxes=boxes) for word in words]
    result = vpuformer("predict", image_folder, boxes, *given)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert reason in line
