"""A person's data: every layout is recognised, and what cannot be used is left out with a reason."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import vpuformer
from support.outlined import COUNT, LAYOUTS, SIZE, annotated, disk, write_images
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.sources import open_sources
from vpuformer.data.split import SPLIT, Split
from vpuformer.errors import DatasetError
from vpuformer.finetuning.checking import check
from vpuformer.finetuning.layouts import recognise
from vpuformer.finetuning.prepare import DATA, choose_held_out, held_out_samples, prepare, spec
from vpuformer.formats import FORMATS
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


def test_annotations_may_lie_elsewhere(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    FORMATS["coco"].write(annotated(), tmp_path, ["disk", "plate"])
    result = vpuformer("finetune", tmp_path / "photos", "--annotations", tmp_path / "annotations.json", "--check")
    assert result.exit_code == 0, result.output
    assert "6 images, 12 objects" in result.stdout


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


def test_every_fifth_image_is_held_out_whatever_it_is_called() -> None:
    digests = {f"{number}.png": f"{number * 37 % 100:02}" for number in range(12)}
    held_out = choose_held_out(digests)
    assert len(held_out) == 3
    renamed = choose_held_out({f"a/{name}": digest for name, digest in digests.items()})
    assert renamed == {f"a/{name}" for name in held_out}


def test_prepared_data_hold_masks_prompts_and_split(tmp_path: Path) -> None:
    LAYOUTS["app"][1](tmp_path / "photos")
    usable = check(recognise(tmp_path / "photos"))
    split = prepare(usable, tmp_path / "model")
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
    assert found == {"images": COUNT, "objects": 2 * COUNT, "prompts": COUNT, "left_out": []}
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
