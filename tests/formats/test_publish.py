"""An export appears whole, replaces only what an earlier one wrote, and leaves nothing where it fails."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vpuformer.errors import InputError
from vpuformer.formats import FORMATS, AnnotatedImage, LabelledMask, export, find_format
from vpuformer.formats.publish import published

MASK = np.ones((3, 4), bool)


def images(*names: str) -> Iterator[AnnotatedImage]:
    for number, name in enumerate(names):
        yield AnnotatedImage(name, 4, 3, [LabelledMask(MASK, "cup", number)], number)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_makes_its_folder_and_a_record_of_its_files(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    written = export(name, images("a/x.jpg"), folder, ["cup"])
    record = f".vpuformer-{name}.json"
    assert {path for path in files(folder) if (folder / path).is_file()} == {*written.files, record}
    assert json.loads((folder / record).read_bytes()) == {"files": sorted(written.files)}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is not empty, it holds mine\.txt; name a new one, or overwrite it"):
        export("coco", images("x.jpg"), tmp_path, ["cup"])
    assert files(tmp_path) == {"mine.txt"}
    with pytest.raises(InputError, match=r"mine\.txt is a file; name a folder"):
        export("coco", images("x.jpg"), tmp_path / "mine.txt", ["cup"], overwrite=True)


def test_the_next_export_takes_the_place_of_the_former_and_leaves_what_is_not_its(tmp_path: Path) -> None:
    export("png", images("a/x.jpg", "b/c/y.jpg"), tmp_path, ["cup"])
    export("voc", images("b/z.jpg"), tmp_path, ["cup"], overwrite=True)
    (tmp_path / "a" / "mine.txt").write_text("mine")
    others = files(tmp_path)
    export("png", images("d.jpg"), tmp_path, ["cup"], overwrite=True)
    gone = {"a/x", "a/x/0001_cup.png", "b", "b/c", "b/c/y", "b/c/y/0001_cup.png"}
    assert files(tmp_path) == others - gone | {"d", "d/0001_cup.png"}
    assert (tmp_path / "a" / "mine.txt").read_text() == "mine"
    # What was removed once is no longer the export's: a file that is put there later stays.
    (tmp_path / "b" / "c" / "y").mkdir(parents=True)
    (tmp_path / "b/c/y/0001_cup.png").write_text("mine")
    export("png", images("d.jpg"), tmp_path, ["cup"], overwrite=True)
    assert (tmp_path / "b/c/y/0001_cup.png").read_text() == "mine"


@pytest.mark.parametrize("there", [False, True])
def test_nothing_is_left_of_an_export_that_fails(there: bool, tmp_path: Path) -> None:
    def failing() -> Iterator[AnnotatedImage]:
        yield from images("a.jpg", "b.jpg")
        raise KeyboardInterrupt

    folder = tmp_path / "out" / "deep"
    if there:
        export("png", images("a.jpg"), folder, ["cup"])
    before = files(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        export("png", failing(), folder, ["cup"], overwrite=True)
    assert files(tmp_path) == before
    assert there or before == set()


def test_a_record_cannot_point_out_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    outside = tmp_path / "outside"
    outside.mkdir()
    export("png", images("a.jpg"), folder, ["cup"])
    (folder / "link").symlink_to(outside)
    wanted = [outside / "one.txt", tmp_path / "two.txt"]
    for path in wanted:
        path.write_text("mine")
    names = ["link/one.txt", "../two.txt", str(tmp_path / "two.txt"), ".", "", "a/../../two.txt"]
    (folder / ".vpuformer-png.json").write_text(json.dumps({"files": names}))
    export("png", images("a.jpg"), folder, ["cup"], overwrite=True)
    assert all(path.is_file() for path in wanted)


@pytest.mark.parametrize("content", ["", "[]", '{"files": 3}', '{"files": [3]}', '{"files": null}'])
def test_a_broken_record_is_none(content: str, tmp_path: Path) -> None:
    export("coco", images("a.jpg"), tmp_path, ["cup"])
    (tmp_path / ".vpuformer-coco.json").write_text(content)
    export("coco", images("a.jpg"), tmp_path, ["cup"], overwrite=True)
    assert files(tmp_path) == {"annotations.json", ".vpuformer-coco.json"}


def test_a_disk_that_takes_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"out cannot be written: Not a directory; choose a folder"),
        published(tmp_path / "file" / "out", "png"),
    ):
        pass


def test_a_folder_stands_where_a_file_is_to_be(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").mkdir()
    with pytest.raises(InputError, match=r"annotations\.json cannot be written: Is a directory"):
        export("coco", images("a.jpg"), tmp_path, ["cup"], overwrite=True)
    assert files(tmp_path) == {"annotations.json", ".vpuformer-coco.json"}


def test_a_format_that_is_not_there_is_named_with_its_nearest() -> None:
    with pytest.raises(InputError, match=r"no format called 'cocco'.*Did you mean 'coco'?"):
        find_format("cocco")
    with pytest.raises(InputError, match="yolo leaves no choice between polygons and masks; coco and labelme do"):
        find_format("yolo", polygons=False)
    assert find_format("labelme", polygons=False).name == "labelme"


def test_the_choice_reaches_the_writer(tmp_path: Path) -> None:
    for polygons in (False, True):
        folder = tmp_path / str(polygons)
        export("coco", images("a.jpg"), folder, ["cup"], polygons=polygons)
        (entry,) = json.loads((folder / "annotations.json").read_bytes())["annotations"]
        assert isinstance(entry["segmentation"], list) == polygons
    export("labelme", images("a/b.jpg"), tmp_path / "l", ["cup"], images_at="../photos")
    assert json.loads((tmp_path / "l/a/b.json").read_bytes())["imagePath"] == "../../photos/a/b.jpg"


def test_what_a_killed_export_left_hinders_none_and_goes_after_a_day(tmp_path: Path) -> None:
    old, young = (tmp_path / f".vpuformer-unfinished-{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    export("coco", images("x.jpg"), tmp_path, ["cup"])
    assert young.exists()
    assert not old.exists()
