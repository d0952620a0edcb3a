"""The kinds of sets that can be trained on, on folders of a few images that are written here."""

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from vpuformer.data.augment import Augmentation
from vpuformer.data.kinds.coco_lvis import CocoLvis
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.data.kinds.sbd import Sbd
from vpuformer.data.layers import LayeredSource
from vpuformer.data.source import Masks, Source
from vpuformer.data.sources import open_sources
from vpuformer.data.split import Split
from vpuformer.data.training_set import TrainingSet
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.metrics import IGNORE

SIZE = (40, 60)
PLAIN = Augmentation(recolour=0, grey=0, blur=0, jpeg=0, paste=0)


def rectangles(*labelled: tuple[int, int, int, int, int]) -> npt.NDArray[np.uint8]:
    """A map of labels: (label, top, left, height, width) each."""
    labels = np.zeros(SIZE, np.uint8)
    for label, top, left, height, width in labelled:
        labels[top : top + height, left : left + width] = label
    return labels


TWO = rectangles((1, 5, 5, 20, 20), (2, 5, 35, 20, 15))


def write_image(path: Path, level: int = 100, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), level, np.uint8)).save(path)


def write_labels(path: Path, labels: npt.NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)


# --- SBD ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sbd(tmp_path: Path) -> Path:
    """Two images: one with two objects and a faulty one (a line around both), one with one."""
    root = tmp_path / "dataset"
    for name in ("img", "inst"):
        (root / name).mkdir(parents=True)
    faulty = TWO.copy()
    faulty[0], faulty[-1] = 3, 3
    for name, labels in (("a", faulty), ("b", rectangles((1, 10, 10, 25, 25)))):
        write_image(root / "img" / f"{name}.jpg")
        savemat(root / "inst" / f"{name}.mat", {"GTinst": {"Segmentation": labels, "Categories": [1]}})
    (root / "train.txt").write_text("a\nb\n")
    return root


def test_sbd(sbd: Path) -> None:
    source = Sbd(sbd)
    assert source.images == ["img/a.jpg", "img/b.jpg"]
    assert [source.objects(i) for i in range(2)] == [[1, 2], [1]]
    assert source.areas(0).tolist() == [400, 300]
    assert source.size(0) == SIZE
    np.testing.assert_array_equal(source.masks(0, [2])[0], TWO == 2)
    np.testing.assert_array_equal(source.union(0), TWO > 0)
    assert source.masks(0, []).shape == (0, *SIZE)
    assert not source.fully_annotated(0)
    assert not source.indexed
    assert source.image(0).shape == (*SIZE, 3)
    assert source.sample(1, 1).name == "sbd/img/b.jpg/1"
    assert Sbd(sbd, smallest_fill=0).objects(0) == [1, 2, 3]


def test_badly_segmented_images_of_sbd_are_preferred(sbd: Path) -> None:
    file = sbd.parent / "scores.pkl"
    file.write_bytes(pickle.dumps([(0, "b", np.float32(0.75)), (1, "a", np.float32(0)), (2, "c", np.float32(1))]))
    (source,) = open_sources(f"sbd={sbd},scores={file}").values()
    assert source.frequencies is not None
    np.testing.assert_allclose(source.frequencies, [1, 0.25**1.25])
    drawn = TrainingSet({"sbd": source}, size=32, augmentation=PLAIN)
    part = drawn._sets[0]
    counts = np.bincount([part.sample(np.random.default_rng((1, i))) for i in range(1000)])
    assert counts[1] / 1000 == pytest.approx(0.25**1.25 / (1 + 0.25**1.25), abs=0.03)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([(0, "a", 0.5)], "has no score for 1 of 2 images, such as b"),
        ([1, 2], r"is not a list of \(number, name, score\)"),
    ],
)
def test_scores_that_do_not_fit(sbd: Path, content: Any, sentence: str) -> None:
    (sbd / "s.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DatasetError, match=sentence):
        Sbd(sbd, scores=sbd / "s.pkl")


def test_faults_of_sbd(sbd: Path) -> None:
    with pytest.raises(DatasetError, match=r"the list of images .*val.txt cannot be read: No such file"):
        Sbd(sbd, "val")
    with pytest.raises(ConfigError, match="smallest_fill=2 is a share"):
        Sbd(sbd, smallest_fill=2)
    source = Sbd(sbd)
    with pytest.raises(DatasetError, match=r"img/a.jpg of sbd has no object 9"):
        source.masks(0, [9])
    with pytest.raises(DatasetError, match=r"img/a.jpg of sbd has no object 9"):
        source.sample(0, 9)
    write_image(sbd / "img" / "a.jpg", size=(40, 61))
    with pytest.raises(DatasetError, match=r"a.jpg is 61x40 pixels, its masks 60x40"):
        source.image(0)
    (sbd / "img" / "a.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"a.jpg is an empty file"):
        source.image(0)
    mat = sbd / "inst" / "b.mat"
    for broken in (mat.read_bytes()[:200], b"", b"no annotation"):
        mat.write_bytes(broken)
        with pytest.raises(DatasetError, match=r"b.mat is not an annotation of SBD, which holds a map of"):
            source.objects(1)
    savemat(mat, {"GTinst": {"Segmentation": np.zeros((2, 2, 2))}})
    with pytest.raises(
        DatasetError, match=r"b.mat is not an annotation of SBD, .*the sides of its map are \[2, 2, 2\]"
    ):
        source.objects(1)
    mat.unlink()
    with pytest.raises(DatasetError, match=r"b.mat cannot be read: No such file"):
        source.objects(1)


# --- COCO+LVIS ----------------------------------------------------------------------------------------------------


def encoded(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return cv2.imencode(".png", labels)[1].ravel().astype(np.uint8)


@pytest.fixture
def cocolvis(tmp_path: Path) -> Path:
    """One image: a thing (0), its part (1), another thing (2), and behind them stuff (3)."""
    root = tmp_path / "lvis"
    (root / "train" / "masks").mkdir(parents=True)
    write_image(root / "train" / "images" / "000000000001.jpg")
    whole = rectangles((1, 0, 0, 30, 20), (2, 0, 30, 20, 20), (3, 35, 0, 5, 60))
    part = rectangles((1, 5, 5, 20, 11))
    masks = ([encoded(whole), encoded(part)], [(0, 1), (1, 1), (0, 2), (0, 3)])
    (root / "train" / "masks" / "000000000001.pickle").write_bytes(pickle.dumps(masks))
    hierarchy = {
        0: {"children": [1], "parent": None, "node_level": 0},
        1: {"children": [], "parent": 0, "node_level": 1},
        2: None,
    }
    index = {"000000000001": {"num_instance_masks": 3, "hierarchy": hierarchy}}
    (root / "train" / "hannotation.pickle").write_bytes(pickle.dumps(index))
    return root


def test_cocolvis(cocolvis: Path) -> None:
    source = CocoLvis(cocolvis, min_area=0)
    assert source.images == ["images/000000000001.jpg"]
    assert source.objects(0) == [0, 2]
    assert source.areas(0).tolist() == [600, 400]
    assert source.fully_annotated(0)
    assert source.image(0).shape == (*SIZE, 3)
    assert CocoLvis(cocolvis, min_area=0, parts=True).objects(0) == [0, 1, 2]
    assert CocoLvis(cocolvis, min_area=500).objects(0) == [0]
    assert CocoLvis(cocolvis).objects(0) == []
    np.testing.assert_array_equal(source.masks(0, [3])[0], rectangles((1, 35, 0, 5, 60)))


def test_stuff_is_there_by_chance(cocolvis: Path) -> None:
    source = CocoLvis(cocolvis, min_area=0, stuff=0.3)
    drawn = [source.sample_objects(0, np.random.default_rng(i)) for i in range(200)]
    with_stuff = [objects for objects, _ in drawn if objects == [0, 2, 3]]
    assert 40 <= len(with_stuff) <= 80
    assert all(objects in ([0, 2], [0, 2, 3]) for objects, _ in drawn)
    assert all(len(areas) == len(objects) for objects, areas in drawn)
    assert source.sample_objects(0, np.random.default_rng(7))[0] == drawn[7][0]
    never, always = CocoLvis(cocolvis, stuff=0, min_area=0), CocoLvis(cocolvis, stuff=1, min_area=0)
    assert never.sample_objects(0, np.random.default_rng(0))[0] == [0, 2]
    assert always.sample_objects(0, np.random.default_rng(0))[1].tolist() == [600, 400, 300]


def change(file: Path, content: Any) -> None:
    file.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (([], []), "holds 0 label maps"),
        (([encoded(TWO), encoded(TWO[:5])], [(0, 1), (0, 2), (1, 1)]), "holds 2 label maps, .* all of the same size"),
        (([encoded(TWO)], [(0, 1), (0, 2)]), "does not fit its index: 3 things in 2 objects"),
        (([encoded(TWO)], [(0, 1), (0, 2), (1, 1)]), "does not fit its index: 3 things in 3 objects"),
        (([np.zeros(9, np.uint8)], [(0, 1)]), "a label map is not a grey PNG of 8 bits"),
        (([np.zeros(0, np.uint8)], [(0, 1)]), "holds no masks of COCO"),
        ([1, 2, 3], "holds no masks of COCO"),
    ],
)
def test_masks_of_cocolvis_that_are_none(cocolvis: Path, content: Any, sentence: str) -> None:
    source = CocoLvis(cocolvis)
    change(cocolvis / "train" / "masks" / "000000000001.pickle", content)
    with pytest.raises(DatasetError, match=sentence) as caught:
        source.objects(0)
    assert "000000000001.pickle" in str(caught.value)


@pytest.mark.parametrize(
    "content", [[1, 2], {"a": {"hierarchy": {}}}, {"a": {"num_instance_masks": 1, "hierarchy": [1]}}]
)
def test_an_index_of_cocolvis_that_is_none(cocolvis: Path, content: Any) -> None:
    change(cocolvis / "train" / "hannotation.pickle", content)
    with pytest.raises(DatasetError, match=r"hannotation.pickle is not an index of COCO\+LVIS"):
        CocoLvis(cocolvis)


def test_further_faults_of_cocolvis(cocolvis: Path) -> None:
    with pytest.raises(DatasetError, match=r"val/hannotation.pickle cannot be read: No such file"):
        CocoLvis(cocolvis, "val")
    with pytest.raises(ConfigError, match=r"stuff=1.5 is a probability"):
        CocoLvis(cocolvis, stuff=1.5)
    change(cocolvis / "train" / "hannotation.pickle", {})
    with pytest.raises(DatasetError, match="lists no image"):
        CocoLvis(cocolvis)
    change(cocolvis / "train" / "hannotation.pickle", print)
    with pytest.raises(DatasetError, match=r"asks for builtins.print"):
        CocoLvis(cocolvis)


# --- images and masks ---------------------------------------------------------------------------------------------


def test_a_map_has_an_object_for_every_value(tmp_path: Path) -> None:
    for name in ("a.b", "deep", "palette", "alike"):
        write_image(tmp_path / "images" / f"{name}.jpg")
    write_labels(tmp_path / "masks" / "a.b.png", TWO)
    write_labels(tmp_path / "masks" / "deep.png", TWO.astype(np.uint16) * 300)
    indexed = Image.fromarray(TWO).convert("P")
    indexed.putdata(TWO.ravel().tolist())
    indexed.putpalette([0, 0, 0, 9, 9, 9, 9, 9, 9])
    indexed.save(tmp_path / "masks" / "palette.png")
    write_labels(tmp_path / "masks" / "alike.png", np.stack([TWO] * 3, axis=2))
    source = MaskFolder(tmp_path)
    assert source.images == [f"images/{name}.jpg" for name in ("a.b", "alike", "deep", "palette")]
    assert [source.objects(i) for i in range(4)] == [[1, 2], [1, 2], [300, 600], [1, 2]]
    for i in range(4):
        np.testing.assert_array_equal(source.masks(i), np.stack([TWO == 1, TWO == 2]))
    assert source.ignore_mask(0) is None
    ignoring = MaskFolder(tmp_path, ignore_label=2)
    assert ignoring.objects(0) == [1]
    np.testing.assert_array_equal(ignoring.ignore_mask(0), TWO == 2)
    np.testing.assert_array_equal(ignoring.sample(0, 1).truth(), np.select([TWO == 1, TWO == 2], [1, IGNORE]))
    assert source.name == tmp_path.name


def test_one_file_an_object(tmp_path: Path) -> None:
    for name in ("a", "a_1", "b"):
        write_image(tmp_path / "images" / f"{name}.png")
    first, second = rectangles((255, 0, 0, 9, 9)), rectangles((1, 0, 0, 20, 20))
    write_labels(tmp_path / "masks" / "a_2_cup.png", first)
    write_labels(tmp_path / "masks" / "a_x.png", second)
    write_labels(tmp_path / "masks" / "a_1.png", TWO)
    write_labels(tmp_path / "masks" / "a_1_1.png", TWO)
    write_labels(tmp_path / "masks" / "b" / "z.png", first)
    write_labels(tmp_path / "masks" / "b" / "y.png", second)
    (tmp_path / "masks" / "a_1_1.png").unlink()
    source = MaskFolder(tmp_path)
    assert [source.objects(i) for i in range(3)] == [[1, 2], [1, 2], [1, 2]]
    np.testing.assert_array_equal(source.masks(0), np.stack([first > 0, second > 0]))
    np.testing.assert_array_equal(source.masks(1), np.stack([TWO == 1, TWO == 2]))
    np.testing.assert_array_equal(source.masks(2), np.stack([second > 0, first > 0]))


def test_what_has_no_partner_is_left_out_and_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / "images" / f"{name}.png")
    write_labels(tmp_path / "masks" / "a.png", TWO)
    write_labels(tmp_path / "masks" / "c_1.png", TWO)
    write_labels(tmp_path / "masks" / "d" / "1.png", TWO)
    (tmp_path / "masks" / ".hidden.png").write_bytes(b"")
    (tmp_path / "masks" / "notes.txt").write_bytes(b"")
    source = MaskFolder(tmp_path)
    assert source.images == ["images/a.png"]
    told = " ".join(str(fault) for fault in source.faults)
    assert "b.png has no mask" in told
    assert "c_1.png belongs to no image" in told
    assert "masks/d belongs to no image" in told
    assert len(source.faults) == 3


def test_masks_that_cannot_be_told_apart(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    write_labels(tmp_path / "masks" / "a.png", TWO)
    write_labels(tmp_path / "masks" / "a_1.png", TWO)
    with pytest.raises(DatasetError, match=r"a.png has a map, .*a.png, and a file for an object, .*a_1.png"):
        MaskFolder(tmp_path)
    (tmp_path / "masks" / "a_1.png").unlink()
    write_labels(tmp_path / "masks" / "a.bmp", TWO)
    with pytest.raises(DatasetError, match=r"two maps for a: a.bmp and a.png"):
        MaskFolder(tmp_path)
    for path in (tmp_path / "masks").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match=r"no image in .* has a mask in"):
        MaskFolder(tmp_path)
    with pytest.raises(ConfigError, match="ignore_label=0 is the background"):
        MaskFolder(tmp_path, ignore_label=0)


def test_masks_that_cannot_be_read(tmp_path: Path) -> None:
    mask = tmp_path / "masks" / "a.png"
    write_image(tmp_path / "images" / "a.png")
    write_labels(mask, np.stack([TWO, TWO, TWO * 2], axis=2))
    with pytest.raises(DatasetError, match=r"a.png is a map of colours; write labels as grey"):
        MaskFolder(tmp_path).objects(0)
    rng = np.random.default_rng(0)
    write_labels(mask, rng.integers(0, 255, SIZE, np.uint8))
    mask.write_bytes(mask.read_bytes()[:-500])
    with pytest.raises(DatasetError, match=r"a.png is broken, cut short"):
        MaskFolder(tmp_path).objects(0)
    mask.unlink()
    write_labels(tmp_path / "masks" / "a_1.png", TWO[:9])
    with pytest.raises(DatasetError, match=r"a_1.png is 60 pixels wide and 9 high, its image 60 wide and 40 high"):
        MaskFolder(tmp_path).objects(0)
    (tmp_path / "masks" / "a_1.png").unlink()
    write_labels(tmp_path / "masks" / "a.jpg", TWO)
    with pytest.raises(DatasetError, match=r"a.jpg is a JPEG, whose values"):
        MaskFolder(tmp_path).objects(0)


# --- specs --------------------------------------------------------------------------------------------------------


def test_specs(sbd: Path, cocolvis: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write_image(mine / "images" / "a.png")
    write_labels(mine / "masks" / "a.png", TWO)
    sources = open_sources([f"sbd={sbd},smallest_fill=0", f"cocolvis={cocolvis},stuff=1,parts=yes", str(mine)])
    assert list(sources) == ["sbd", "cocolvis", "mine"]
    assert sources["sbd"].objects(0) == [1, 2, 3]
    assert isinstance(sources["mine"], MaskFolder)
    both = open_sources([str(mine), f"masks={mine},name=again,ignore_label=1"])
    assert list(both) == ["mine", "again"]
    assert both["again"].objects(0) == [2]
    assert both["again"].sample(0, 2).name == "again/images/a.png/2"


@pytest.mark.parametrize(
    ("specs", "sentence"),
    [
        ("cocolviz=x", r"'cocolviz=x' is not KIND=FOLDER: no kind of set called .* Did you mean 'cocolvis'\?"),
        ("sbd=.,score=x", r"no setting of sbd called 'score'; .* Did you mean 'scores'\?"),
        ("cocolvis=.,stuff=often", "'often' is not a value for stuff"),
        ("cocolvis=.,parts=1", r"'1' is not a value for parts \(neither yes nor no\)"),
        ([], "no set is named"),
    ],
)
def test_specs_that_say_nothing(specs: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        open_sources(specs)


def test_sets_of_the_same_name(sbd: Path) -> None:
    with pytest.raises(ConfigError, match=r"two sets are called 'sbd', .* write KIND=FOLDER,name=NAME"):
        open_sources([f"sbd={sbd}", f"sbd={sbd}"])


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(DatasetError, match="there is no folder nowhere"):
        open_sources("nowhere")


def test_coco_with_its_parts_elsewhere(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_image(tmp_path / name / "images" / "a.png")
        images = [{"id": 1, "file_name": "images/a.png", "height": SIZE[0], "width": SIZE[1]}]
        annotations = [{"id": 1, "image_id": 1, "segmentation": [[0, 0, 5, 0, 5, 5, 0, 5]]}]
        content = {"images": images, "annotations": annotations}
        (tmp_path / name / "annotations.json").write_text(json.dumps(content))
    assert list(open_sources(str(tmp_path))) == ["one", "two"]
    assert list(open_sources(f"coco={tmp_path}")) == ["one", "two"]
    with pytest.raises(ConfigError, match="holds 2 sets, which cannot all be called 'x'"):
        open_sources(f"coco={tmp_path},name=x")
    moved = (tmp_path / "one" / "annotations.json").rename(tmp_path / "a.json")
    (source,) = open_sources(f"coco={tmp_path},annotations={moved},images={tmp_path / 'one'},name=x").values()
    assert source.name == "x"
    assert source.image(0).shape == (*SIZE, 3)


# --- training on them ---------------------------------------------------------------------------------------------


class Counting(LayeredSource):
    """Says how often files were opened."""

    def __init__(self, images: int, full: frozenset[int]) -> None:
        super().__init__("counting", [f"{i}.png" for i in range(images)])
        self.full, self.opened = full, 0

    def read_layers(self, index: int) -> Any:
        from vpuformer.data.layers import labels_as_layers

        self.opened += 1
        return labels_as_layers(TWO if index in self.full else np.zeros_like(TWO))

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        return np.full((*SIZE, 3), 100 + index // 10 if index in self.full else 0, np.uint8)


def test_a_large_set_is_not_opened_before_it_is_drawn_from() -> None:
    source = Counting(1000, frozenset(range(0, 1000, 10)))
    data = TrainingSet({"counting": source}, size=32, augmentation=PLAIN)
    assert source.opened == 0
    assert len(data) == data.sets["counting"] == 1000
    levels = [int(data[i]["image"].amax()) for i in range(20)]
    assert min(levels) >= 100, "images without objects are passed over"
    assert len(set(levels)) > 5
    assert torch.equal(data[3]["image"], TrainingSet({"counting": source}, size=32, augmentation=PLAIN)[3]["image"])


def test_a_set_without_anything_of_use_says_so() -> None:
    data = TrainingSet({"counting": Counting(5, frozenset())}, size=32)
    with pytest.raises(DatasetError, match="200 images in a row of the set counting showed no object"):
        data[0]


def test_maps_of_the_last_images_are_at_hand() -> None:
    source = Counting(10, frozenset(range(10)))
    for _ in range(3):
        source.objects(0), source.areas(0), source.masks(0), source.size(0)
    assert source.opened == 1
    for i in range(1, 6):
        source.objects(i)
    source.objects(0)
    assert source.opened == 7


def test_every_kind_is_trained_on(sbd: Path, cocolvis: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write_image(mine / "images" / "a.png")
    write_labels(mine / "masks" / "a.png", TWO)
    sources = open_sources([f"sbd={sbd}", f"cocolvis={cocolvis},min_area=250,stuff=0.5", str(mine)])
    split = Split(images={"sbd": frozenset({"img/a.jpg"})})
    data = TrainingSet(sources, split, size=32, objects_per_image=2, augmentation=Augmentation(paste=0.5))
    assert data.sets == {"sbd": 1, "cocolvis": 1, "mine": 1}
    for i in range(30):
        sample = data[i]
        assert sample["truth"].shape == (2, 32, 32)
        assert (sample["truth"] == 1).flatten(1).any(1).all()


class Bare(Source):
    """Writes the four things that a reader has to."""

    name = "bare"
    images = ("only.png",)

    def objects(self, index: int) -> list[int]:  # noqa: ARG002
        return [4, 5]

    def areas(self, index: int) -> npt.NDArray[np.int64]:  # noqa: ARG002
        return np.array([400, 300])

    def image(self, index: int) -> npt.NDArray[np.uint8]:  # noqa: ARG002
        return np.zeros((*SIZE, 3), np.uint8)

    def masks(self, index: int, objects: Any = None) -> Masks:
        chosen = self.objects(index) if objects is None else objects
        return np.stack([number - 3 == TWO for number in chosen]).astype(np.uint8)


def test_four_methods_make_a_set() -> None:
    source = Bare()
    assert len(source) == 1
    assert source.size(0) == SIZE
    np.testing.assert_array_equal(source.union(0), TWO > 0)
    assert [sample.name for sample in source.samples()] == ["bare/only.png/4", "bare/only.png/5"]
    np.testing.assert_array_equal(source.samples()[1].truth(), TWO == 2)
    sample = TrainingSet({"bare": source}, size=32, augmentation=PLAIN)[0]
    assert (sample["truth"] == 1).any()
