"""Features on disk: exact, bounded, and safe from other processes, kills and broken files."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.errors import ConfigError, InputError
from vpuformer.inference import feature_store
from vpuformer.inference.feature_store import FeatureStore, cache_folder, feature_key
from vpuformer.inference.network import Arrays, Network
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.runtimes import load_network
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.session import Session
from vpuformer.inference.zoom import ViewSettings
from vpuformer.prompts import Box, Click, Scribble

KEYS = [f"{number:064x}" for number in range(20)]
SIZE = 1000  # elements of an array: 4 kB on disk, and somewhat more with the names


def arrays(seed: int) -> dict[str, npt.NDArray[np.float32]]:
    return {"map": np.random.default_rng(seed).normal(size=SIZE).astype(np.float32)}


def same(one: Arrays | None, other: Arrays) -> bool:
    """Whether names, types, shapes, order of axes in memory, and bits are equal."""
    return one is not None and {name: _facts(part) for name, part in one.items()} == {
        name: _facts(part) for name, part in other.items()
    }


def _facts(part: npt.NDArray[Any]) -> tuple[object, ...]:
    return part.dtype, part.shape, part.strides, part.tobytes()


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store")


@pytest.fixture
def size(store: FeatureStore) -> int:
    """Bytes of a file of `arrays`."""
    store.put(KEYS[0], arrays(0))
    size = store.nbytes
    shutil.rmtree(store.folder)
    return size


# --- exact ------------------------------------------------------------------------------------------------------------


@given(
    dtype=st.sampled_from(["float32", "float16", "int64", "uint8", "bool"]),
    shape=st.lists(st.integers(2, 4), max_size=4),
    data=st.data(),
)
def test_arrays_come_back_to_the_bit_and_lie_in_memory_as_before(
    dtype: str, shape: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    axes = data.draw(st.permutations(range(len(shape))))
    content = np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)
    kept = {"lateral.half": content.transpose(axes), "key": content, "file": content + content}
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    store.put(KEYS[0], kept)
    assert same(store.get(KEYS[0]), kept)


def answers(segmenter: VPUFormerSegmenter, image: npt.NDArray[np.uint8]) -> list[Prediction]:
    predictor = Predictor(segmenter)
    predictor.set_image(image)
    session = Session(predictor)
    prompts = (Box(10, 5, 50, 40), Click(20, 20), Scribble([(40, 10), (50, 30)], positive=False))
    return [session.add(prompt) for prompt in prompts]


@pytest.fixture(scope="module")
def networks(model: Path) -> dict[str, Network]:
    """The bundled weights in ONNX Runtime, and random ones in PyTorch."""
    return {"onnx": load_network("default", "cpu", "onnx", threads=1), "torch": load_network(model, "cpu", "torch")}


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_answers_are_the_same_to_the_bit(
    runtime: str, flip: bool, networks: dict[str, Network], store: FeatureStore, image: npt.NDArray[np.uint8]
) -> None:
    network, views = networks[runtime], ViewSettings(flip=flip)
    without = answers(VPUFormerSegmenter(network, views=views), image)
    for name in ("writing", "reading"):
        with_store = answers(VPUFormerSegmenter(network, views=views, sha256="ab", features=store), image)
        for one, other in zip(without, with_store, strict=True):
            assert one.logits is not None
            assert np.array_equal(one.logits, other.logits), name
            assert np.array_equal(one.probability, other.probability), name
    assert (store.writes, store.hits) == (1 + flip, 1 + flip)


def test_the_image_encoder_runs_once_for_an_image(
    networks: dict[str, Network], store: FeatureStore, image: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = VPUFormerSegmenter(networks["onnx"], sha256="ab", features=store)
    segmenter.encode(image)
    monkeypatch.setattr(segmenter.network, "encode", lambda *_: pytest.fail("the image encoder ran"))
    segmenter.encode(image.copy())
    changed = image.copy()
    changed[0, 0] += 1
    with pytest.raises(pytest.fail.Exception, match="the image encoder ran"):
        segmenter.encode(changed)


def test_other_weights_and_other_inputs_have_other_features(image: npt.NDArray[np.uint8]) -> None:
    inputs = [("a", image), ("b", image), ("a", image[:, ::-1]), ("a", image[:-1]), ("a", image.reshape(64, 48, 3))]
    assert len({feature_key(*each) for each in inputs}) == len(inputs)
    assert feature_key("a", image) == feature_key("a", image.copy())


def test_runtimes_share_features(
    networks: dict[str, Network], store: FeatureStore, image: npt.NDArray[np.uint8]
) -> None:
    network = load_network("default", "cpu", "torch")
    VPUFormerSegmenter(network, sha256="ab", features=store).encode(image)
    reading = VPUFormerSegmenter(networks["onnx"], sha256="ab", features=store)
    for mine, theirs in zip(answers(reading, image), answers(VPUFormerSegmenter(network), image), strict=True):
        assert (mine.mask == theirs.mask).mean() > 0.999
    assert store.hits == 1


def test_a_store_needs_the_digest_of_the_weights(networks: dict[str, Network], store: FeatureStore) -> None:
    with pytest.raises(ConfigError, match="give the digest"):
        VPUFormerSegmenter(networks["onnx"], features=store)


# --- bounded ----------------------------------------------------------------------------------------------------------


def test_the_features_used_longest_ago_make_room(store: FeatureStore, size: int) -> None:
    store.max_bytes = 3 * size
    for number, key in enumerate(KEYS[:3]):
        store.put(key, arrays(number))
        os.utime(store.folder / f"{key}.npz", (number, number))
    assert store.get(KEYS[0]) is not None  # used now
    store.put(KEYS[3], arrays(3))
    assert [store.get(key) is not None for key in KEYS[:4]] == [True, False, True, True]


def test_the_bound_holds_after_every_write(store: FeatureStore, size: int) -> None:
    store.max_bytes = int(4.5 * size)
    for number, key in enumerate(KEYS):
        store.put(key, arrays(number))
        assert store.nbytes == min(number + 1, 4) * size


def test_features_larger_than_the_bound_displace_nothing(store: FeatureStore) -> None:
    store.max_bytes = 3 * SIZE * 4
    store.put(KEYS[0], arrays(0))
    store.put(KEYS[1], {"map": np.zeros(SIZE * 4, np.float32)})
    assert store.get(KEYS[0]) is not None
    assert store.get(KEYS[1]) is None


def test_other_files_in_the_folder_stay(store: FeatureStore, size: int) -> None:
    store.max_bytes = size
    store.folder.mkdir()
    names = ("cafe.npz", "holiday.jpg", ".note.tmp", f"{KEYS[0]}.npz.bak", ".0123456789abcdef.tmp")
    others = [store.folder / name for name in names]  # the last one is being written by another process
    for path in others:
        path.write_bytes(b"mine" * SIZE)
    for key in KEYS[:3]:
        store.put(key, arrays(0))
    assert all(path.exists() for path in others)
    assert store.nbytes == size


def test_a_bound_is_positive(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="positive number of bytes, got 0"):
        FeatureStore(tmp_path, max_bytes=0)


def test_a_store_that_is_read_only_stays_as_it_is(store: FeatureStore) -> None:
    reader = FeatureStore(store.folder, read_only=True)
    reader.put(KEYS[0], arrays(0))
    assert reader.get(KEYS[0]) is None
    assert not store.folder.exists()
    store.put(KEYS[0], arrays(0))
    assert same(reader.get(KEYS[0]), arrays(0))


def test_a_folder_that_cannot_be_made_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="choose a folder that you may write to"):
        FeatureStore(tmp_path / "file" / "store").put(KEYS[0], arrays(0))


# --- shared and killed ------------------------------------------------------------------------------------------------


def test_an_image_is_answered_if_its_features_cannot_be_written(
    image: npt.NDArray[np.uint8], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = FeatureStore(tmp_path / "file" / "store")
    predictor = Predictor.from_pretrained("default", "cpu", runtime="onnx", features=store)
    for _ in range(2):
        predictor.set_image(image)
        assert predictor.predict([Click(30, 20)]).mask.shape == image.shape[:2]
    assert [record.message.count("features are computed, and not kept") for record in caplog.records] == [1]
    assert store.write_error is not None


def test_threads_may_write_and_read_the_same_features(store: FeatureStore, size: int) -> None:
    store.max_bytes = 5 * size

    def work(first: int) -> None:
        for number in (*range(first, 10), *range(first)):
            store.put(KEYS[number], arrays(number))
            kept = store.get(KEYS[number])
            assert kept is None or same(kept, arrays(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert 0 < store.nbytes <= store.max_bytes


WRITER = """
import sys, numpy as np
from vpuformer.inference.feature_store import FeatureStore
store = FeatureStore(sys.argv[1], max_bytes=int(sys.argv[2]))
while True:
    for number in range(20):
        store.put(f"{number:064x}", {"map": np.full(50_000, number, np.float32)})
"""


def test_killed_writers_leave_nothing_half_written(store: FeatureStore, caplog: pytest.LogCaptureFixture) -> None:
    bound = 2_000_000
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(store.folder), str(bound)]
        writers = [subprocess.Popen(command) for _ in range(2)]
        try:
            deadline = time.monotonic() + 60
            while store.nbytes < bound // 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.05)
        finally:
            for writer in writers:
                writer.kill()
        assert [writer.wait() for writer in writers] == [-signal.SIGKILL] * 2
        for path in store.folder.glob("*.npz"):
            kept = store.get(path.stem)
            assert kept is not None
            assert (kept["map"] == int(path.stem, 16)).all()
            path.unlink()
    assert not caplog.records
    left = list(store.folder.iterdir())  # temporary files of the killed writers, if any
    for path in left:
        os.utime(path, (0, 0))
    store.max_bytes = 210_000
    store.put(KEYS[0], {"map": np.zeros(50_000, np.float32)})
    assert [path.name for path in store.folder.iterdir()] == [f"{KEYS[0]}.npz"]


# --- broken -----------------------------------------------------------------------------------------------------------


def test_a_file_that_was_changed_is_read_as_before_or_not_at_all(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    # Larger than the 4096 bytes that zipfile reads ahead, and with a shape that one flipped bit makes smaller.
    kept = {"map": np.arange(77 * 70, dtype=np.float32).reshape(77, 70)}
    store.put(KEYS[0], kept)
    path = store.folder / f"{KEYS[0]}.npz"
    content = path.read_bytes()
    places = [*range(200), *range(200, len(content) - 800, 1000), *range(len(content) - 800, len(content), 2)]
    for i in places:
        flipped = content[:i] + bytes([content[i] ^ 2]) + content[i + 1 :]
        for damaged in (flipped, content[:i], content[:i] + b"PK" + content[i:])[: 1 if i % 10 else 3]:
            path.write_bytes(damaged)
            read = store.get(KEYS[0])
            assert read is None or same(read, kept)
    assert len(caplog.records) > len(places) / 2


def _renamed(folder: Path) -> None:
    FeatureStore(folder).put(KEYS[1], arrays(1))
    (folder / f"{KEYS[1]}.npz").rename(folder / f"{KEYS[0]}.npz")


def _pickled(folder: Path) -> None:
    with (folder / f"{KEYS[0]}.npz").open("wb") as file:
        np.savez(file, content=np.array([KEYS[0], "map."]), **{"map.": np.array({"run": "anything"}, object)})


def _incomplete(folder: Path) -> None:
    with (folder / f"{KEYS[0]}.npz").open("wb") as file:
        np.savez(file, content=np.array([KEYS[0], "map.0", "other.0"]), **{"map.0": np.ones(3)})


FOREIGN: dict[str, Callable[[Path], object]] = {
    "features of another image": _renamed,
    "a part of the features": _incomplete,
    "a pickle": _pickled,
    "text": lambda folder: (folder / f"{KEYS[0]}.npz").write_text("features"),
    "nothing": lambda folder: (folder / f"{KEYS[0]}.npz").touch(),
    "an array": lambda folder: (
        np.save(folder / "map.npy", np.ones(3)) or (folder / "map.npy").rename(folder / f"{KEYS[0]}.npz")
    ),
}


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_file_counts_as_missing_and_is_reported_and_replaced(
    content: str, store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.folder.mkdir()
    FOREIGN[content](store.folder)
    with caplog.at_level(logging.WARNING):
        assert store.get(KEYS[0]) is None
    (record,) = caplog.records
    assert f"{KEYS[0]}.npz is broken (" in record.getMessage()
    assert "computed again" in record.getMessage()
    store.put(KEYS[0], arrays(0))
    assert same(store.get(KEYS[0]), arrays(0))


def test_an_image_whose_file_is_broken_is_encoded_again(
    networks: dict[str, Network],
    store: FeatureStore,
    image: npt.NDArray[np.uint8],
    caplog: pytest.LogCaptureFixture,
) -> None:
    segmenter = VPUFormerSegmenter(networks["onnx"], sha256="ab", features=store)
    segmenter.encode(image)
    (path,) = store.folder.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    segmenter.encode(image)
    assert len(caplog.records) == 1
    assert (store.writes, store.hits) == (2, 0)
    segmenter.encode(image)
    assert store.hits == 1


# --- places -----------------------------------------------------------------------------------------------------------


def test_the_folder_for_caches_is_that_of_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("VPUFORMER_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    expected = {"linux": ".cache/vpuformer", "darwin": "Library/Caches/vpuformer"}
    expected["win32"] = "AppData/Local/vpuformer/Cache"
    for platform, folder in expected.items():
        monkeypatch.setattr(feature_store.sys, "platform", platform)
        assert cache_folder() == tmp_path / folder
    monkeypatch.setattr(feature_store.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "vpuformer"
    monkeypatch.setenv("VPUFORMER_CACHE", str(tmp_path / "mine"))
    assert FeatureStore().folder == tmp_path / "mine" / "features"


def test_a_folder_that_cannot_be_listed_is_a_sentence(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "scandir", fail_with(PermissionError(13, "Permission denied")))
    with pytest.raises(InputError, match="Permission denied; choose a folder"):
        store.put(KEYS[0], arrays(0))


def test_a_file_in_place_of_the_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert FeatureStore(tmp_path / "file").nbytes == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a user of Windows has a profile")
def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VPUFORMER_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", fail_with(RuntimeError("Could not determine home directory.")))
    with pytest.raises(ConfigError, match="name a folder in VPUFORMER_CACHE"):
        FeatureStore()


def fail_with(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail
