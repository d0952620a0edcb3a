"""The readers of the field's test sets, on folders laid out as theirs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.io import savemat

from vpuformer.data.kinds.benchmarks import BENCHMARKS, find_samples, open_benchmark
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError
from vpuformer.metrics import IGNORE


def write_pair(root: Path, folders: tuple[str, str], image: str, mask: str, values: Image.Image) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", values.size, (10, 20, 30)).save(root / folders[0] / image)
    values.save(root / folders[1] / mask)


def grey(*rows: list[int]) -> Image.Image:
    return Image.fromarray(np.array(rows, np.uint8))


def palette(*rows: list[int]) -> Image.Image:
    image = grey(*rows).convert("L")
    indexed = Image.fromarray(np.asarray(image)).convert("P")
    indexed.putdata(np.asarray(image).ravel().tolist())
    # Entry 1 has no red: a reader that looks at one channel of the colours would miss it.
    indexed.putpalette([0, 0, 0, 0, 128, 0, 128, 0, 0])
    return indexed


@pytest.mark.parametrize(
    ("name", "folders"), [("grabcut", ("data_GT", "boundary_GT")), ("berkeley", ("images", "masks"))]
)
def test_128_is_undecided(tmp_path: Path, name: str, folders: tuple[str, str]) -> None:
    write_pair(tmp_path, folders, "b.one.JPG", "b.bmp", grey([0, 127, 128], [129, 200, 255]))
    write_pair(tmp_path, folders, "a.bmp", "a.png", grey([0, 0, 255]).convert("RGB"))
    samples = open_benchmark(name, tmp_path)
    assert [sample.name for sample in samples] == [f"{name}/a", f"{name}/b"]
    assert samples[1].truth().tolist() == [[0, 0, IGNORE], [1, 1, 1]]
    assert samples[1].truth().dtype == np.int8
    assert samples[0].truth().tolist() == [[0, 0, 1]]
    assert samples[1].image().shape == (2, 3, 3)


def test_all_objects_of_a_davis_frame_are_one(tmp_path: Path) -> None:
    write_pair(tmp_path, ("img", "gt"), "000.jpg", "000.png", palette([0, 1, 2], [0, 0, 1]))
    write_pair(tmp_path, ("img", "gt"), "001.jpg", "001.png", grey([0, 1, 255]).convert("RGB"))
    first, second = open_benchmark("DAVIS", tmp_path)
    assert first.name == "davis/000"
    assert first.truth().tolist() == [[0, 1, 1], [0, 0, 1]]
    assert second.truth().tolist() == [[0, 1, 1]]


def test_a_image_turned_by_its_camera_fits_its_upright_mask(tmp_path: Path) -> None:
    write_pair(tmp_path, ("img", "gt"), "x.jpg", "x.png", grey([0, 1, 1], [0, 0, 1]))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (2, 3)).save(tmp_path / "img" / "x.jpg", exif=exif)
    (sample,) = open_benchmark("davis", tmp_path)
    assert sample.image().shape[:2] == sample.truth().shape == (2, 3)


def test_other_files_in_the_folders_do_not_matter(tmp_path: Path) -> None:
    write_pair(tmp_path, ("img", "gt"), "x.jpg", "x.png", grey([0, 1]))
    (tmp_path / "img" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "img" / ".DS_Store").write_bytes(b"")
    assert len(open_benchmark("davis", tmp_path)) == 1


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(DatasetError, match=r"no benchmark called 'grabcat'; there are .* Did you mean 'grabcut'\?"):
        open_benchmark("grabcat", ".")


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_root_without_the_folders_says_which_were_wanted(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=rf"is not laid out as {name}: wanted the folders \S+ \(images\) and \S+"):
        open_benchmark(name, tmp_path)


def test_faults_name_the_file(tmp_path: Path) -> None:
    folders = ("img", "gt")
    for folder in folders:
        (tmp_path / folder).mkdir()
    with pytest.raises(DatasetError, match="holds no image"):
        open_benchmark("davis", tmp_path)
    write_pair(tmp_path, folders, "x.jpg", "x.png", grey([0, 0]))
    with pytest.raises(DatasetError, match=r"x.png shows no object"):
        open_benchmark("davis", tmp_path)[0].truth()
    grey([0], [1]).save(tmp_path / "gt" / "x.png")
    with pytest.raises(DatasetError, match=r"x.png is 1x2 pixels, its image 2x1"):
        open_benchmark("davis", tmp_path)[0].truth()
    (tmp_path / "gt" / "x.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"x.png cannot be read as a mask"):
        open_benchmark("davis", tmp_path)[0].truth()
    grey([1, 1]).save(tmp_path / "gt" / "x.bmp")
    with pytest.raises(DatasetError, match=r"two files for x: x.bmp and x.png"):
        open_benchmark("davis", tmp_path)
    (tmp_path / "gt" / "x.bmp").unlink()
    (tmp_path / "gt" / "x.png").unlink()
    with pytest.raises(DatasetError, match=r"x.jpg has no mask: there is no x.\*"):
        open_benchmark("davis", tmp_path)


def test_what_is_wrong_stands_in_the_place_of_its_samples(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_pair(tmp_path, ("img", "gt"), f"{name}.jpg", f"{name}.png", grey([0, 1]))
    (tmp_path / "gt" / "b.png").unlink()
    first, second, third = find_samples("davis", tmp_path)
    assert isinstance(second, DatasetError)
    assert [found.name for found in (first, third) if isinstance(found, Sample)] == ["davis/a", "davis/c"]


def test_brats_is_everything_above_zero(tmp_path: Path) -> None:
    write_pair(tmp_path, ("image", "annotation"), "1.png", "1.png", grey([0, 1, 255]))
    (sample,) = open_benchmark("BraTS", tmp_path)
    assert sample.truth().tolist() == [[0, 1, 1]]


def test_components_of_sstem_are_numbered_in_raster_order(tmp_path: Path) -> None:
    shown = np.random.default_rng(0).random((60, 80)) > 0.4  # pieces that touch at corners, and some that grow together
    write_pair(tmp_path, ("raw", "mitochondria"), "00.png", "00.png", Image.fromarray(shown))
    samples = open_benchmark("sstem", tmp_path)
    labels, count = ndimage.label(shown)
    assert [sample.object_id for sample in samples] == list(range(1, count + 1))
    assert all(np.array_equal(sample.truth() == 1, labels == sample.object_id) for sample in samples)


def test_every_grey_value_of_oaizib_is_an_object(tmp_path: Path) -> None:
    write_pair(tmp_path / "test", ("image", "annotations"), "k.png", "k.png", grey([0, 100, 200], [100, 0, 0]))
    samples = open_benchmark("oaizib", tmp_path)
    assert [(sample.name, sample.object_id) for sample in samples] == [("oaizib/k/100", 100), ("oaizib/k/200", 200)]
    assert samples[0].truth().tolist() == [[0, 1, 0], [1, 0, 0]]
    assert {sample.image_id for sample in samples} == {"oaizib/k"}


def test_mitochondria_are_what_hangs_together_over_sides(tmp_path: Path) -> None:
    write_pair(tmp_path, ("raw", "mitochondria"), "00.tif", "00.png", grey([7, 0, 0], [0, 9, 9], [0, 0, 7]))
    samples = open_benchmark("ssTEM", tmp_path)
    truths = [sample.truth().tolist() for sample in samples]
    assert truths == [[[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 1], [0, 0, 1]]]
    assert samples[0].image().shape == (3, 3, 3)


def write_voc(root: Path, names: str = "one\n") -> None:
    indexed = palette([0, 1, 255], [2, 2, 255])
    indexed.putpalette([value // 3 for value in range(768)])  # shorter ones are stored in fewer bits than 255 needs
    write_pair(root, ("JPEGImages", "SegmentationObject"), "one.jpg", "one.png", indexed)
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text(names)


def test_the_border_in_pascal_voc_is_ignored(tmp_path: Path) -> None:
    write_voc(tmp_path)
    samples = open_benchmark("PascalVOC", tmp_path)
    assert [sample.name for sample in samples] == ["pascalvoc/one/1", "pascalvoc/one/2"]
    assert samples[1].truth().tolist() == [[0, 0, IGNORE], [1, 1, IGNORE]]


def test_a_list_that_names_what_is_missing(tmp_path: Path) -> None:
    write_voc(tmp_path, "one\nother\n")
    with pytest.raises(DatasetError, match=r"there is no file .*other.png"):
        open_benchmark("pascalvoc", tmp_path)
    (tmp_path / "ImageSets" / "Segmentation" / "val.txt").write_text("\n")
    with pytest.raises(DatasetError, match=r"val.txt lists no image"):
        open_benchmark("pascalvoc", tmp_path)
    (tmp_path / "ImageSets" / "Segmentation" / "val.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match=r"val.txt (cannot be read|is not text)"):
        open_benchmark("pascalvoc", tmp_path)
    (tmp_path / "ImageSets" / "Segmentation" / "val.txt").unlink()
    with pytest.raises(DatasetError, match=r"the list of images .*val.txt cannot be read: No such file"):
        open_benchmark("pascalvoc", tmp_path)


def test_every_instance_of_sbd_is_an_object(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "inst").mkdir()
    Image.new("RGB", (3, 2)).save(tmp_path / "img" / "a.jpg")
    (tmp_path / "val.txt").write_text("a\n")
    labels = np.array([[0, 1, 1], [2, 2, 0]], np.uint8)
    savemat(tmp_path / "inst" / "a.mat", {"GTinst": {"Segmentation": labels, "Categories": [1, 1]}})
    samples = open_benchmark("SBD", tmp_path)
    assert [sample.name for sample in samples] == ["sbd/a/1", "sbd/a/2"]
    assert samples[1].truth().tolist() == [[0, 0, 0], [1, 1, 0]]
    Image.new("RGB", (4, 2)).save(tmp_path / "img" / "a.jpg")
    with pytest.raises(DatasetError, match=r"a.mat is 3x2 pixels, its image 4x2"):
        samples[0].truth()
    (tmp_path / "img" / "a.jpg").unlink()
    with pytest.raises(DatasetError, match=r"there is no file .*a.jpg"):
        samples[0].truth()
    savemat(tmp_path / "inst" / "a.mat", {"GTinst": {"Segmentation": np.zeros((2, 3), np.uint8)}})
    with pytest.raises(DatasetError, match="holds no object of SBD"):
        open_benchmark("SBD", tmp_path)
