import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from vpuformer.app.images.scanning import Scanner


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that are read from the disk."""
    folders: list[str] = []
    scandir = os.scandir

    def noted(path: Path) -> Any:
        folders.append(path.name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    return folders


def settle(*folders: Path) -> None:
    """Let the last change of the folders be long ago."""
    past = time.time() - 100
    for folder in folders:
        os.utime(folder, (past, past))


def test_only_folders_that_have_changed_are_read_again(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    for name in ("a.png", "one/b.png", "two/c.png", "two/d.heic"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    settle(root, root / "one", root / "two")
    monkeypatch.setattr("vpuformer.app.images.scanning._SETTLED", -1)  # the time of utime itself is now
    scanner = Scanner(root)
    first = scanner.scan()
    assert sorted(first.names) == ["a.png", "one/b.png", "two/c.png"]
    assert (sorted(read), len(first.left_out)) == (["one", "root", "two"], 1)
    read.clear()
    assert (scanner.scan(), read) == (first, [])
    (root / "one" / "new.png").touch()
    assert (sorted(scanner.scan().names), read) == (["a.png", "one/b.png", "one/new.png", "two/c.png"], ["one"])
    read.clear()
    (root / "two" / "c.png").unlink()
    (root / "one" / "deep").mkdir()
    (root / "one" / "deep" / "e.png").touch()
    assert sorted(scanner.scan().names) == ["a.png", "one/b.png", "one/deep/e.png", "one/new.png"]
    assert sorted(read) == ["deep", "one", "two"]


def test_a_folder_that_changed_just_now_is_read_again(tmp_path: Path, read: list[str]) -> None:
    (tmp_path / "a.png").touch()
    scanner = Scanner(tmp_path)
    scanner.scan()
    scanner.scan()
    assert len(read) == 2, "a file that comes at once may leave the folder's time as it is"


def test_a_stack_that_was_seen_while_it_was_copied_is_read_again(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpuformer.app.images.scanning._SETTLED", -1)
    whole, part = tmp_path / "whole", tmp_path / "part"
    for folder in (whole, part):
        folder.mkdir()
    tifffile.imwrite(whole / "a.tif", np.zeros((3, 40, 50), np.uint8), photometric="minisblack")
    content = (whole / "a.tif").read_bytes()
    scanner = Scanner(part)
    with (part / "a.tif").open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        settle(part)
        assert scanner.scan().names == ["a.tif"]
        file.write(content[len(content) // 2 :])
    assert scanner.scan().names == ["a.tif", "a.tif@page001", "a.tif@page002"]
    read.clear()
    assert (len(scanner.scan().names), read) == (3, [])


def test_a_folder_with_links_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.app.images.scanning._SETTLED", -1)
    (tmp_path / "link.png").symlink_to(tmp_path / "deep" / "a.png")
    scanner = Scanner(tmp_path)
    assert scanner.scan().names == []
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.png").touch()
    assert sorted(scanner.scan().names) == ["deep/a.png", "link.png"]
