"""`vpuformer data check`, and the `config.yml` that says where sets lie."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner, Result

from vpuformer.cli import app
from vpuformer.data import check, sources
from vpuformer.data.counts import Counts
from vpuformer.data.kinds import benchmarks
from vpuformer.data.roots import benchmark_root, read_roots
from vpuformer.errors import ConfigError


def data_check(*words: object) -> Result:
    return CliRunner().invoke(app, ["data", "check", *map(str, words)])


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def write_pairs(root: Path, names: str, folders: tuple[str, str]) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        write(root / folders[0] / f"{name}.png", rng.integers(0, 255, (30, 40, 3)))
        mask = np.zeros((30, 40))
        mask[5:20, 5:25] = 255
        write(root / folders[1] / f"{name}.png", mask)
    return root


@pytest.fixture
def grabcut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images, and a benchmark that is said to have as many."""
    three = benchmarks.Benchmark(benchmarks.BENCHMARKS["grabcut"].read, Counts(3, 3))
    monkeypatch.setitem(benchmarks.BENCHMARKS, "grabcut", three)
    return write_pairs(tmp_path / "GrabCut", "abc", ("data_GT", "boundary_GT"))


def test_a_set_that_is_in_order(grabcut: Path, tmp_path: Path) -> None:
    before = sorted(path for path in grabcut.rglob("*"))
    result = data_check("GrabCut", "--root", grabcut, "--sheet", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "grabcut: 3 images, 3 objects; published: 3 images, 3 objects",
        f"sheet: {tmp_path / 'sheet.png'}",
    ]
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (180 + 2 * 8, 3 * 240 + 4 * 8, 3), "three images of 4:3 in a row"
    assert sorted(path for path in grabcut.rglob("*")) == before


def test_every_wrong_file_is_named(grabcut: Path) -> None:
    write_pairs(grabcut, "defg", ("data_GT", "boundary_GT"))
    (grabcut / "boundary_GT" / "a.png").unlink()
    write(grabcut / "boundary_GT" / "b.png", np.zeros((30, 40)))
    write(grabcut / "boundary_GT" / "c.png", np.ones((30, 41)) * 255)
    broken = grabcut / "data_GT" / "d.png"
    broken.write_bytes(broken.read_bytes()[:-900])
    (grabcut / "data_GT" / "e.png").write_bytes(b"")
    result = data_check("grabcut", "--root", grabcut)
    assert result.exit_code == 2
    for said in (
        "a.png has no mask",
        "b.png shows no object",
        "c.png is 41x30 pixels",
        "d.png is broken",
        "e.png is an",
    ):
        assert said in result.stdout
    assert len(result.stdout.splitlines()) == 6, "each fault is told once"
    assert result.stderr == f"error: 5 faults in {grabcut}, named above\n"


def test_only_the_first_faults_are_printed(grabcut: Path) -> None:
    write_pairs(grabcut, "defghijklmn", ("data_GT", "boundary_GT"))
    for path in (grabcut / "boundary_GT").iterdir():
        path.write_bytes(b"none")
    result = data_check("grabcut", "--root", grabcut)
    assert len(result.stdout.splitlines()) == 1 + 10 + 1
    assert result.stdout.splitlines()[-1] == "  and 4 more"


def test_an_incomplete_set(grabcut: Path) -> None:
    for folder in ("data_GT", "boundary_GT"):
        (grabcut / folder / "a.png").unlink()
    result = data_check("grabcut", "--root", grabcut)
    assert result.exit_code == 2
    assert result.stderr == f"error: {grabcut} is not all of grabcut: the counts are not those that were published\n"


def test_your_own_images(tmp_path: Path) -> None:
    write_pairs(tmp_path, "abc", ("images", "masks"))
    assert data_check("masks", "--root", tmp_path).stdout == f"{tmp_path.name}: 3 images, 3 objects\n"
    write(tmp_path / "masks" / "a.png", np.zeros((30, 40)))
    write(tmp_path / "masks" / "b.png", np.ones((3, 4)))
    write(tmp_path / "images" / "d.png", np.zeros((30, 40, 3)))
    write(tmp_path / "images" / "f.png", np.zeros((30, 40, 3)))
    write(tmp_path / "masks" / "f_1.png", np.zeros((30, 40)))
    result = data_check("masks", "--root", tmp_path, "--sheet", tmp_path / "s.png")
    assert result.exit_code == 2
    for said in (
        "images/d.png has no mask",
        "images/a.png of",
        "has no object",
        "b.png is 40x30 pixels, its masks 4x3",
        "object 1 of images/f.png shows nothing",
    ):
        assert said in result.stdout
    assert result.stderr.startswith("error: 4 faults in ")


def test_a_folder_of_coco_sets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for file in ("000", "001"):
            write(tmp_path / name / "images" / f"{file}.png", np.zeros((20, 30, 3)))
        images = [{"id": i, "file_name": f"images/00{i}.png", "height": 20, "width": 30} for i in range(2)]
        square = [[0, 0, 5, 0, 5, 5, 0, 5]]
        annotations = [{"id": i, "image_id": 0, "segmentation": square} for i in range(2)]
        content = json.dumps({"images": images, "annotations": annotations})
        (tmp_path / name / "annotations.json").write_text(content)
    result = data_check("coco", "--root", tmp_path, "--sheet", tmp_path / "s.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == ["one: 2 images, 2 objects", "two: 2 images, 2 objects"]
    (tmp_path / "two" / "images" / "000.png").unlink()
    assert "000.png, which is neither" in data_check("coco", "--root", tmp_path).stdout


def test_a_name_of_both_kinds_is_looked_at_twice(tmp_path: Path) -> None:
    from scipy.io import savemat

    for name in ("a", "b"):
        write(tmp_path / "img" / f"{name}.jpg", np.zeros((9, 9, 3)))
        (tmp_path / "inst").mkdir(exist_ok=True)
        savemat(tmp_path / "inst" / f"{name}.mat", {"GTinst": {"Segmentation": np.eye(9, dtype=np.uint8)}})
        (tmp_path / f"{'train' if name == 'a' else 'val'}.txt").write_text(f"{name}\n")
    result = data_check("sbd", "--root", tmp_path)
    assert result.stdout.splitlines() == [
        "sbd: 1 image, 1 object; published: 2,857 images, 6,671 objects",
        "sbd: 1 image, 1 object; published: 8,498 images, 20,172 objects",
    ]
    assert result.exit_code == 2


def test_what_cannot_be_checked(tmp_path: Path) -> None:
    for words, sentence in (
        (["grabcat", "--root", tmp_path], "no data set called 'grabcat'; there are berkeley, brats, coco, "),
        (["grabcut", "--root", tmp_path], "is not laid out as grabcut"),
        (["grabcut", "--root", tmp_path, "--sheet", tmp_path / "a.txt"], "the sheet is written as"),
        (["masks", "--root", tmp_path / "no"], "there is no folder"),
    ):
        result = data_check(*words)
        assert result.exit_code == 2
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_reader_whose_masks_do_not_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vpuformer.data.sample import Sample

    def read(_: Path) -> list[Sample]:
        return [Sample("odd/x", 1, lambda: np.zeros((4, 5, 3), np.uint8), lambda: np.ones((5, 4), np.int8))]

    monkeypatch.setitem(benchmarks.BENCHMARKS, "odd", benchmarks.Benchmark(read))
    (found,) = check.check("odd", tmp_path)
    assert list(found.faults) == ["odd/x: the mask has the shape (5, 4), its image (4, 5)"]
    assert str(found) == "odd: 1 image, 1 object"


CONFIG = """
INTERACTIVE_MODELS_PATH: "./weights"
GRABCUT_PATH: "./datasets/GrabCut"
ssTEM_PATH: /somewhere/stack1
LVIS_v1_PATH: "../lvis"
DAVIS_PATH:
IMAGENET_PRETRAINED_MODELS:
  RESNET34: ""
"""


def test_the_config_of_ritm(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text(CONFIG)
    assert set(read_roots(file)) == {"interactive_models", "grabcut", "sstem", "lvis_v1"}
    assert benchmark_root("GrabCut", file) == tmp_path / "datasets" / "GrabCut"
    assert benchmark_root("sstem", file) == Path("/somewhere/stack1")
    assert benchmark_root("cocolvis", file) == tmp_path / "../lvis"
    assert benchmark_root("grabcut", tmp_path) == tmp_path
    with pytest.raises(ConfigError, match=r"config.yml: no path called 'DAVIS_PATH'; there are GRABCUT_PATH, "):
        benchmark_root("davis", file)


@pytest.mark.parametrize(
    ("content", "sentence"), [("[a", "is not valid YAML"), ("- a", "holds no names and values"), ("", "holds no names")]
)
def test_a_config_that_is_none(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=r"config.yml cannot be read: No such file"):
        read_roots(tmp_path / "config.yml")
    (tmp_path / "config.yml").write_text(content)
    with pytest.raises(ConfigError, match=sentence):
        read_roots(tmp_path / "config.yml")


@pytest.mark.usefixtures("grabcut")
def test_commands_take_the_config_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("GRABCUT_PATH: GrabCut\n")
    assert data_check("grabcut", "--root", tmp_path / "config.yml").exit_code == 0
    words = ["--dataset", "grabcut", "--root", tmp_path / "config.yml", "--output", tmp_path / "out"]
    options = ["--baseline", "opencv-grabcut", "--max-prompts", "1"]
    result = CliRunner().invoke(app, ["evaluate", *map(str, words), *options])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["objects"] == 3


def test_the_help_names_every_set() -> None:
    told = data_check("--help").stdout
    assert all(name in told for name in (*benchmarks.BENCHMARKS, *sources.KINDS))
    told = CliRunner().invoke(app, ["evaluate", "--help"]).stdout
    assert all(name in told for name in benchmarks.BENCHMARKS)


@pytest.mark.parametrize("kind", ["masks", "coco"])
def test_channels_and_pages_that_are_not_looked_at_are_noted(kind: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    values = np.zeros((20, 30, 2), np.uint16)
    values[5:9, 6:12] = 900
    tifffile.imwrite(tmp_path / "images/a.tif", values, photometric="minisblack", planarconfig="contig")
    if kind == "masks":
        (tmp_path / "masks").mkdir()
        Image.fromarray((values[:, :, 0] > 0).astype(np.uint8)).save(tmp_path / "masks/a.png")
    else:
        square = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[6, 5, 12, 5, 12, 9, 6, 9]]}
        images = [{"id": 1, "file_name": "a.tif", "width": 30, "height": 20}]
        content = {"images": images, "annotations": [square], "categories": [{"id": 1, "name": "cell"}]}
        (tmp_path / "annotations.json").write_text(json.dumps(content))
    (findings,) = check.check(kind, tmp_path)
    assert not findings.faults
    assert list(findings.notes) == [f"{tmp_path / 'images/a.tif'}: the first of 2 channels"]
