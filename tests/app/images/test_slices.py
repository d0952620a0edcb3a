"""Slices of volumes in the list of the app, and the window they are shown in."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from support.volumes import oriented, write_dicom, write_nifti, write_series
from vpuformer.app.images.folder import Folder, version_of
from vpuformer.app.images.gallery import Gallery
from vpuformer.app.images.open_images import open_image
from vpuformer.app.images.originals import notes_on_files
from vpuformer.app.images.thumbnails import thumbnail
from vpuformer.app.store.store import Store
from vpuformer.errors import ImageError
from vpuformer.images import heads, read_image
from vpuformer.images.addresses import Window

STACK = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)


def put_stack(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / "stack.tif", STACK, photometric="minisblack")


def test_pages_are_listed_behind_their_file(tmp_path):
    put_stack(tmp_path)
    tifffile.imwrite(tmp_path / "one.tiff", STACK[0])
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    folder = Folder(tmp_path)
    assert folder.names == ("broken.tif", "one.tiff", "stack.tif", "stack.tif@page001", "stack.tif@page002")
    path = folder.path_of("stack.tif@page002")
    assert path == tmp_path / "stack.tif@page002"
    assert np.array_equal(open_image(path).rgb, read_image(path))
    assert thumbnail(path)
    assert Folder(tmp_path / "stack.tif").names == folder.names[2:]
    assert Folder(tmp_path / "stack.tif@page001").names == ("stack.tif@page001",)
    with pytest.raises(ImageError, match=r"no image 'stack.tif@page003'"):
        folder.path_of("stack.tif@page003")


def test_the_window_of_the_store_is_that_of_person_and_network_and_stays(tmp_path):
    put_stack(tmp_path)
    store = Store(tmp_path / "a.sqlite")
    assert store.window is None
    for window in (Window(10, 10), Window(20.5, 40)):
        store.set_window(window)
        assert store.window == window
    folder = Folder(tmp_path)
    before = folder.version("stack.tif")
    gallery = Gallery(folder, store)
    (first, *_) = gallery.listed()
    image = gallery.image(first.id)
    assert image.range == (0.5, 40.5)
    assert image.notes[-1] == "16 bits per channel: shown from 0.5 to 40.5 (window 20.5,40)"
    assert np.array_equal(image.rgb, read_image(folder.path_of("stack.tif")))
    assert image.version == folder.version("stack.tif") != before
    assert version_of(tmp_path / "stack.tif") == before
    gallery.opened.close()
    store.close()


def test_slices_are_files_for_the_notes_of_an_export(tmp_path):
    put_stack(tmp_path)
    store = Store(tmp_path / "a.sqlite")
    gallery = Gallery(Folder(tmp_path), store)
    for row in gallery.listed():
        gallery.size(row.id)
        store.change_image(row.id, done=True)
    assert notes_on_files(store, tmp_path) == []
    (tmp_path / "stack.tif").unlink()
    assert notes_on_files(store, tmp_path)[0].startswith("3 images cannot be read any more")
    gallery.opened.close()
    store.close()


def test_a_volume_is_listed_slice_by_slice(tmp_path):
    pytest.importorskip("nibabel")
    write_nifti(tmp_path / "scan.nii.gz", *oriented("LPS"))
    write_nifti(tmp_path / "flat.nii", np.zeros((4, 3), np.float32))
    (tmp_path / "broken.nii").write_bytes(b"x")
    (tmp_path / "other.gz").write_bytes(b"x")
    folder = Folder(tmp_path)
    assert folder.names == ("broken.nii", "flat.nii", *(f"scan.nii.gz@z{k:03}" for k in range(6)))
    assert open_image(folder.path_of("scan.nii.gz@z004")).range is not None
    with pytest.raises(ImageError, match=r"broken\.nii"):
        open_image(folder.path_of("broken.nii"))


def test_a_series_is_listed_in_the_order_of_its_positions(tmp_path):
    pytest.importorskip("pydicom")
    names = ["IM3.dcm", "IM1.dcm", "IM20", "IM5.dcm", "1.2.840.7", "IM4.dcm"]
    write_series(tmp_path / "a", names)
    write_series(tmp_path / "b", names[:2])
    write_dicom(tmp_path / "cine.dcm", np.zeros((2, 4, 3), np.uint8))
    (tmp_path / "notes").write_text("no image")
    report = write_dicom(tmp_path / "DICOMDIR", STACK[0])
    import pydicom

    data = pydicom.dcmread(report)
    del data.Rows, data.PixelData
    data.save_as(report)
    shutil.copy(report, tmp_path / "report.dcm")
    folder = Folder(tmp_path)
    series = [*(f"a/{name}" for name in names), "b/IM3.dcm", "b/IM1.dcm"]
    assert folder.names == (*series, "cine.dcm@frame000", "cine.dcm@frame001")
    assert folder.left_out == [f"{tmp_path / 'report.dcm'} is a DICOM file without an image; give one with pixels"]
    write_series(tmp_path / "b", names[:3])
    folder.refresh()
    assert folder.names[6:9] == ("b/IM3.dcm", "b/IM1.dcm", "b/IM20")


def test_without_the_extra_medical_files_are_said_to_need_it(tmp_path, monkeypatch):
    put_stack(tmp_path)
    (tmp_path / "a.dcm").write_bytes(b"x")
    (tmp_path / "b.nii.gz").write_bytes(b"x")
    (tmp_path / "IM1").write_bytes(bytes(128) + b"DICM")
    monkeypatch.setattr(heads, "missing", lambda _: ["nibabel"])
    folder = Folder(tmp_path)
    assert len(folder.names) == 3
    assert sorted(folder.left_out)[0] == (
        "1 .dcm image, which the extra medical reads; install it with: pip install 'vpuformer[medical]'"
    )


def test_a_name_that_stands_for_a_slice_of_another_file_is_left_out(tmp_path):
    pytest.importorskip("pydicom")
    folder = tmp_path / "scans@z001"
    folder.mkdir()
    write_dicom(folder / "IM1", np.zeros((2, 4, 3), np.uint8))
    write_dicom(folder / "IM1@frame001", np.zeros((4, 3), np.uint8))
    listed = Folder(folder)
    assert listed.names == ("IM1@frame000", "IM1@frame001")
    assert listed.left_out == ["'IM1@frame001' has a name that stands for a slice of another file; rename it"]
