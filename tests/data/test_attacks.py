"""Files of data sets that are damaged or made to do harm: each is read, or refused in one sentence."""

import json
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import loadmat, savemat

from vpuformer.data import matlab
from vpuformer.data.file_lists import read_names
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.kinds.coco_lvis import CocoLvis
from vpuformer.data.kinds.sbd import Sbd, read_instances
from vpuformer.data.matlab import read_integers
from vpuformer.data.roots import read_roots
from vpuformer.data.split import Split
from vpuformer.data.unpickle import load_plain
from vpuformer.errors import ConfigError, DatasetError

LABELS = np.kron(np.arange(6).reshape(2, 3), np.ones((4, 5))).astype(np.uint8)

fuzzed = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
DAMAGE = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)), max_size=6
)


def damaged(content: bytes, damage: list[tuple[int, int]], cut: int) -> bytes:
    changed = bytearray(content)
    for place, value in damage:
        changed[place % len(content)] = value
    return bytes(changed[: len(content) - cut])


def mat(path: Path, **options: Any) -> Path:
    savemat(path, {"GTinst": {"Segmentation": LABELS, "Categories": np.eye(3)}}, **options)
    return path


# --- MATLAB -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.int64])
def test_maps_of_matlab_are_read_as_scipy_does(tmp_path: Path, kind: type, compressed: bool) -> None:
    values = LABELS.astype(kind)
    content = {"other": np.eye(3), "GTinst": {"Boundaries": "x", "Segmentation": values, "Categories": np.eye(4)}}
    savemat(tmp_path / "a.mat", content, do_compression=compressed)
    theirs = loadmat(tmp_path / "a.mat")["GTinst"]["Segmentation"][0, 0]
    found = read_instances(tmp_path / "a.mat")
    np.testing.assert_array_equal(found, theirs)
    assert found.dtype == theirs.dtype


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"GTinst": {"Segmentation": np.full((3, 4), 0.5)}}, "holds no integers"),
        ({"GTinst": {"Segmentation": np.zeros((0, 4), np.uint8)}}, r"the sides of its map are \[0, 4\]"),
        ({"GTinst": {"Segmentation": np.zeros((2, 3, 4), np.uint8)}}, r"the sides of its map are \[2, 3, 4\]"),
        ({"GTinst": {"Other": LABELS}}, "GTinst has no field Segmentation"),
        ({"GTinst": LABELS}, "GTinst is not a single struct"),
        ({"GTcls": {"Segmentation": LABELS}}, "there is no GTinst"),
    ],
)
def test_matlab_files_without_a_map(tmp_path: Path, content: Any, sentence: str) -> None:
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(DatasetError, match=sentence):
        read_instances(tmp_path / "a.mat")


def test_a_map_that_grows_when_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matlab, "_LARGEST", 2**16)
    savemat(tmp_path / "a.mat", {"GTinst": {"Segmentation": np.zeros((2**9, 2**8), np.uint8)}}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 2**10
    with pytest.raises(DatasetError, match="larger than"):
        read_instances(tmp_path / "a.mat")


@fuzzed
@given(DAMAGE, st.integers(0, 300), st.booleans())
def test_damaged_maps_of_matlab(tmp_path: Path, damage: list[tuple[int, int]], cut: int, compressed: bool) -> None:
    content = mat(tmp_path / "whole.mat", do_compression=compressed).read_bytes()
    try:
        found = read_integers(damaged(content, damage, cut), "GTinst", "Segmentation")
    except ValueError:
        return
    assert found.ndim == 2


# --- pickles ------------------------------------------------------------------------------------------------------


def png(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".png", labels)[1])


@pytest.fixture
def cocolvis(tmp_path: Path) -> Path:
    folder = tmp_path / "train"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    Image.fromarray(LABELS).save(folder / "images" / "a.jpg")
    masks = [png(LABELS)], [(0, 1), (0, 2), (0, 3)]
    (folder / "masks" / "a.pickle").write_bytes(pickle.dumps(masks, 4))
    (folder / "hannotation.pickle").write_bytes(pickle.dumps({"a": {"num_instance_masks": 2, "hierarchy": {}}}, 4))
    return tmp_path


def read_all(root: Path) -> None:
    source = CocoLvis(root, min_area=0)
    for image in range(len(source)):
        assert len(source.masks(image)) == len(source.objects(image))


def test_the_set_is_in_order(cocolvis: Path) -> None:
    read_all(cocolvis)
    assert CocoLvis(cocolvis, min_area=0).objects(0) == [0, 1]


@pytest.mark.parametrize("number", [10**12, -1, 2.5, float("inf"), "2", None, True])
def test_a_number_of_things_that_is_none(cocolvis: Path, number: Any) -> None:
    index = {"a": {"num_instance_masks": number, "hierarchy": {}}}
    (cocolvis / "train" / "hannotation.pickle").write_bytes(pickle.dumps(index))
    if number is True:  # 1, for Python
        return read_all(cocolvis)
    with pytest.raises(DatasetError, match="is not an index of COCO"):
        read_all(cocolvis)
    return None


@pytest.mark.parametrize("stem", ["../a", "/a", "a\0", 7, ("a",)])
def test_images_lie_in_their_folder(cocolvis: Path, stem: Any) -> None:
    index = {stem: {"num_instance_masks": 1, "hierarchy": {}}}
    (cocolvis / "train" / "hannotation.pickle").write_bytes(pickle.dumps(index))
    with pytest.raises(DatasetError, match="an image is called by the name of a file"):
        CocoLvis(cocolvis)


def large_png(width: int, height: int) -> npt.NDArray[np.uint8]:
    content = png(LABELS).tobytes()
    return np.frombuffer(content[:16] + struct.pack(">II", width, height) + content[24:], np.uint8)


@pytest.mark.parametrize(
    "masks",
    [
        ([large_png(60_000, 60_000)], [(0, 1)] * 3),
        ([large_png(15_000, 15_000)] * 2, [(0, 1)] * 3),
        ([np.frombuffer(b"II*\0 no PNG, but something that OpenCV would open", np.uint8)], [(0, 1)] * 3),
        ([np.asarray(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1])], [(0, 1)] * 3),
        ([[137, 80, 78, 71]], [(0, 1)] * 3),
        ([png(LABELS)], [(0, float("inf"))] * 3),
        ([png(LABELS)], [(0, 10**30)] * 3),
        ([png(LABELS)], [(0, 1)]),
    ],
    ids=str,
)
def test_masks_that_ask_for_too_much(cocolvis: Path, masks: Any) -> None:
    (cocolvis / "train" / "masks" / "a.pickle").write_bytes(pickle.dumps(masks))
    with pytest.raises(DatasetError):
        read_all(cocolvis)


def array_pickle(shape: tuple[int, ...], kind: str, content: bytes) -> bytes:
    """An array as NumPy pickles it, whatever it says of itself."""
    return (
        b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01"
        + pickle.dumps(shape, 3)[2:-1]
        + b"cnumpy\ndtype\nX"
        + struct.pack("<I", len(kind))
        + kind.encode()
        + b"\x89\x88\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89B"
        + struct.pack("<I", len(content))
        + content
        + b"tb."
    )


def test_arrays_are_as_long_as_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.pickle").write_bytes(array_pickle((2, 3), "u1", b"123456"))
    assert load_plain(tmp_path / "a.pickle").tolist() == [[49, 50, 51], [52, 53, 54]]
    sizes = ((2, 10**11), "u1"), ((-6,), "u1"), ((2**63, 2), "i1")
    for shape, kind in (*sizes, ((6,), "O8"), ((6,), "V1"), ((1,), "M8")):
        (tmp_path / "a.pickle").write_bytes(array_pickle(shape, kind, b"123456"))
        with pytest.raises(DatasetError, match=r"a.pickle is broken or no pickle \(an array"):
            load_plain(tmp_path / "a.pickle")


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02Nr\xff\xff\xff\x7f0N.",  # remembered under the number 2**31 - 1
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",
        b"\x80\x04\x96" + struct.pack("<Q", 2**40) + b"x.",
        b"cnumpy\nndarray\n(L100000000000L\ntR.",
        b"cnumpy\nndarray\n(cnumpy\nndarray\nN}X\x08\0\0\0__call__Ns\x86b.",
    ],
)
def test_a_number_in_a_pickle_allocates_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pickle").write_bytes(content)
    tracemalloc.start()
    try:
        assert load_plain(tmp_path / "a.pickle") is None
    except DatasetError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2**20


def test_what_a_pickle_may_call_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.pickle").write_bytes(b"\x80\x02cbuiltins\nset\nN}X\x05\0\0\0_madeNs\x86b.")
    with pytest.raises(DatasetError, match="it has no state"):
        load_plain(tmp_path / "a.pickle")
    (tmp_path / "a.pickle").write_bytes(pickle.dumps({1, 2}))
    assert load_plain(tmp_path / "a.pickle") == {1, 2}


@fuzzed
@given(st.sampled_from(["hannotation.pickle", "masks/a.pickle"]), DAMAGE, st.integers(0, 40))
def test_damaged_pickles(cocolvis: Path, name: str, damage: list[tuple[int, int]], cut: int) -> None:
    path = cocolvis / "train" / name
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, damage, cut))
    try:
        read_all(cocolvis)
    except DatasetError:
        pass
    finally:
        path.write_bytes(whole)


# --- lists, scores, splits, roots, annotations ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a\0b"])
def test_lists_name_files_of_their_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "val.txt").write_text(f"b\n{name}\n")
    with pytest.raises(DatasetError, match="which is not a name of an image in its folder"):
        read_names(tmp_path / "val.txt")
    (tmp_path / "val.txt").write_bytes("\ufeffb 1\r\n".encode())
    assert read_names(tmp_path / "val.txt") == ["b"]


@pytest.mark.parametrize("score", [float("nan"), float("inf"), 10**400])
def test_scores_are_finite(tmp_path: Path, score: float) -> None:
    for folder in ("img", "inst"):
        (tmp_path / folder).mkdir()
    (tmp_path / "train.txt").write_text("a\n")
    (tmp_path / "scores.pkl").write_bytes(pickle.dumps([(0, "a", score)]))
    with pytest.raises(DatasetError, match="is not a list of"):
        Sbd(tmp_path, scores=tmp_path / "scores.pkl")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["set", "file", "annotation", "objects", "pictures", "drop"]), inner)
    ),
    max_leaves=10,
)


@fuzzed
@given(st.sampled_from([None, "objects", "pictures", "drop"]), VALUES)
def test_whatever_a_split_holds_is_read_or_refused(tmp_path: Path, key: str | None, value: Any) -> None:
    whole = {"drop": ["a/b"], "pictures": {"a": ["c"]}, "objects": [{"set": "a", "file": "c", "annotation": 1}]}
    (tmp_path / "split.json").write_text(json.dumps(value if key is None else whole | {key: value}))
    try:
        split = Split.load(tmp_path / "split.json")
    except DatasetError:
        return
    assert all(type(entry.annotation) is int for entry in split.objects)
    assert all(isinstance(name, str) for name in split.drop)


@pytest.mark.parametrize("key", ["drop", "pictures"])
def test_a_text_is_no_list_of_names(tmp_path: Path, key: str) -> None:
    content = {"pictures": {}, "objects": []} | {key: "abc" if key == "drop" else {"set": "abc"}}
    (tmp_path / "split.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="'abc' is not a list of names"):
        Split.load(tmp_path / "split.json")


@pytest.mark.parametrize(
    ("read", "name", "error"),
    [
        (Split.load, "split.json", DatasetError),
        (lambda path: CocoFolder(path.parent), "annotations.json", DatasetError),
        (read_roots, "config.yml", ConfigError),
    ],
)
def test_deep_nesting_is_a_sentence(
    tmp_path: Path, read: Callable[[Path], object], name: str, error: type[Exception]
) -> None:
    (tmp_path / name).write_text("[" * 20_000)
    with pytest.raises(error, match="is nested too deeply"):
        read(tmp_path / name)


@fuzzed
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_whatever_a_config_holds_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.yml").write_bytes(content)
    try:
        read_roots(tmp_path / "config.yml")
    except ConfigError:
        return


def test_the_home_of_nobody_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("GRABCUT_PATH: ~nobody-of-this-name/data\n")
    with pytest.raises(ConfigError, match="~nobody-of-this-name"):
        read_roots(tmp_path / "config.yml")
