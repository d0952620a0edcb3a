import errno
from pathlib import Path

import pytest

from vpuformer.files import replacing


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "note.txt"
    target.write_text("before")
    with replacing(target) as temporary:
        temporary.write_text("after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_older_file(tmp_path: Path, problem: BaseException) -> None:
    target = tmp_path / "note.txt"
    target.write_text("before")

    def fail_halfway() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise problem

    with pytest.raises(type(problem)):
        fail_halfway()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error_and_not_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "note.txt"):
        pass
    assert list(tmp_path.iterdir()) == []
