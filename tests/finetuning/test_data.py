"""A person's data: every layout is recognised, and what cannot be used is left out with a reason."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import vpuformer
from support.outlined import COUNT, LAYOUTS, SIZE, annotated, disk, write_images
from support.volumes import write_nifti
from vpuformer.app.store import rle
from vpuformer.app.store.rows import StepAnswer
from vpuformer.app.store.store import FILE, Store
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.sources import open_sources
from vpuformer.data.split import SPLIT, Split
from vpuformer.data.training_set import TrainingSet
from vpuformer.errors import DatasetError
from vpuformer.finetuning.checking import check
from vpuformer.finetuning.groups import group_images
from vpuformer.finetuning.layouts import recognise
from vpuformer.finetuning.prepare import DATA, held_out_samples, prepare, spec
from vpuformer.finetuning.run import finetune
from vpuformer.formats import FORMATS
from vpuformer.images import read_image, slice_path
from vpuformer.images.addresses import Window
from vpuformer.metrics import IGNORE
from vpuformer.prompts import Click

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_recognised_by_looking(layout: str, tmp_path: Path) -> None:
    title, write = LAYOUTS[layout]
    write(tmp_path)
    result = vpuformer("finetune", tmp_path, "--check")
    assert result.exit_code == 0, result.output
    labels = "" if layout == "masks" else ", 2 labels (disk 6, plate 6)"
    prompts = ", 6 prompts of people" if layout == "app" else ""
    assert result.stdout == f"{title}: 6 images, 12 objects{labels}{prompts}\n"


@pytest.mark.parametrize(
    ("layout", "folder"), [("app", ""), ("coco", "images"), ("labelme", ""), ("masks", "images"), ("voc", "JPEGImages")]
)
def test_the_app_is_opened_on_the_folder_without_masks(layout: str, folder: str, tmp_path: Path) -> None:
    LAYOUTS[layout][1](tmp_path)
    assert check(recognise(tmp_path)).folder == tmp_path / folder


def test_annotations_may_lie_elsewhere(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    FORMATS["coco"].write(annotated(), tmp_path, ["disk", "plate"])
    result = vpuformer("finetune", tmp_path / "photos", "--annotations", tmp_path / "annotations.json", "--check")
    assert result.exit_code == 0, result.output
    assert "6 images, 12 objects" in result.stdout


def test_a_file_of_annotations_needs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LAYOUTS["coco"][1](tmp_path)
    file = tmp_path / "annotations.json"
    for words in (["--annotations", file], ["--store", "annotated.sqlite"]):
        result = vpuformer("finetune", file, *words, "--check")
        assert (result.exit_code, "is a file of annotations already; with" in result.stderr) == (2, True)
    monkeypatch.setenv("VPUFORMER_STORE", str(tmp_path / "gone.sqlite"))
    for words in ([file], [tmp_path, "--annotations", file]):
        assert checked(*words) == ["COCO JSON: 6 images, 12 objects, 2 labels (disk 6, plate 6)"]
    both = vpuformer("finetune", tmp_path, "--annotations", file, "--store", "annotated.sqlite", "--check")
    assert "give --annotations or --store" in both.stderr


def test_a_mask_is_no_image_of_its_own(tmp_path: Path) -> None:
    LAYOUTS["masks"][1](tmp_path)
    (tmp_path / "images").rename(tmp_path / "photos")
    (tmp_path / "masks").rename(tmp_path / "truth")
    refused = vpuformer("finetune", tmp_path, "--check")
    assert refused.exit_code == 2
    assert "holds images, and no annotations that are read; if some images are masks, call the" in refused.stderr
    for images in (tmp_path / "photos", tmp_path):
        (found,) = checked(images, "--annotations", tmp_path / "truth")
        assert found.endswith(": 6 images, 12 objects")


def test_what_cannot_be_used_is_left_out_with_its_reason(tmp_path: Path) -> None:
    LAYOUTS["masks"][1](tmp_path)
    (tmp_path / "images" / "0.png").write_bytes(b"no image")
    Image.new("L", (9, 9), 1).save(tmp_path / "masks" / "1.png")
    tiny = np.zeros(SIZE, np.uint8)
    tiny[:4, :4] = 1
    write_images(tmp_path / "images", COUNT + 1)
    (tmp_path / "images" / "0.png").write_bytes(b"no image")
    Image.fromarray(tiny + 2 * disk(6).astype(np.uint8)).save(tmp_path / "masks" / "6.png")
    usable = check(recognise(tmp_path))
    assert [image.name for image in usable.images] == [f"images/{number}.png" for number in range(2, 7)]
    broken, small = usable.left_out
    assert broken.startswith("2 images broken, or of another size than its masks: images/0.png: ")
    assert "images/1.png: " in broken
    assert small == "1 object below 200 pixels: images/6.png"


def test_too_little_is_one_sentence(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 3)
    FORMATS["coco"].write(annotated(count=3), tmp_path, ["disk", "plate"])
    result = vpuformer("finetune", tmp_path, "-o", tmp_path / "model")
    assert result.exit_code == 2
    assert "has 3 images with an object to train on, and fine-tuning takes at least 4; annotate more" in result.stderr
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["."], "holds no annotations that are read"),
        ([], "give the folder of the annotated images"),
        (["--resume"], "--resume takes the folder alone"),
        (["--resume", "-o", "."], "there is no fine-tuning to resume in ."),
        (["--resume", "-o", ".", "--minutes", "60"], "--resume continues with the settings of its folder"),
        (["--resume", "-o", ".", "--minutes", "20"], "--resume continues with the settings of its folder"),
        (["--resume", "-o", ".", "--check"], "--resume continues with the settings of its folder"),
        ([".", "-o", "."], ". exists, and nothing is overwritten"),
    ],
)
def test_what_cannot_be_started_is_one_sentence(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = vpuformer("finetune", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_fine_tuning_that_fails_before_it_can_be_resumed_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    LAYOUTS["app"][1](tmp_path / "photos")
    monkeypatch.setattr("vpuformer.finetuning.run.prepare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finetune(tmp_path / "photos", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_prepared_data_hold_masks_prompts_and_split(tmp_path: Path) -> None:
    LAYOUTS["app"][1](tmp_path / "photos")
    usable = check(recognise(tmp_path / "photos"))
    split = prepare(usable, group_images(usable, "none"), tmp_path / "model")
    assert Split.load(tmp_path / "model" / SPLIT) == split
    (source,) = open_sources(spec(tmp_path / "model", usable.root)).values()
    assert isinstance(source, CocoFolder)
    assert source.name == DATA
    for index, name in enumerate(source.images):
        first, second = source.objects(index)
        np.testing.assert_array_equal(source.masks(index, [first])[0], disk(int(name[0])))
        assert source.recorded_prompts(index, first) == (Click(20, 16 + 6 * int(name[0])),)
        assert source.recorded_prompts(index, second) == ()
    held_out = held_out_samples(tmp_path / "model", usable.root)
    assert len(held_out) == 4
    assert {sample.image_id.removeprefix("data/") for sample in held_out} == split.images[DATA]


def test_slices_are_seen_in_the_window_in_which_the_folder_was_annotated(tmp_path: Path) -> None:
    photos = tmp_path / "scans"
    store = annotated_volume(photos)
    result = vpuformer("finetune", photos, "--check")
    said = "values of 8 images: percentiles of the volume"
    assert said in result.stdout.splitlines()
    assert "other values are chosen with --window CENTER,WIDTH" in result.stdout
    store.set_window(Window(100, 300))
    assert "values of 8 images: window 100,300, in which the folder was annotated" in checked(photos)
    assert "values of 8 images: window 50,80" in checked(photos, "--window", "50,80")
    usable = check(recognise(photos))
    prepare(usable, group_images(usable), tmp_path / "model")
    (source,) = open_sources(spec(tmp_path / "model", usable.root, usable.window)).values()
    assert not source.unusable()
    assert not any(".gz" in note for note in source.notes)
    held_out = {sample.image_id: sample for sample in held_out_samples(tmp_path / "model", usable.root, usable.window)}
    for index, name in enumerate(source.images):
        wanted = read_image(slice_path(photos / "scan.nii.gz", int(name[-3:]), window=(100, 300)))
        assert not np.array_equal(wanted, read_image(photos / name))
        np.testing.assert_array_equal(source.image(index), wanted)
        if (sample := held_out.get(f"data/{name}")) is not None:
            np.testing.assert_array_equal(sample.image(), wanted)
    assert len(held_out) == 2


def checked(folder: Path, *words: str | Path) -> list[str]:
    """The lines of --check."""
    result = vpuformer("finetune", folder, "--check", *words)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def annotated_volume(folder: Path) -> Store:
    """A volume of eight slices with a bright disk on each, annotated in the app."""
    pytest.importorskip("nibabel")
    folder.mkdir()
    values = np.random.default_rng(3).normal(0, 30, (*SIZE, 8)).astype(np.int16)
    values[disk(2)] += 200
    write_nifti(folder / "scan.nii.gz", values)
    names = [f"scan.nii.gz@z{number:03}" for number in range(8)]
    size, mask = (SIZE[1], SIZE[0]), np.ascontiguousarray(disk(2).T[::-1, ::-1])
    store = Store(folder / FILE)
    store.sync(names)
    for row in store.images():
        store.change_image(row.id, size=size)
        made = store.add_object(row.id, row.name, None)
        answer = StepAnswer(rle.encode(mask), int(mask.sum()))
        store.add_step(made.id, made.revision, f"step {row.name}", {"type": "mask"}, answer)
        store.change_object(made.id, accepted=True)
    return store


@pytest.mark.parametrize("layout", ["voc", "masks"])
def test_the_border_of_pascal_voc_is_neither_object_nor_background(layout: str, tmp_path: Path) -> None:
    LAYOUTS[layout][1](tmp_path / "photos")
    maps = tmp_path / "photos" / ("SegmentationObject" if layout == "voc" else "masks")
    border = np.zeros(SIZE, bool)
    border[:, 76:] = True
    for path in maps.iterdir():
        labels = np.where(border, 255, np.asarray(Image.open(path)))
        image = Image.fromarray(labels.astype(np.uint8), "P")
        image.putpalette(bytes(range(256)) * 3)
        image.save(path)
    assert "pixels that are ignored: on 6 images" in checked(tmp_path / "photos")
    usable = check(recognise(tmp_path / "photos"))
    split = prepare(usable, group_images(usable), tmp_path / "model")
    for sample in held_out_samples(tmp_path / "model", usable.root):
        np.testing.assert_array_equal(sample.truth() == IGNORE, border)
    sources = open_sources(spec(tmp_path / "model", usable.root))
    training = TrainingSet(sources, split, size=80, objects_per_image=2)
    seen = [(training[index]["truth"] == IGNORE).any() for index in range(8)]
    assert any(seen)


def test_ignored_pixels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    LAYOUTS["coco"][1](tmp_path)
    path = tmp_path / "ignored.json"
    for content, said in (
        ([], "holds no masks by file name"),
        ({"0.png": {"size": [64, 80], "counts": "04"}}, "the run lengths do not fill the image"),
        ({"0.png": {"size": [9, 9], "counts": "04"}}, "9"),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(DatasetError, match=said):
            CocoFolder(tmp_path, ignored=path)


def test_broken_prompts_are_refused(tmp_path: Path) -> None:
    LAYOUTS["coco"][1](tmp_path)
    (tmp_path / "prompts.json").write_text(json.dumps({"1": [{"type": "star"}]}))
    with pytest.raises(DatasetError, match="holds no lists of prompts by annotation id: the type of a prompt"):
        CocoFolder(tmp_path, prompts=tmp_path / "prompts.json")


def test_what_is_found_is_printed_as_json_for_programs(tmp_path: Path) -> None:
    LAYOUTS["app"][1](tmp_path)
    result = vpuformer("finetune", tmp_path, "--check", "--json")
    assert result.exit_code == 0, result.output
    *progress, found = map(json.loads, result.stdout.splitlines())
    assert progress[-1] == {"stage": "checking images", "done": COUNT, "total": COUNT, "note": ""}
    assert found == {"images": COUNT, "objects": 2 * COUNT, "prompts": COUNT, "notes": [], "left_out": []}
    by_folder = vpuformer("finetune", tmp_path, "--check", "--json", "--group-by", "folder")
    assert json.loads(by_folder.stdout.splitlines()[-1])["notes"] == [
        "kept together in the split: images of one folder, in 1 group; 1 group of more than 40% of the images cut into"
        " consecutive parts"
    ]
    refused = vpuformer("finetune", tmp_path, "--controlled")
    assert (refused.exit_code, "give --json too" in refused.stderr) == (2, True)


def test_the_store_of_the_app_may_lie_elsewhere(tmp_path: Path) -> None:
    LAYOUTS["app"][1](tmp_path / "photos")
    (tmp_path / "photos" / "vpuformer.sqlite").rename(tmp_path / "work.sqlite")
    result = vpuformer("finetune", tmp_path / "photos", "--store", tmp_path / "work.sqlite", "--check")
    assert "6 images, 12 objects" in result.stdout
    empty = vpuformer("finetune", tmp_path / "photos", "--store", tmp_path / "new.sqlite", "--check")
    assert (empty.exit_code, "is annotated yet" in empty.stderr) == (2, True)
    both = vpuformer("finetune", tmp_path, "--store", "a.sqlite", "--annotations", "a.json", "--check")
    assert (both.exit_code, "give --annotations or --store" in both.stderr) == (2, True)
