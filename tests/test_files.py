import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.errors import DatasetError, InputError
from vpuformer.files import MAX_BYTES, natural_order, read_json, replacing, write_file


@given(st.lists(st.text("aB0129/", min_size=1, max_size=8)))
def test_natural_order_is_total_and_knows_numbers(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural_order) == sorted(backwards, key=natural_order)
    assert natural_order("x9") < natural_order("X10") < natural_order("x11/a")
    assert natural_order("x02") != natural_order("x2")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "note.txt"
    target.write_text("before")
    with replacing(target) as temporary:
        temporary.write_text("after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


def test_a_text_with_the_name_of_any_file_is_written(tmp_path: Path) -> None:
    write_file(tmp_path / "page.md", f"ä and {os.fsdecode(b'im' + bytes([0x81]))}")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == r"ä and im\udc81"


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_older_file(tmp_path: Path, problem: BaseException) -> None:
    target = tmp_path / "note.txt"
    target.write_text("before")

    def fail_halfway() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise problem

    with pytest.raises(InputError if isinstance(problem, OSError) else KeyboardInterrupt):
        fail_halfway()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error_and_not_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file"), replacing(tmp_path / "note.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_devices_pipes_and_huge_files_are_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for path, reason in (
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "huge.json", "has more than 1000 MB"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "none", "cannot be read: No such file"),
        (tmp_path / "a\0b", "cannot be read: .*null"),
    ):
        with pytest.raises(DatasetError, match=reason):
            read_json(path, error=DatasetError)
