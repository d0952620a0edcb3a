"""Slices of NIfTI volumes: seen alike whatever the order of the axes, and refused in one sentence when broken."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.volumes import MARK, SHAPE, oriented, write_nifti
from vpuformer.errors import ConfigError, ImageError, VPUFormerError
from vpuformer.images import image_size, nifti, read_image, read_labels, slice_path, slices_of
from vpuformer.images.remarks import read_with_remarks

nibabel = pytest.importorskip("nibabel")

ORDERS = ["RAS", "LPS", "LAS", "PIR", "ASL", "SLA", "RPI"]


def brightest(path: Path) -> tuple[int, int]:
    image = read_image(path)
    assert image.shape[:2] == image_size(path)
    row, column = np.unravel_index(image[:, :, 0].argmax(), image.shape[:2])
    return int(row), int(column)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_slices_look_as_radiologists_expect(tmp_path, order, ending):
    path = write_nifti(tmp_path / f"scan{ending}", *oriented(order))
    right, front, head = (SHAPE[axis] - 1 - MARK[axis] for axis in range(3))
    number = {
        axis: MARK[index] if order.find(towards) >= 0 else SHAPE[index] - 1 - MARK[index]
        for index, (axis, towards) in enumerate(zip("xyz", "RAS", strict=True))
    }
    # The patient's right is left, the front or the head is up; of a sagittal slice the front is left.
    assert brightest(slice_path(path, number["z"], axis="z")) == (front, right)
    assert brightest(slice_path(path, number["y"], axis="y")) == (head, right)
    assert brightest(slice_path(path, number["x"], axis="x")) == (head, front)


def test_slices_are_counted_as_they_are_stored_along_the_coarsest_direction(tmp_path):
    values, affine = oriented("PIR")
    path = write_nifti(tmp_path / "scan.nii.gz", values, affine)
    assert [each.name for each in slices_of(path)] == [f"scan.nii.gz@z{index:03}" for index in range(6)]
    shown = read_image(slice_path(path, 1))
    assert set(np.unique(shown)) <= set(np.unique(np.concatenate([read_image(each) for each in slices_of(path)])))
    assert slice_path(path, 1).name == "scan.nii.gz@z001"
    with pytest.raises(ImageError, match=r"6 slices; choose one, such as .*@z003"):
        read_image(path)


def test_an_oblique_volume_is_shown_along_its_own_axes(tmp_path):
    values, affine = oriented("RAS")
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    path = write_nifti(tmp_path / "scan.nii", values, turn @ affine)
    assert brightest(slice_path(path, 4)) == (2, 9)


def test_all_slices_share_a_range_and_a_window_may_be_given(tmp_path):
    values = np.zeros((4, 4, 3), np.int16)
    values[..., 1], values[..., 2] = 100, 1000
    path = write_nifti(tmp_path / "scan.nii", values)
    grey = [int(read_image(each)[0, 0, 0]) for each in slices_of(path)]
    assert grey == [0, 26, 255]
    _, remarks = read_with_remarks(slice_path(path, 1))
    assert remarks == ("16 bits per channel: shown from 0 to 1000 (percentiles of the volume)",)
    shown, remarks = read_with_remarks(slice_path(path, 1, window=(100, 200)))
    assert shown[0, 0, 0] == 128
    assert remarks == ("16 bits per channel: shown from 0 to 200 (window 100,200)",)


def test_scaled_values_are_those_of_the_scanner(tmp_path):
    path = tmp_path / "scan.nii"
    image = nibabel.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    image.header.set_slope_inter(2, -1024)
    image.to_filename(path)
    _, remarks = read_with_remarks(slice_path(path, 0, window=(-1000, 100)))
    assert remarks == ("floating point: shown from -1050 to -950 (window -1000,100)",)


@pytest.mark.parametrize("slope", [0, np.nan, np.inf])
def test_a_slope_that_scales_nothing_leaves_the_values(tmp_path, slope):
    path = write_nifti(tmp_path / "scan.nii", np.arange(8, dtype=np.int16).reshape(2, 2, 2))
    content = bytearray(path.read_bytes())
    struct.pack_into("<f", content, 112, slope)
    path.write_bytes(content)
    assert read_labels(slice_path(path, 1), (2, 2)).tolist() == [[7, 3], [5, 1]]


def test_values_that_a_damaged_file_has_changed_are_noticed(tmp_path):
    path = write_nifti(tmp_path / "scan.nii.gz", np.arange(8, dtype=np.int16).reshape(2, 2, 2))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # of the checksum
    path.write_bytes(content)
    with pytest.raises(ImageError, match="broken"):
        read_image(slice_path(path, 1))


def test_a_head_that_is_mended_is_not_spoken_of(tmp_path, capfd):
    path = write_nifti(tmp_path / "scan.nii", np.arange(8, dtype=np.int16).reshape(2, 2, 2))
    content = bytearray(path.read_bytes())
    struct.pack_into("<3f", content, 80, 0, 0, 0)
    path.write_bytes(content)
    assert read_image(slice_path(path, 1)).shape == (2, 2, 3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 1, 1)])
def test_a_volume_of_one_slice_is_an_image(tmp_path, shape):
    path = write_nifti(tmp_path / "one.nii.gz", np.arange(20, dtype=np.float32).reshape(shape))
    assert slices_of(path) == [path]
    assert image_size(path) == (4, 5)
    assert read_image(path).shape == (4, 5, 3)


@pytest.mark.parametrize("later", [(5,), (2, 3)])
def test_of_several_volumes_any_one_is_shown_in_the_range_of_the_first(tmp_path, later):
    values = np.random.default_rng(1).integers(0, 900, (4, 3, 2, *later)).astype(np.int16)
    path = write_nifti(tmp_path / "four.nii.gz", values)
    volumes = values.reshape(4, 3, 2, -1, order="F")
    image, remarks = read_with_remarks(slice_path(path, 1, axis="z"))
    count = volumes.shape[-1]
    assert remarks[0] == f"the first of {count} volumes; the next is four.nii.gz@time001@z001"
    first = write_nifti(tmp_path / "first.nii", volumes[..., 0])
    np.testing.assert_array_equal(image, read_image(slice_path(first, 1, axis="z")))
    low, high = nifti.opened_volume(first).range
    for time in range(count):
        image, remarks = read_with_remarks(slice_path(path, 1, axis="z", time=time))
        assert remarks[0] == f"volume {time} of {count}, counted from 0"
        shown = (low + high) / 2, high - low
        alone = write_nifti(tmp_path / f"{time}.nii", volumes[..., time])
        np.testing.assert_array_equal(image, read_image(slice_path(alone, 1, axis="z", window=shown)))
    names = [each.name for each in slices_of(slice_path(path, time=2))]
    assert names == ["four.nii.gz@time002@z000", "four.nii.gz@time002@z001"]
    assert [each.name for each in slices_of(path)] == ["four.nii.gz@z000", "four.nii.gz@z001"]


def test_a_volume_that_is_not_there_is_refused(tmp_path):
    several = write_nifti(tmp_path / "four.nii", np.zeros((4, 3, 2, 5), np.int16))
    single = write_nifti(tmp_path / "one.nii", np.zeros((4, 3, 2), np.int16))
    Image.new("L", (3, 2)).save(tmp_path / "a.png")
    for use in (read_image, image_size):
        with pytest.raises(ImageError, match="has no volume 5; it holds the volumes 0 to 4"):
            use(slice_path(several, 1, time=5))
        with pytest.raises(ImageError, match="has no volume 1; it holds one volume"):
            use(slice_path(single, 1, time=1))
        with pytest.raises(ImageError, match="holds one image; leave @time001 out"):
            use(slice_path(tmp_path / "a.png", time=1))
    with pytest.raises(ConfigError, match="volumes are counted from 0, got -1"):
        slice_path(several, 1, time=-1)


def test_pixels_that_are_not_square_are_said(tmp_path):
    path = write_nifti(tmp_path / "scan.nii", *oriented("RAS"))
    _, remarks = read_with_remarks(slice_path(path, 2, axis="y"))
    assert remarks[0] == "pixels are 2 wide and 5 high, shown as squares"


def test_colours_and_label_volumes_are_read(tmp_path):
    colours = np.zeros((3, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = 200
    path = write_nifti(tmp_path / "rgb.nii", colours)
    assert read_image(slice_path(path, 1))[0, 0].tolist() == [0, 200, 0]
    labels = np.zeros((3, 2, 2), np.uint8)
    labels[2, 1, 0] = 7
    path = write_nifti(tmp_path / "labels.nii", labels)
    assert read_labels(slice_path(path, 0), (2, 3))[0, 0] == 7


def test_only_the_slice_is_read_from_a_file_that_is_not_compressed(tmp_path, monkeypatch):
    path = write_nifti(tmp_path / "scan.nii", np.zeros((64, 64, 200), np.int16))
    read = 0
    from vpuformer.images import nifti

    whole = nifti.Nifti.plane

    def counted(self, *arguments):
        nonlocal read
        read += 1
        return whole(self, *arguments)

    monkeypatch.setattr(nifti.Nifti, "plane", counted)
    for number in range(20):
        read_image(slice_path(path, number))
    assert read == 20 + 16  # and once a sample of the volume


@pytest.mark.parametrize(
    ("index", "axis", "said"),
    [(6, None, "has no slice z 6; its slices are 0 to 5"), (0, "page", "without pages"), (None, None, "choose one")],
)
def test_a_slice_that_is_not_there_is_refused(tmp_path, index, axis, said):
    path = write_nifti(tmp_path / "scan.nii", *oriented("RAS"))
    for use in (read_image, image_size):
        with pytest.raises(ImageError, match=said):
            use(slice_path(path, index, axis=axis))


def test_slices_of_other_images_are_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (3, 2)).save(path)
    assert slices_of(path) == [path]
    for use in (read_image, image_size):
        with pytest.raises(ImageError, match="holds one image; leave @z003 out"):
            use(slice_path(path, 3, axis="z"))
    for arguments in ({"index": -1}, {"index": 1, "axis": "q"}, {"index": None, "axis": "z"}):
        with pytest.raises(ConfigError):
            slice_path(path, **arguments)


def broken(whole: bytes) -> dict[str, bytes]:
    """Files that end early, or whose head claims what is not so."""
    head = bytearray(whole)
    huge, empty, strange, flat = (bytearray(head) for _ in range(4))
    struct.pack_into("<8h", huge, 40, 7, *[32767] * 7)
    struct.pack_into("<8h", empty, 40, 3, 4, 0, 4, 1, 1, 1, 1)
    struct.pack_into("<h", strange, 70, 1234)
    struct.pack_into("<8h", flat, 40, 1, 4, 1, 1, 1, 1, 1, 1)
    return {
        "head": whole[:300],
        "cut": whole[:-7],
        "huge": bytes(huge),
        "empty": bytes(empty),
        "type": bytes(strange),
        "axis": bytes(flat),
        "zeros": bytes(344) + whole[344:],
        "packed": gzip.compress(whole)[:-30],
        "packed-huge": gzip.compress(bytes(huge)),
        "packed-noise": gzip.compress(whole)[:200] + bytes(range(256)),
    }


@pytest.mark.parametrize(
    "kind", ["head", "cut", "huge", "empty", "type", "axis", "zeros", "packed", "packed-huge", "packed-noise"]
)
def test_what_is_broken_ends_in_one_sentence(tmp_path, kind, capfd):
    whole = write_nifti(tmp_path / "scan.nii", *oriented("RAS")).read_bytes()
    path = tmp_path / ("broken.nii.gz" if kind.startswith("packed") else "broken.nii")
    path.write_bytes(broken(whole)[kind])
    with pytest.raises(VPUFormerError) as caught:
        read_image(slice_path(path, 5, axis="z"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_volume_that_is_not_shown_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(nifti, "_unpacked", lambda *_: pytest.fail("unpacked"))
    content = bytearray(write_nifti(tmp_path / "scan.nii", *oriented("RAS")).read_bytes())
    struct.pack_into("<2h", content, 42, 32000, 32000)
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ImageError, match="32000x32000, 1024 million pixels"):
        read_image(slice_path(path, 1, axis="z"))
