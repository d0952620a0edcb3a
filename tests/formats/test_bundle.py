"""Files of an import come from a file, an archive or a folder, and never from elsewhere."""

import io
import zipfile
from pathlib import Path

import pytest

from vpuformer.errors import MaskError
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.reading import read_annotations


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_folder_has_the_files_of_its_archive(tmp_path: Path) -> None:
    files = {"a.json": b"{}", "sub/b.txt": b"text", ".hidden": b"", "sub/.c": b""}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "a.zip").write_bytes(packed(**files))
    archive = Bundle(tmp_path / "a.zip")
    (tmp_path / "a.zip").unlink()
    folder = Bundle(tmp_path)
    assert sorted(folder.names) == sorted(archive.names) == ["a.json", "sub/b.txt"]
    assert folder.read("sub/b.txt") == archive.read("sub/b.txt") == b"text"
    assert (folder.alone, archive.alone, Bundle(tmp_path / "a.json").alone) == (False, False, True)
    assert (archive.source, folder.source) == ("a.zip", tmp_path.name)


def test_paths_of_an_archive_may_begin_with_the_folder_itself() -> None:
    assert Bundle(packed(**{"./a.json": b"{}", "./sub/b.txt": b"", "./.c": b""})).names == ("a.json", "sub/b.txt")


def test_endings_may_be_in_capitals() -> None:
    shapes = b'{"shapes": [], "imagePath": "a.jpg"}'
    xml = b"<annotation><object><name>cup</name></object></annotation>"
    for content in ({"A.JSON": shapes}, {"labels/A.TXT": b"0 .5 .5 .5 .5"}, {"Annotations/A.XML": xml}):
        _, found = read_annotations(Bundle(packed(**content)))
        assert [image.name for image in found.images] == ["A"]


def test_links_out_of_a_folder_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "set" / "a.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "set" / "b.json").write_text("{}")
    assert Bundle(tmp_path / "set").names == ("b.json",)


def test_a_list_of_classes_names_its_data_set(tmp_path: Path) -> None:
    (tmp_path / "set" / "labels").mkdir(parents=True)
    (tmp_path / "set" / "data.YAML").write_text("names: [cup]")
    with pytest.raises(MaskError, match=r"the folder of data\.YAML holds no labels of YOLO, labels/IMAGE\.txt, nor"):
        read_annotations(Bundle(tmp_path / "set" / "data.YAML"))
    (tmp_path / "set" / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2")
    bundle = Bundle(tmp_path / "set" / "data.YAML")
    assert (bundle.source, bundle.names, bundle.alone) == ("set", ("data.YAML", "labels/a.txt"), False)
    with pytest.raises(MaskError, match="cannot be read"):
        Bundle(tmp_path / "set" / "gone.yaml")


def test_paths_that_lead_out_of_an_archive_stay_in_it() -> None:
    bundle = Bundle(packed(**{"../../etc/passwd": b"mine", "/etc/hosts": b"mine too"}))
    assert bundle.names == ("etc/hosts",)
    assert bundle.read("etc/hosts") == b"mine too"


def test_an_archive_that_unpacks_to_far_more_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vpuformer.formats.bundle.MAX_JSON", 100_000)
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed(**{f"{number}.png": bytes(1_000_000) for number in range(9)}))
    with pytest.raises(MaskError, match=r"of 0\.0 MB unpacks to 9 MB, more than 200 times as much"):
        Bundle(path)


def test_the_content_of_json_files_is_not_kept_beyond_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.formats.bundle._KEPT_JSON", 10)
    bundle = Bundle(packed(**{"a.json": b'{"shapes": []}', "b.json": b'[{"data": {}}]'}))
    first = bundle.json("a.json")
    assert bundle.json("a.json") is first
    assert bundle.jsons(dict, "shapes") == ["a.json"]
    assert bundle.jsons(list, "data") == ["b.json"]
    assert bundle.json("a.json") is not first


@pytest.mark.parametrize("name", ["none.json", "a\0b"])
def test_a_path_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises((MaskError, ValueError), match=r"cannot be read|null"):
        Bundle(tmp_path / name)
