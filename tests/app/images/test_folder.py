"""The images of a folder: which files are listed, in which order, and their paths."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.volumes import write_nifti
from vpuformer.app.images.folder import Folder, version_of
from vpuformer.errors import DatasetError, ImageError


def put(folder: Path, *names: str) -> Path:
    """Files with these names; only their names are looked at."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_images_of_all_folders_are_listed_in_natural_order(tmp_path):
    put(tmp_path, "img10.png", "IMG2.PNG", "img1.png", "b/2.jpeg", "b/10.tif", "b/c/1.webp", "a.txt", "notes.md", "png")
    assert Folder(tmp_path).names == ("b/2.jpeg", "b/10.tif", "b/c/1.webp", "img1.png", "IMG2.PNG", "img10.png")


def test_what_is_hidden_is_left_out(tmp_path):
    put(tmp_path, ".a.png", "._b.png", ".thumbs/c.png", "d/.e/f.png", "g.png")
    folder = Folder(tmp_path)
    assert folder.names == ("g.png",)
    assert folder.left_out == []
    with pytest.raises(ImageError, match="no image"):
        folder.path_of(".a.png")


def test_a_folder_within_a_hidden_one_may_be_given(tmp_path):
    put(tmp_path, ".hidden/images/a.png")
    assert Folder(tmp_path / ".hidden" / "images").names == ("a.png",)


def test_slices_of_a_later_volume_are_listed_on_demand(tmp_path):
    pytest.importorskip("nibabel")
    path = write_nifti(tmp_path / "bold.nii.gz", np.zeros((4, 3, 2, 5), np.int16))
    assert Folder(tmp_path).names == ("bold.nii.gz@z000", "bold.nii.gz@z001")
    folder = Folder(f"{path}@time003")
    assert folder.names == ("bold.nii.gz@time003@z000", "bold.nii.gz@time003@z001")
    assert folder.path_of(folder.names[1]) == path.resolve().with_name(folder.names[1])
    with pytest.raises(ImageError, match="has no volume 5; it holds the volumes 0 to 4"):
        Folder(f"{path}@time005")


def test_a_name_leads_to_its_file(tmp_path):
    put(tmp_path, "b/ü 1.png")
    path = Folder(tmp_path).path_of("b/ü 1.png")
    assert path == (tmp_path / "b" / "ü 1.png").resolve()
    assert path.is_absolute()


def test_a_name_that_is_no_text_is_left_out(tmp_path):
    put(tmp_path, "a.png")
    odd = os.fsencode(tmp_path) + b"/\xff.png"
    try:
        Path(os.fsdecode(odd)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    folder = Folder(tmp_path)
    assert folder.names == ("a.png",)
    assert "not text" in folder.left_out[0]
    with pytest.raises(ImageError, match="not text") as caught:
        Folder(os.fsdecode(odd))
    str(caught.value).encode()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may read everything")
def test_folders_that_may_not_be_read(tmp_path):
    put(tmp_path, "a.png", "b/c.png")
    (tmp_path / "b").chmod(0)
    try:
        folder = Folder(tmp_path)
        with pytest.raises(DatasetError, match="cannot be read"):
            Folder(tmp_path / "b")
    finally:
        (tmp_path / "b").chmod(0o700)
    assert folder.names == ("a.png",)
    assert "'b/' cannot be read" in folder.left_out[0]


def test_a_folder_that_cannot_be_listed_further_down_is_told(tmp_path, monkeypatch):
    put(tmp_path, "a.png", "b/c.png")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name in ("b", "closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    folder = Folder(tmp_path)
    assert folder.names == ("a.png",)
    assert folder.left_out == ["the folder 'b/' cannot be read (Permission denied)"]
    (tmp_path / "closed").mkdir()
    with pytest.raises(DatasetError, match=r"closed cannot be read \(Permission denied\); choose a folder"):
        Folder(tmp_path / "closed")


def test_a_single_image(tmp_path):
    put(tmp_path, "b.png")
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "scan")  # what it is called does not matter where it is given by name
    folder = Folder(tmp_path / "scan")
    assert folder.names == ("scan",)
    assert folder.root == tmp_path.resolve()
    assert folder.path_of("scan") == (tmp_path / "scan").resolve()
    with pytest.raises(ImageError, match="there is no image"):
        folder.path_of("b.png")


def test_a_single_image_by_a_relative_path(tmp_path, monkeypatch):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    folder = Folder("a.png")
    monkeypatch.chdir("/")
    assert folder.path_of("a.png") == (tmp_path / "a.png").resolve()


def test_what_is_no_folder_of_images(tmp_path):
    (tmp_path / "empty").mkdir()
    put(tmp_path, "notes.txt", "text.png", "only/notes.txt")
    (tmp_path / "only" / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "nothing.png").touch()
    for name, error, expected in (
        ("missing", DatasetError, "there is no .*missing; check the path"),
        ("a\0b", DatasetError, "cannot be reached"),
        ("empty", DatasetError, "empty holds no image; put files there that end in .*.jpg.*.png"),
        ("only", DatasetError, "holds no image that can be listed: 'link' is a link to a folder"),
        ("notes.txt", ImageError, "cannot be read as an image"),
        ("text.png", ImageError, "cannot be read as an image"),
        ("nothing.png", ImageError, "is an empty file"),
        ("notes.txt/a.png", DatasetError, "there is no"),
    ):
        with pytest.raises(error, match=expected) as caught:
            Folder(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_version_is_that_of_the_file(tmp_path):
    path = put(tmp_path, "a.png") / "a.png"
    folder = Folder(tmp_path)
    versions = [folder.version("a.png")]
    assert folder.version("a.png") == versions[0] == version_of(path)
    assert versions[0].isalnum()
    assert len(versions[0]) == 16
    time_then = path.stat().st_mtime_ns
    path.write_bytes(b"xy")
    os.utime(path, ns=(time_then, time_then))
    versions.append(folder.version("a.png"))
    os.utime(path, ns=(time_then, time_then + 1_000_000))
    versions.append(folder.version("a.png"))
    other = put(tmp_path, "new") / "new"
    other.write_bytes(b"yx")
    os.utime(other, ns=(time_then, time_then + 1_000_000))
    other.replace(path)
    versions.append(folder.version("a.png"))
    assert len(set(versions)) == 4
    path.unlink()
    with pytest.raises(ImageError, match="cannot be reached"):
        version_of(path)


def test_many_files_are_listed_quickly(tmp_path):
    for number in range(5000):
        (tmp_path / f"img_{number}.jpg").touch()
    start = time.perf_counter()
    names = Folder(tmp_path).names
    took = time.perf_counter() - start
    assert names == tuple(f"img_{number}.jpg" for number in range(5000))
    assert took < 5  # 0.06 s on an idle machine


def test_threads_may_ask(tmp_path):
    put(tmp_path, *(f"{number}.png" for number in range(50)))
    folder = Folder(tmp_path)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len({folder.path_of(name) for name in folder.names})))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [50] * 4


def test_images_of_formats_that_are_not_read_are_reported(tmp_path):
    for name in ("a.HEIC", "b.heic", "sub/c.dng", "notes.txt", ".d.heic", "e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    folder = Folder(tmp_path)
    assert folder.names == ("e.png",)
    assert sorted(folder.left_out) == [
        "1 .dng image, a format that is not read; convert to JPEG or PNG",
        "2 .heic images, a format that is not read; convert to JPEG or PNG",
    ]
    (tmp_path / "e.png").unlink()
    with pytest.raises(DatasetError, match=r"holds no image that can be listed: 2 \.heic images"):
        Folder(tmp_path)
