"""Masks and label maps, and the writing of files."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from vpuformer.errors import ImageError, InputError, MaskError
from vpuformer.images import (
    check_mask,
    read_foreground,
    read_image,
    read_labels,
    read_mask,
    read_meaning,
    write_image,
    write_mask,
)

# Not symmetric in any way, 4 pixels wide and 3 high.
RGB = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
GREY = RGB[:, :, 0]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_a_mask_of_any_mode_is_0_and_1(tmp_path, mode):
    mask = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    Image.fromarray(mask).convert(mode).save(tmp_path / "a.png")
    read = read_mask(tmp_path / "a.png", size=(2, 3))
    assert read.dtype == np.float32
    assert np.array_equal(read, mask > 0)


def test_indices_of_a_palette_are_labels(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2, 255]], np.uint8)).convert("P")
    image.putpalette([value for index in range(256) for value in (index, 0, 0)])
    image.putdata([0, 1, 2, 255])
    image.save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=r"a\.png holds 2 labels: 1, 2 \(indices of a palette; 255 is ignored"):
        read_mask(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png", label=2).tolist() == [[0, 0, 1, 0]]
    assert read_foreground(tmp_path / "a.png").tolist() == [[False, True, True, True]]
    assert read_labels(tmp_path / "a.png").tolist() == [[0, 1, 2, 255]]


def test_grey_masks_are_fractions_unless_they_hold_0_and_1(tmp_path):
    for stored, expected in [
        (np.array([[0, 51, 255]], np.uint8), [0, 0.2, 1]),
        (np.array([[0, 1, 0]], np.uint8), [0, 1, 0]),
        (np.array([[0, 0, 0]], np.uint8), [0, 0, 0]),
        (np.array([[0, 13107, 65535]], np.uint16), [0, 0.2, 1]),
        (np.array([[0, 1, 0]], np.uint16), [0, 1, 0]),
    ]:
        Image.fromarray(stored).save(tmp_path / "a.png")
        assert read_mask(tmp_path / "a.png")[0].tolist() == pytest.approx(expected)


def test_colours_are_labels_where_they_are_not_black(tmp_path):
    colours = np.array([[[0, 0, 0], [64, 0, 0], [0, 0, 9]]], np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=r"a\.png holds 2 labels: #000009, #400000; choose one"):
        read_mask(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png", label=0x400000).tolist() == [[0, 1, 0]]
    assert read_foreground(tmp_path / "a.png").tolist() == [[False, True, True]]


def test_masks_of_floats_and_deep_colours_in_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 0.25, 1]], np.float32))
    assert read_mask(tmp_path / "a.tif").tolist() == [[0, 0.25, 1]]
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 0.5, 3.5]], np.float32))
    with pytest.raises(MaskError, match=r"the mask .*a.tif holds floats from 0 to 3.5, wanted probabilities in 0..1"):
        read_mask(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", np.full((2, 2, 3), 65535, np.uint16), photometric="rgb")
    assert read_mask(tmp_path / "a.tif").tolist() == [[1, 1], [1, 1]]


def test_further_frames_of_a_mask_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[[0, 255]]] * 3, np.uint8), photometric="minisblack")
    assert read_meaning(tmp_path / "a.tif").taken == "a binary mask of 0 and 255, the first of 3 frames"


@pytest.mark.parametrize(
    ("alpha", "expected"), [([[0, 255]], [[0, 1]]), ([[0, 1]], [[0, 1]]), ([[1, 2, 0]], [[1, 2, 0]])]
)
def test_labels_in_the_alpha_channel(tmp_path, alpha, expected):
    alpha = np.array(alpha, np.uint8)
    Image.fromarray(np.dstack([np.full_like(alpha, 255)] * 3 + [alpha])).save(tmp_path / "a.png")
    assert read_labels(tmp_path / "a.png").tolist() == expected


@pytest.mark.parametrize("read", [read_mask, read_labels, read_image])
def test_a_null_character_in_a_path_is_one_sentence(read):
    with pytest.raises(InputError, match=r"cannot be opened \(embedded null byte\)|there is no file"):
        read("a\0b.png")


def test_a_mask_of_another_size_names_both_sizes(tmp_path):
    write_mask(tmp_path / "a.png", np.zeros((3, 5), bool))
    expected = "a.png is 5 pixels wide and 3 high, its image 3 wide and 5 high; give a mask of the very same size"
    for read in (read_mask, read_labels):
        with pytest.raises(MaskError, match=expected):
            read(tmp_path / "a.png", size=(5, 3))


def test_labels_are_read_as_they_are_stored(tmp_path):
    for stored, expected in [
        (np.array([[0, 128, 255]], np.uint8), [0, 128, 255]),
        (np.array([[0, 300, 65535]], np.uint16), [0, 300, 65535]),
        (np.array([[False, True, True]]), [0, 1, 1]),
        (np.array([[[1, 9, 9], [2, 9, 9], [3, 9, 9]]], np.uint8), [1, 2, 3]),
    ]:
        Image.fromarray(stored).save(tmp_path / "a.png")
        labels = read_labels(tmp_path / "a.png")
        assert np.issubdtype(labels.dtype, np.integer)
        assert labels[0].tolist() == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (np.int16, [-1, 0, 3]),
        (np.uint32, [0, 4_000_000_000]),
        (np.int64, [-(2**60), 2**60]),
        (np.float16, [-1, 0, 3]),
        (np.float32, [-1, 0, 3]),
        (np.float64, [0, 2**40]),
    ],
)
def test_labels_of_any_number_type_keep_their_values(tmp_path, kind, values):
    tifffile.imwrite(tmp_path / "a.tif", np.array([values], kind))
    assert read_labels(tmp_path / "a.tif")[0].tolist() == values


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf"), 1e300])
def test_what_is_no_whole_number_is_no_label(tmp_path, value):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 1, value]]))
    with pytest.raises(MaskError, match=r"a.tif holds the value .* at 1 of 3 pixels; labels are whole numbers"):
        read_labels(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[True, False]]), [1, 0]),
        (np.array([[1, 0]], np.uint8), [1, 0]),
        (np.array([[255, 0]], np.uint8), [1, 0]),
        (np.array([[1, 0]]), [1, 0]),
        (np.array([[0.25, 1.0]]), [0.25, 1]),
        (np.array([[-1e-5, 1 + 1e-5]], np.float32), [0, 1]),
        ([[0.5, 0.75]], [0.5, 0.75]),
        (np.array([[0, 3]], np.uint8), [0, 1]),
        (np.array([[0, 200.0]]), [0, 1]),
        (np.array([[-1, 1]], np.int8), [0, 1]),
        (np.array([[51, 255]], np.uint8), [np.float32(0.2), 1]),
    ],
)
def test_arrays_that_are_masks(values, expected):
    mask = check_mask(values, (1, 2))
    assert mask.dtype == np.float32
    assert mask[0].tolist() == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0.5, np.nan]]), "replace what is not a number"),
        (np.array([[np.nan, 0.5]]), "floats from nan to nan"),
        (np.array([[-3.0, 4.0]]), r"floats from -3 to 4, wanted probabilities in 0..1; pass logits"),
        (np.array([[2, 3]], np.uint8), r"the mask holds 2 labels: 2, 3; choose one of them, such as labels == 2"),
        (np.array([[7.0, 255.0]]), "2 labels: 7, 255"),
        (np.array([[0, 1], [1, 0]]), "the mask is 2 pixels wide and 2 high, its image 2 wide and 1 high"),
        (np.zeros((1, 2, 1)), r"an array of shape \(1, 2, 1\)"),
        (np.zeros((1, 0)), "0 pixels wide"),
        (np.array([["a", "b"]]), "of type <U1"),
    ],
)
def test_arrays_that_are_no_masks(values, message):
    with pytest.raises(MaskError, match=message):
        check_mask(values, (1, 2))


def test_masks_come_back_as_they_were_written(tmp_path):
    rng = np.random.default_rng(0)
    decided = rng.random((5, 7)) < 0.5
    write_mask(tmp_path / "a.png", decided)
    with Image.open(tmp_path / "a.png") as file:
        assert file.mode == "L"
    assert np.array_equal(read_mask(tmp_path / "a.png"), decided)
    probability = rng.random((5, 7), dtype=np.float32)
    write_mask(tmp_path / "a.PNG", probability)
    assert np.abs(read_mask(tmp_path / "a.PNG") - probability).max() <= 0.5 / 255 + 1e-6


def test_a_mask_longer_than_opencv_writes_is_written(tmp_path):
    mask = np.arange(1_000_001)[None] % 3 == 0
    write_mask(tmp_path / "a.png", mask)
    assert np.array_equal(read_mask(tmp_path / "a.png"), mask)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.tiff"])
def test_images_come_back_as_they_were_written(tmp_path, name):
    write_image(tmp_path / name, RGB[:, ::-1])
    assert np.array_equal(read_image(tmp_path / name), RGB[:, ::-1])


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_images_come_back_nearly_as_they_were_written(tmp_path, name):
    smooth = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    write_image(tmp_path / name, smooth)
    assert np.abs(read_image(tmp_path / name).astype(int) - smooth).max() <= 3


@pytest.mark.parametrize(
    ("name", "mask", "error", "message"),
    [
        (
            "a.jpg",
            np.zeros((2, 2), bool),
            ImageError,
            "written as PNG, which keeps every pixel, not as 'a.jpg'",
        ),
        ("a", np.zeros((2, 2), bool), ImageError, "not as 'a'"),
        ("no/a.png", np.zeros((2, 2), bool), ImageError, "there is no folder .*no to write a.png in; make it first"),
        ("a.png", np.zeros((2, 2, 3)), MaskError, r"has the shape \(height, width\), got \(2, 2, 3\)"),
        ("a.png", np.zeros((0, 2)), MaskError, "got"),
        ("a.png", np.full((2, 2), 1.5), MaskError, "bool or floats in 0..1, got float64 from 1.5 to 1.5; threshold it"),
        ("a.png", np.full((2, 2), np.nan), MaskError, "from nan to nan"),
        ("a.png", np.full((2, 2), 7, np.uint8), MaskError, "got uint8 from 7 to 7"),
    ],
)
def test_masks_that_cannot_be_written(tmp_path, name, mask, error, message):
    with pytest.raises(error, match=message):
        write_mask(tmp_path / name, mask)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.xyz", RGB, r"no image format ends as 'a.xyz' does; end the name in one of .bmp, .jpeg, .jpg, .png"),
        ("no/a.png", RGB, "there is no folder"),
        ("a.png", RGB.astype(float), r"uint8 of shape \(height, width, 3\), got float64 .* read_image first"),
        ("a.png", GREY, r"got uint8 of shape \(3, 4\)"),
        ("a.webp", np.zeros((1, 20000, 3), np.uint8), "WEBP cannot hold an image of 20000x1 pixels .* write PNG"),
    ],
)
def test_images_that_cannot_be_written(tmp_path, name, image, message):
    with pytest.raises(ImageError, match=message):
        write_image(tmp_path / name, image)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_target(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageError, match=r"a.png is a folder; give the name of a file"):
        write_mask(tmp_path / "a.png", np.zeros((2, 2), bool))


def test_a_full_disk_is_one_sentence_and_leaves_the_older_file(tmp_path, monkeypatch):
    write_mask(tmp_path / "a.png", np.ones((2, 2), bool))

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ImageError, match=r"a.png cannot be written: the disk is full; make room"):
        write_mask(tmp_path / "a.png", np.zeros((2, 2), bool))
    with pytest.raises(ImageError, match=r"b.png cannot be written: the disk is full"):
        write_image(tmp_path / "b.png", RGB)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert read_mask(tmp_path / "a.png").all()


def test_a_folder_without_permission_is_one_sentence(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(ImageError, match=r"cannot be written: Permission denied; choose a folder"):
        write_image(tmp_path / "a.png", RGB)


def test_a_program_that_is_stopped_leaves_nothing_behind(tmp_path, monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "a.png", RGB)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    write_image(tmp_path / "a.png", RGB)
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode
