"""Names that must lead nowhere, and links in a folder of images."""

import os
from pathlib import Path

import pytest
from PIL import Image

from vpuformer.app.images.folder import Folder
from vpuformer.errors import DatasetError, ImageError


def put(folder: Path, *names: str) -> Path:
    """Files with these names; only their names are looked at."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png",
        "b/../../outside.png",
        "b/../a.png",
        "./a.png",
        "a.png/",
        "/etc/passwd",
        "a.png\0",
        "\0",
        "",
        ".",
        "b",
        "B/a.png",
        "b\\a.png",
        "notes.txt",
        "\ud800.png",
        "x" * 100_000,
    ],
)
def test_no_other_name_leads_anywhere(tmp_path, name):
    root = put(tmp_path / "root", "a.png", "b/a.png", "notes.txt")
    put(tmp_path, "outside.png")
    with pytest.raises(ImageError, match="there is no image") as caught:
        Folder(root).path_of(name)
    assert len(str(caught.value)) < 700
    str(caught.value).encode()


def test_neither_does_the_absolute_path_of_a_listed_image(tmp_path):
    put(tmp_path, "a.png")
    with pytest.raises(ImageError, match="there is no image"):
        Folder(tmp_path).path_of(str(tmp_path / "a.png"))


def test_links_within_the_folder_are_followed_and_others_are_not(tmp_path):
    root = put(tmp_path / "root", "a.png", "data/b.png")
    put(tmp_path, "secret.png", "elsewhere/c.png")
    (root / "inside.png").symlink_to(root / "data" / "b.png")
    (root / "outside.png").symlink_to(tmp_path / "secret.png")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    (root / "dangling.png").symlink_to(root / "missing.png")
    (root / "dangling.txt").symlink_to(root / "missing.txt")
    folder = Folder(root)
    assert folder.names == ("a.png", "data/b.png", "inside.png")
    assert folder.path_of("inside.png") == (root / "data" / "b.png").resolve()
    said = " ".join(folder.left_out)
    assert len(folder.left_out) == 3
    assert "'outside.png' is a link that leads out" in said
    assert "'folder' is a link to a folder" in said
    assert "dangling.png" in said
    for name in ("outside.png", "folder/c.png"):
        with pytest.raises(ImageError, match="there is no image"):
            folder.path_of(name)


def test_a_file_or_folder_that_becomes_a_link_out_is_refused(tmp_path):
    root = put(tmp_path / "root", "a.png", "b/c.png")
    put(tmp_path, "secret.png", "elsewhere/c.png")
    folder = Folder(root)
    (root / "a.png").unlink()
    (root / "a.png").symlink_to(tmp_path / "secret.png")
    (root / "b" / "c.png").unlink()
    (root / "b").rmdir()
    (root / "b").symlink_to(tmp_path / "elsewhere")
    for name in ("a.png", "b/c.png"):
        for ask in (folder.path_of, folder.version):
            with pytest.raises(ImageError, match="out of the folder"):
                ask(name)


def test_links_in_a_loop_do_not_hang(tmp_path):
    put(tmp_path, "a.png", "b/c.png")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    folder = Folder(tmp_path)
    assert folder.names == ("a.png", "b/c.png")
    with pytest.raises(DatasetError, match="cannot be reached"):
        Folder(tmp_path / "one")


def test_the_folder_itself_may_be_a_link(tmp_path):
    put(tmp_path / "real", "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folder = Folder(tmp_path / "link")
    assert folder.root == (tmp_path / "real").resolve()
    assert folder.path_of("a.png").is_file()


def test_a_file_that_has_vanished_or_become_something_else(tmp_path):
    put(tmp_path, "a.png", "b/c.png", "d.png")
    folder = Folder(tmp_path)
    (tmp_path / "a.png").unlink()
    (tmp_path / "b" / "c.png").unlink()
    (tmp_path / "b").rmdir()
    put(tmp_path, "b")
    (tmp_path / "d.png").unlink()
    (tmp_path / "d.png").mkdir()
    for name, expected in (("a.png", "there is no"), ("b/c.png", "there is no"), ("d.png", "is not a file")):
        for ask in (folder.path_of, folder.version):
            with pytest.raises(ImageError, match=expected):
                ask(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_no_image(tmp_path):
    put(tmp_path, "a.png", "b.png")
    os.mkfifo(tmp_path / "pipe.png")
    folder = Folder(tmp_path)
    assert folder.names == ("a.png", "b.png")
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match="is not a file"):
        folder.path_of("a.png")
    with pytest.raises(ImageError, match="is not a file"):
        Folder(tmp_path / "pipe.png")


def test_a_link_to_a_single_image_elsewhere(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"b.png is a link to .*a.png"):
        Folder(tmp_path / "links" / "b.png")
