"""From a store of annotations to files: the command, and the zip that the browser gets."""

import gc
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from vpuformer.app.annotation.exporting import NOTES, accepted_images, label_names, left_out_notes, zip_export
from vpuformer.app.images.originals import notes_on_files
from vpuformer.app.store import rle
from vpuformer.app.store.rows import StepAnswer
from vpuformer.app.store.store import FILE, Store
from vpuformer.cli import app
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.errors import ConflictError, InputError, StoreError
from vpuformer.formats import FORMATS
from vpuformer.images import read_mask

SIZE = (9, 14)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


FIRST, SECOND = block(1, 2, 5, 7), block(3, 6, 8, 12)


class Made:
    """A folder of four images and its store.

    `2.jpg` has two accepted objects, the first of which was corrected once and that undone; `10.jpg` has an accepted
    one without a pixel, one that is not accepted and a deleted one; `sub/done.jpg` is done and empty; `new.jpg` was
    never opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("10.jpg", "2.jpg", "sub/done.jpg", "new.jpg"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", SIZE[::-1]).save(folder / name)
        self.store = Store(folder / FILE)
        self.store.sync(["10.jpg", "2.jpg", "sub/done.jpg", "new.jpg"])
        self.ids = {row.name: row.id for row in self.store.images()}
        for name in ("10.jpg", "2.jpg", "sub/done.jpg"):
            self.store.change_image(self.ids[name], size=SIZE)
        self.store.change_image(self.ids["sub/done.jpg"], done=True)
        cup, dog = (self.store.add_label(name).id for name in ("cup", "dog"))
        first = self.add("2.jpg", dog, FIRST, SECOND)
        self.store.undo_redo(first, self.store.history(first)[0].revision, -1)
        self.add("2.jpg", cup, SECOND)
        self.add("10.jpg", None, np.zeros(SIZE, bool))
        self.store.change_object(self.add("10.jpg", cup, FIRST), accepted=False)
        self.store.change_object(self.add("10.jpg", cup, FIRST), deleted=True)
        self.store.add_object(self.ids["10.jpg"], "never begun")

    def add(self, image: str, label: int | None, *masks: np.ndarray | None) -> int:
        made = self.store.add_object(self.ids[image], f"key {image} {os.urandom(4).hex()}", label)
        for mask in masks:
            answer = None if mask is None else StepAnswer(rle.encode(mask), int(mask.sum()))
            revision = self.store.history(made.id)[0].revision
            self.store.add_step(made.id, revision, f"step {os.urandom(8).hex()}", {"type": "mask"}, answer)
        self.store.change_object(made.id, accepted=True)
        return made.id


@pytest.fixture
def made(tmp_path: Path) -> Any:
    made = Made(tmp_path / "photos")
    yield made
    made.store.close()


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["export-masks", *map(str, words)])


def refused(*words: object) -> str:
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.removeprefix("error: ")


# --- from the store -----------------------------------------------------------------------------------------------


def test_what_is_exported_is_accepted_and_stands_as_the_person_left_it(made: Made) -> None:
    found = {image.image: list(image.masks()) for image in accepted_images(made.store)}
    assert list(found) == ["2.jpg", "10.jpg", "sub/done.jpg"]  # in natural order
    assert [thing.label for thing in found["2.jpg"]] == ["dog", "cup"]
    assert np.array_equal([thing.mask for thing in found["2.jpg"]], [FIRST, SECOND])
    assert found["10.jpg"] == found["sub/done.jpg"] == []
    assert label_names(made.store) == ["cup", "dog"]
    assert left_out_notes(made.store) == [
        "1 object not accepted, left out: 10.jpg.",
        "1 accepted object without a pixel, left out: 10.jpg.",
    ]


def test_ids_are_those_of_the_store(made: Made) -> None:
    (first, *_) = accepted_images(made.store)
    assert first.id == made.ids["2.jpg"]
    assert [thing.id for thing in first.masks()] == [row.id for row in made.store.objects_of(first.id)]


def test_an_object_that_was_never_answered_is_no_empty_one(made: Made) -> None:
    made.add("2.jpg", None, None)
    (first, *_) = accepted_images(made.store)
    with pytest.raises(StoreError, match=r"an object of 2\.jpg waits for the network's first answer; export again"):
        list(first.masks())


def test_an_object_whose_last_prompt_is_not_answered_is_as_before_it_and_that_is_reported(made: Made) -> None:
    waiting = made.add("2.jpg", None, SECOND, FIRST, None)
    (first, *_) = accepted_images(made.store)
    found = {thing.id: thing.mask for thing in first.masks()}
    assert np.array_equal(found[waiting], FIRST)
    assert left_out_notes(made.store)[-1] == (
        "1 accepted object without an answer to the last prompt, exported as before it: 2.jpg."
    )


def test_people_go_on_while_an_export_is_under_way(made: Made) -> None:
    undone, refused, deleted, corrected = (made.add("2.jpg", None, FIRST, SECOND) for _ in range(4))
    (first, *_) = accepted_images(made.store)
    masks = first.masks()
    next(masks)
    for revision in (3, 4):
        made.store.undo_redo(undone, revision, -1)
    made.store.add_step(undone, 5, "another way", {"type": "mask"}, StepAnswer(rle.encode(SECOND), int(SECOND.sum())))
    made.store.change_object(refused, accepted=False)
    made.store.change_object(deleted, deleted=True)
    made.store.undo_redo(corrected, 3, -1)
    found = {thing.id: thing.mask for thing in masks}
    assert not {refused, deleted} & set(found)
    assert np.array_equal([found[undone], found[corrected]], [SECOND, FIRST])


def test_a_label_made_meanwhile_is_reported_and_not_left_out(made: Made) -> None:
    images = accepted_images(made.store)
    first = next(images)
    made.add("2.jpg", made.store.add_label("new").id, FIRST)
    with pytest.raises(ConflictError, match="a label was added during the export; export again"):
        list(first.masks())


# --- as a zip -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_a_zip_holds_the_files_of_the_format_and_the_notes(name: str, made: Made, tmp_path: Path) -> None:
    labels = label_names(made.store)
    stream = zip_export(name, accepted_images(made.store), labels, notes=left_out_notes(made.store))
    written = FORMATS[name].write(accepted_images(made.store), tmp_path / "same", labels)
    with zipfile.ZipFile(io.BytesIO(b"".join(stream))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*written.files, NOTES]
        for file in written.files:
            assert archive.read(file) == (tmp_path / "same" / file).read_bytes()
        assert archive.read(NOTES).decode().splitlines() == [*left_out_notes(made.store), *written.notes]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary folders."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_zip_leaves_nothing_behind(made: Made, scratch: Path) -> None:
    stream = zip_export("png", accepted_images(made.store), ["cup", "dog"])
    assert len(list(scratch.iterdir())) == 1
    blocks = list(stream)
    assert list(scratch.iterdir()) == []
    assert len(blocks) > 1
    broken_off = zip_export("png", accepted_images(made.store), ["cup", "dog"])
    assert next(broken_off)
    broken_off.close()
    assert list(scratch.iterdir()) == []
    forgotten = zip_export("png", accepted_images(made.store), ["cup", "dog"])
    assert next(forgotten)
    del forgotten
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_what_cannot_be_exported_fails_before_a_block_is_sent(made: Made, scratch: Path) -> None:
    with pytest.raises(InputError, match="no label called 'dog'"):
        zip_export("coco", accepted_images(made.store), ["cup"])
    with pytest.raises(InputError, match="no format called 'word'"):
        zip_export("word", accepted_images(made.store), ["cup", "dog"])
    assert list(scratch.iterdir()) == []


def test_a_full_disk_is_one_sentence(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(InputError, match="the disk is full; make room and try again"):
        zip_export("coco", accepted_images(made.store), ["cup", "dog"])


# --- the command --------------------------------------------------------------------------------------------------


def test_the_command_writes_and_says_what_could_not_be_held(made: Made, tmp_path: Path) -> None:
    result = run(made.folder, "--format", "labels", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    overlap = (FIRST & SECOND).sum()
    assert result.stdout.splitlines() == [
        f"labels: 2 objects on 3 images, in 4 files in {tmp_path / 'out'}",
        "1 object not accepted, left out: 10.jpg.",
        "1 accepted object without a pixel, left out: 10.jpg.",
        f"Where objects of different labels overlap, {overlap} pixels went to the later one: 2.jpg.",
    ]


def test_the_command_says_the_same_as_json(made: Made, tmp_path: Path) -> None:
    result = run(made.folder / "2.jpg", "--format", "png", "-o", tmp_path / "out", "--json")
    assert json.loads(result.stdout) == {
        "format": "png",
        "folder": str(tmp_path / "out"),
        "images": 3,
        "objects": 2,
        "files": 3,
        "lost": "lossless",
        "notes": left_out_notes(made.store),
    }
    assert np.array_equal(read_mask(tmp_path / "out/2/0001_dog.png"), FIRST.astype(np.float32))


def test_the_exported_set_is_one_to_train_on(made: Made, tmp_path: Path) -> None:
    run(made.folder, "--format", "coco", "-o", tmp_path / "out")
    folder = CocoFolder(made.folder, tmp_path / "out" / "annotations.json")
    assert folder.images == ["2.jpg", "10.jpg", "sub/done.jpg"]
    assert np.array_equal(folder.masks(0), [FIRST, SECOND])
    assert folder.image(0).shape == (*SIZE, 3)


def test_labelme_finds_the_images_from_where_its_files_are(made: Made, tmp_path: Path) -> None:
    run(made.folder, "--format", "labelme", "-o", tmp_path / "x" / "out")
    path = tmp_path / "x/out/sub/done.json"
    assert (path.parent / json.loads(path.read_bytes())["imagePath"]).resolve() == made.folder / "sub/done.jpg"
    run(made.folder, "--format", "labelme", "-o", made.folder, "--overwrite", "--masks")
    content = json.loads((made.folder / "2.json").read_bytes())
    assert content["imagePath"] == "2.jpg"
    assert {shape["shape_type"] for shape in content["shapes"]} == {"mask"}


def test_a_store_elsewhere_is_named_by_its_file_or_url(made: Made, tmp_path: Path) -> None:
    made.store.close()
    elsewhere = (made.folder / FILE).rename(tmp_path / "elsewhere.sqlite")
    for number, address in enumerate((elsewhere, f"sqlite:///{elsewhere}")):
        result = run(made.folder, "--store", address, "--format", "coco", "-o", tmp_path / str(number), "--json")
        assert json.loads(result.stdout)["objects"] == 2


def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert refused(made.folder, "--format", "coc", "-o", out).startswith("no format called 'coc'")
    assert "yolo leaves no choice" in refused(made.folder, "--format", "yolo", "-o", out, "--polygons")
    assert "there is no folder" in refused(tmp_path / "none", "--format", "coco", "-o", out)
    assert "is not empty" in refused(made.folder, "--format", "coco", "-o", made.folder)
    within = made.folder / "masks"
    assert "would count as images" in refused(made.folder, "--format", "png", "-o", within)
    assert "would count as images" in refused(made.folder, "--format", "voc", "-o", made.folder, "--overwrite")
    nowhere = refused(tmp_path, "--format", "coco", "-o", out)
    assert nowhere.startswith(f"there is no {tmp_path / FILE}; annotate the images with")
    assert not (tmp_path / FILE).exists()
    (tmp_path / "no.sqlite").write_text("this is no database" * 100)
    assert "no.sqlite" in refused(made.folder, "--format", "coco", "-o", out, "--store", tmp_path / "no.sqlite")
    assert not out.exists()
    assert not within.exists()


def test_a_store_without_an_accepted_object_gives_nothing(tmp_path: Path) -> None:
    Store(tmp_path / FILE).close()
    assert refused(tmp_path, "--format", "coco", "-o", tmp_path / "out").startswith("nothing to export: no object in")
    assert not (tmp_path / "out").exists()


def test_every_format_is_in_the_help_and_no_other() -> None:
    listed = run("--help").stdout.partition("Formats:")[2].strip().splitlines()
    assert [line.split(None, 1) for line in listed] == [[name, entry.summary] for name, entry in FORMATS.items()]


def test_the_command_loads_no_torch(made: Made, tmp_path: Path) -> None:
    words = ["export-masks", str(made.folder), "--format", "yolo", "-o", str(tmp_path / "out")]
    code = (
        "import sys; from vpuformer.cli import app\n"
        f"try: app({words!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'torchvision', 'timm', 'fastapi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# --- the files behind an export -----------------------------------------------------------------------------------


def test_files_that_are_as_they_were_need_no_word(made: Made) -> None:
    assert notes_on_files(made.store, made.folder) == []


def test_images_that_were_renamed_exchanged_or_resized_are_reported(made: Made, tmp_path: Path) -> None:
    made.add("10.jpg", None, FIRST)
    (made.folder / "sub/done.jpg").rename(made.folder / "sub/renamed.jpg")
    Image.new("RGB", (30, 20)).save(made.folder / "10.jpg")
    Image.new("RGB", SIZE[::-1], "red").save(made.folder / "2.jpg")
    os.utime(made.folder / "2.jpg", (2**31, 2**31))
    notes = notes_on_files(made.store, made.folder)
    assert notes == [
        "1 image cannot be read any more (renamed?), and the export has the former name: sub/done.jpg.",
        "1 image with another size than its objects were drawn on: 10.jpg (14x9 became 30x20).",
        "1 image changed or moved after the last step on its objects; check that they still fit: 2.jpg.",
    ]
    said = json.loads(run(made.folder, "-o", tmp_path / "out", "--json").stdout)["notes"]
    assert set(notes) <= set(said)


@pytest.mark.parametrize(("orientation", "stored"), [(3, (14, 9)), (6, (9, 14))])
def test_images_that_exif_turns_are_reported(orientation: int, stored: tuple[int, int], made: Made) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", stored).save(made.folder / "sub/done.jpg", exif=exif)
    (note,) = notes_on_files(made.store, made.folder)
    assert note == (
        "1 image with an EXIF orientation, exported upright; masks do not fit in programs that ignore the orientation:"
        f" sub/done.jpg (stored as {stored[0]}x{stored[1]})."
    )
