"""Label maps and mask files: values of any kind, and names that promise something else."""

import json
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from typer.testing import CliRunner

from vpuformer.cli import app
from vpuformer.data.kinds.benchmarks import find_samples
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.data.layers import MOST_LABELS
from vpuformer.data.training_set import TrainingSet
from vpuformer.errors import DatasetError, InputError
from vpuformer.evaluation.records import data_fingerprint
from vpuformer.files import files_below
from vpuformer.metrics import IGNORE, MASK_THRESHOLD

SIZE = (40, 60)
A, B = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
A[5:25, 5:25] = True
B[5:35, 30:50] = True


def labels(a: int, b: int, ground: int = 0, kind: type = np.uint8) -> npt.NDArray[np.number]:
    """Two rectangles in a map."""
    return np.select([A, B], [a, b], ground).astype(kind)


def soft() -> npt.NDArray[np.uint8]:
    """A square of 255 with edges as a smaller image has them."""
    large = np.asarray(Image.fromarray(A.astype(np.uint8) * 255).resize((600, 400)).rotate(11))
    return np.asarray(Image.fromarray(large).resize(SIZE[::-1], Image.Resampling.BOX))


def write(path: Path, values: npt.NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, values)
    else:
        Image.fromarray(values).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "images" / "a.png", np.zeros((*SIZE, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ("values", "objects"),
    [
        (labels(3, 7, -1, np.int16), [3, 7]),
        (labels(3, -5, -1, np.int32), [3]),
        (labels(1, 4_000_000_000, 0, np.uint32), [1, 4_000_000_000]),
        (labels(1, 2**40, 0, np.int64), [1, 2**40]),
        (labels(1, 2, 0, np.float32), [1, 2]),
        (labels(1, 2, -9999, np.float32), [1, 2]),
    ],
    ids=lambda values: str(getattr(values, "dtype", values)),
)
def test_labels_of_any_value(folder: Path, values: npt.NDArray[np.number], objects: list[int]) -> None:
    write(folder / "masks" / "a.tif", values)
    source = MaskFolder(folder)
    assert source.objects(0) == objects
    assert source.areas(0).tolist() == [(values == label).sum() for label in objects]
    np.testing.assert_array_equal(source.masks(0), [values == label for label in objects])
    np.testing.assert_array_equal(source.union(0), np.isin(values, objects))
    np.testing.assert_array_equal(source.union(0, objects[:1]), values == objects[0])
    assert source.samples()[0].truth().sum() == (values == objects[0]).sum()
    notes = source.remarks(0)
    assert bool(notes) == bool((values < 0).any())
    assert all("background, as every value below 0" in note for note in notes)


def test_a_negative_value_can_be_the_one_that_is_ignored(folder: Path) -> None:
    write(folder / "masks" / "a.tif", labels(1, -1, 0, np.int16))
    source = MaskFolder(folder, ignore_label=-1)
    assert source.objects(0) == [1]
    np.testing.assert_array_equal(source.sample(0, 1).truth(), np.select([A, B], [1, IGNORE]))
    assert not source.remarks(0)


def test_noise_is_no_map_of_labels(folder: Path) -> None:
    write(folder / "images" / "a.png", np.zeros((300, 300, 3), np.uint8))
    write(folder / "masks" / "a.tif", np.arange(300 * 300, dtype=np.uint32).reshape(300, 300))
    with pytest.raises(
        DatasetError, match=f"holds 90,000 different values, and a map of labels at most {MOST_LABELS:,}"
    ):
        MaskFolder(folder).objects(0)


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf])
def test_fractions_are_no_labels(folder: Path, value: float) -> None:
    write(folder / "masks" / "a.tif", np.where(A, value, 0).astype(np.float32))
    with pytest.raises(DatasetError, match=r"a.tif holds the value .* labels are whole numbers"):
        MaskFolder(folder).objects(0)


def test_labels_of_a_benchmark_may_have_any_value(tmp_path: Path) -> None:
    write(tmp_path / "test" / "image" / "a.png", np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path / "test" / "annotations" / "a.tif", labels(3, 4_000_000_000, -1, np.int64))
    samples = list(find_samples("oaizib", tmp_path))
    assert not [found for found in samples if isinstance(found, DatasetError)]
    assert [found.object_id for found in samples if not isinstance(found, DatasetError)] == [3, 4_000_000_000]
    checked = CliRunner().invoke(app, ["data", "check", "oaizib", "--root", str(tmp_path)])
    assert "note: " in checked.stdout
    assert "a.tif: the value -1 is background" in checked.stdout


@pytest.mark.parametrize("name", ["a_cp_masks.png", "a_seg.png", "a/1.png"])
def test_a_single_file_of_several_labels_is_the_map(folder: Path, name: str) -> None:
    write(folder / "masks" / name, labels(1, 300, 0, np.uint16))
    source = MaskFolder(folder)
    assert source.objects(0) == [1, 300]
    np.testing.assert_array_equal(source.masks(0), [A, B])
    assert source.remarks(0) == (f"{folder / 'masks' / name} holds 2 labels and was read as the map of its image",)
    checked = CliRunner().invoke(app, ["data", "check", "masks", "--root", str(folder)])
    assert checked.exit_code == 0
    assert "holds 2 labels and was read as the map" in checked.stdout


def test_one_of_several_files_may_hold_one_object_only(folder: Path) -> None:
    write(folder / "masks" / "a_1.png", A)
    write(folder / "masks" / "a_2.png", labels(1, 2))
    with pytest.raises(DatasetError, match=r"a_2.png holds the labels 1, 2, and its name promises one object"):
        MaskFolder(folder).objects(0)
    colours = np.zeros((*SIZE, 3), np.uint8)
    colours[A], colours[B] = (255, 0, 0), (0, 255, 0)
    write(folder / "masks" / "a_2.png", colours)
    with pytest.raises(DatasetError, match=r"a_2.png holds several colours, and its name promises one object"):
        MaskFolder(folder).objects(0)
    colours[B] = 0
    write(folder / "masks" / "a_2.png", colours)
    np.testing.assert_array_equal(MaskFolder(folder).masks(0), [A, A])


def test_a_mask_with_soft_edges_is_one_object_and_no_map(folder: Path) -> None:
    write(folder / "masks" / "a_1.png", soft())
    source = MaskFolder(folder)
    np.testing.assert_array_equal(source.masks(0), [soft() > MASK_THRESHOLD * 255])
    (folder / "masks" / "a_1.png").rename(folder / "masks" / "a.png")
    with pytest.raises(DatasetError, match=r"a.png holds \d+ values that change from pixel to pixel"):
        MaskFolder(folder).objects(0)


@pytest.mark.parametrize("stem", ["a", "a_1"])
@pytest.mark.parametrize("colour", [0, 255])
def test_a_mask_in_the_alpha_channel(folder: Path, colour: int, stem: str) -> None:
    alpha = np.where(A, 255, 0).astype(np.uint8)
    colours = np.full((*SIZE, 3), colour, np.uint8)
    write(folder / "masks" / f"{stem}.png", np.dstack([colours, alpha]))
    source = MaskFolder(folder)
    assert source.objects(0) == [1]
    np.testing.assert_array_equal(source.masks(0), [A])


@pytest.mark.parametrize("stem", ["a", "a_1"])
def test_the_border_of_a_palette_is_ignored_as_on_the_page(folder: Path, stem: str) -> None:
    image = Image.fromarray(labels(1, 255), "P")
    image.putpalette([value for index in range(256) for value in (index, 0, 0)])
    (folder / "masks").mkdir()
    image.save(folder / "masks" / f"{stem}.png")
    source = MaskFolder(folder)
    assert source.objects(0) == [1]
    np.testing.assert_array_equal(source.sample(0, 1).truth(), np.select([A, B], [1, IGNORE]))
    assert "255 of its palette is ignored" in source.remarks(0)[0]
    write(folder / "masks" / f"{stem}.png", labels(1, 255))
    assert MaskFolder(folder).objects(0) == [1, 255]  # grey values are labels


@pytest.mark.parametrize("stem", ["a", "a_1"])
def test_further_frames_of_a_mask_and_masks_of_every_pixel_are_told(folder: Path, stem: str) -> None:
    (folder / "masks").mkdir()
    tifffile.imwrite(folder / "masks" / f"{stem}.tif", np.ones((3, *SIZE), np.uint8), photometric="minisblack")
    checked = CliRunner().invoke(app, ["data", "check", "masks", "--root", str(folder)])
    assert checked.exit_code == 0
    assert f"note: {folder / 'masks' / stem}.tif: the first of 3 frames" in checked.stdout
    assert "note: object 1 of images/a.png: every pixel is object" in checked.stdout


def test_colours_in_a_tiff_are_no_labels(folder: Path) -> None:
    colours = np.zeros((*SIZE, 3), np.uint16)
    colours[A], colours[B] = (1, 0, 0), (0, 1, 0)
    (folder / "masks").mkdir()
    tifffile.imwrite(folder / "masks" / "a.tif", colours, photometric="rgb")
    with pytest.raises(DatasetError, match=r"a\.tif is a map of colours"):
        MaskFolder(folder).objects(0)


def test_images_that_are_turned_are_told(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.new("RGB", SIZE[::-1]).save(folder / "images" / "a.png", exif=exif)
    write(folder / "masks" / "a.png", labels(1, 2))
    checked = CliRunner().invoke(app, ["data", "check", "masks", "--root", str(folder)])
    assert checked.exit_code == 0
    sentence = f"{folder / 'images' / 'a.png'}: turned upright, as its EXIF orientation says"
    assert f"note: {sentence}" in checked.stdout
    assert MaskFolder(folder).sample(0, 1).notes == (sentence,)


def test_undecided_pixels_beside_one_object(folder: Path) -> None:
    write(folder / "masks" / "a_1.png", labels(1, 255))
    source = MaskFolder(folder, ignore_label=255)
    np.testing.assert_array_equal(source.sample(0, 1).truth(), np.select([A, B], [1, IGNORE]))


def test_every_kind_of_image_is_found_and_the_others_are_counted(folder: Path) -> None:
    for name, kind in (("b.jfif", "JPEG"), ("c.jp2", "JPEG2000")):
        Image.new("RGB", SIZE[::-1]).save(folder / "images" / name, kind)
    for stem in "abc":
        write(folder / "masks" / f"{stem}.png", labels(1, 2))
    for name in ("d.HEIC", "e.heic", "f.svs", "g.dng"):
        (folder / "images" / name).write_bytes(b"1")
    source = MaskFolder(folder)
    assert source.images == ["images/a.png", "images/b.jfif", "images/c.jp2"]
    assert source.image(2).shape == (*SIZE, 3)
    words = (
        f"files in {folder / 'images'} that are not read: 2 .heic, 1 .svs, 1 .dng; write images as PNG, JPEG or TIFF"
    )
    assert list(source.notes) == [words]
    assert words in CliRunner().invoke(app, ["data", "check", "masks", "--root", str(folder)]).stdout
    assert TrainingSet({"mine": source}, size=32).notes == ["3 images of mine, weight 1: 100.0% of the samples", words]


def test_images_that_were_renamed_or_exchanged_are_counted_and_not_trained_on(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": f"{i}.png", "height": SIZE[0], "width": SIZE[1]} for i in range(4)]
    square, dot = [[5, 5, 25, 5, 25, 25, 5, 25]], [[1, 1, 3, 1, 3, 3, 1, 3]]
    annotations = [{"id": i, "image_id": i, "segmentation": square} for i in range(4)]
    annotations.append({"id": 9, "image_id": 0, "segmentation": dot})
    (tmp_path / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    for name in ("0.png", "1.png", "two.png"):
        write(tmp_path / "images" / name, np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path / "images" / "3.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    folder = CocoFolder(tmp_path)
    data = TrainingSet({"mine": folder}, size=32)
    assert data.sets == {"mine": 2}
    drawn, unusable, unlisted, small = data.notes
    assert drawn == "2 images of mine, weight 1: 100.0% of the samples"
    assert unusable.startswith(f"2 images of {tmp_path.name} with 2 objects left out, not there or of another size")
    assert unusable.endswith(": 2.png, 3.png")
    assert unlisted.startswith(f"1 image of {tmp_path} not listed in ")
    assert unlisted.endswith(": two.png")
    assert small.startswith("1 of 3 objects of mine not drawn: below 200 pixels")
    assert unlisted in folder.samples()[0].notes


def test_what_takes_no_part_is_said_at_the_start(tmp_path: Path, model: Path) -> None:
    images = [{"id": 1, "file_name": "a.png", "height": SIZE[0], "width": SIZE[1]}]
    square = [[5, 5, 25, 5, 25, 25, 5, 25]]
    annotations = [{"id": i, "image_id": 1, "iscrowd": i, "segmentation": square} for i in range(2)]
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    write(tmp_path / "set" / "a.png", np.zeros((*SIZE, 3), np.uint8))
    words = [
        ["train", "debug", "--data", tmp_path / "set", "-o", tmp_path / "run", "--steps", 1, "--accelerator", "cpu"],
        ["evaluate", "--dataset", "coco", "--root", tmp_path / "set", "-o", tmp_path / "out", "--model", model],
    ]
    words[1] += ["--max-prompts", 1, "--device", "cpu"]
    for command in words:
        result = CliRunner().invoke(app, [str(word) for word in command])
        assert result.exit_code == 0, result.output
        assert "note: 1 annotation in" in result.stderr
        assert "left out: crowds" in result.stderr


def test_linked_folders_are_followed_and_loops_are_not(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write(folder / "masks" / "a.png", labels(1, 2))
    other = tmp_path_factory.mktemp("other")
    (other / "images").symlink_to(folder / "images")
    (other / "masks").symlink_to(folder / "masks")
    assert data_fingerprint(other) == data_fingerprint(folder)
    assert [os.fspath(path.relative_to(other)) for path in files_below(other)] == ["images/a.png", "masks/a.png"]
    before = files_below(folder)
    (folder / "images" / "up").symlink_to(folder)
    assert files_below(folder) == before


ANY_VALUES = (
    st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"])
    .map(np.dtype)
    .flatmap(lambda kind: arrays(kind, SIZE, fill=st.sampled_from([kind.type(0), kind.type(1)])))
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_VALUES, st.sampled_from(["a.tif", "a_1.tif"]))
def test_whatever_a_mask_holds_is_read_or_refused(folder: Path, values: npt.NDArray[np.number], name: str) -> None:
    for path in (folder / "masks").glob("*"):
        path.unlink()
    write(folder / "masks" / name, values)
    source = MaskFolder(folder)
    try:
        objects = source.objects(0)
    except DatasetError:
        return
    assert all(source.masks(0, [number]).sum() == area for number, area in zip(objects, source.areas(0), strict=True))


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("grabcut", ("data_GT", "boundary_GT")),
        ("davis", ("img", "gt")),
        ("oaizib", ("test/image", "test/annotations")),
        ("sstem", ("raw", "mitochondria")),
    ],
)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=ANY_VALUES)
def test_whatever_a_mask_of_a_benchmark_holds(
    tmp_path: Path, name: str, folders: tuple[str, str], values: npt.NDArray[np.number]
) -> None:
    write(tmp_path / folders[0] / "a.png", np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path / folders[1] / "a.tif", values)
    for found in find_samples(name, tmp_path):
        if isinstance(found, DatasetError):
            continue
        try:
            truth = found.truth()
        except InputError:
            continue
        assert truth.shape == SIZE
        assert (truth == 1).any()
