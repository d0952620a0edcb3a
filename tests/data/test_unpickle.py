"""Pickles of strangers: what they hold is read, what they would do is not done."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpuformer.data.unpickle import load_plain
from vpuformer.errors import DatasetError


def dumped(path: Path, content: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


class Program:
    """Makes a folder when it is loaded the ordinary way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_containers_numbers_texts_and_arrays(tmp_path: Path, protocol: int) -> None:
    content = {
        "layers": [np.arange(6, dtype=np.uint8), np.eye(2, dtype=np.float32)],
        "scores": [(0, "2008_000002", np.float32(0.5)), (1, b"x", None)],
        "sets": {1, 2},
    }
    loaded = load_plain(dumped(tmp_path / "a.pickle", content, protocol))
    np.testing.assert_array_equal(loaded["layers"][0], content["layers"][0])
    np.testing.assert_array_equal(loaded["layers"][1], content["layers"][1])
    assert loaded["scores"] == content["scores"]
    assert loaded["sets"] == {1, 2}


def test_names_of_numpy_before_its_second_version(tmp_path: Path) -> None:
    new = pickle.dumps([np.arange(3), np.float32(2)], 3)
    assert b"numpy._core" in new
    (tmp_path / "a.pickle").write_bytes(new.replace(b"numpy._core", b"numpy.core"))
    array, number = load_plain(tmp_path / "a.pickle")
    assert array.tolist() == [0, 1, 2]
    assert number == 2


def test_a_program_is_not_run(tmp_path: Path) -> None:
    target = tmp_path / "made by the pickle"
    file = dumped(tmp_path / "a.pickle", [1, Program(target)])
    with pytest.raises(DatasetError, match=r"a.pickle asks for posix.mkdir, .* it was not opened") as caught:
        load_plain(file)
    assert not target.exists()
    assert len(str(caught.value).splitlines()) == 1
    pickle.loads(file.read_bytes())
    assert target.is_dir(), "the pickle was harmless, and the test said nothing"


@pytest.mark.parametrize(
    "content", [OrderedDict(a=1), Path("x"), print, np.testing.assert_equal, np.random.default_rng(0)]
)
def test_any_other_name_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(DatasetError, match="asks for"):
        load_plain(dumped(tmp_path / "a.pickle", content))


def test_a_method_of_what_is_allowed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pickle").write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.")
    with pytest.raises(DatasetError, match=r"asks for numpy.ndarray.tofile"):
        load_plain(tmp_path / "a.pickle")


def test_files_that_are_missing_or_no_pickle(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a.pickle cannot be read: No such file"):
        load_plain(tmp_path / "a.pickle")
    with pytest.raises(DatasetError, match=r"cannot be read: Is a directory"):
        load_plain(tmp_path)
    whole = pickle.dumps(list(range(100)))
    for broken in (b"", b"no pickle", whole[:-20], b"\x80\x63."):
        (tmp_path / "a.pickle").write_bytes(broken)
        with pytest.raises(DatasetError, match=r"a.pickle is broken or no pickle"):
            load_plain(tmp_path / "a.pickle")
