"""Pages of TIFF files, and smaller copies of images that are too large."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from vpuformer.errors import ImageError
from vpuformer.images import image_size, loading, read_image, read_labels, slice_path, slices_of, tiff
from vpuformer.images.remarks import read_with_remarks

STACK = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6) * 100


def test_pages_are_slices_and_the_first_has_the_name_of_the_file(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack")
    assert [each.name for each in slices_of(path)] == ["stack.tif", *(f"stack.tif@page00{k}" for k in (1, 2, 3))]
    shown = np.stack([read_image(each)[:, :, 0] for each in slices_of(path)])
    assert np.array_equal(shown, np.rint(STACK / STACK.max() * 255))  # all in one range
    assert np.array_equal(read_image(slice_path(path, 0)), read_image(path))
    assert image_size(slice_path(path, 3)) == (5, 6)
    assert read_with_remarks(slice_path(path, 3))[1] == (
        "16 bits per channel: shown from 0 to 11900 (range of the pages)",
    )
    for use in (read_image, image_size):
        with pytest.raises(ImageError, match="has no page 4; its pages are 0 to 3"):
            use(slice_path(path, 4))
        with pytest.raises(ImageError, match="leave @z001 out"):
            use(slice_path(path, 1, axis="z"))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "jpeg", None])
def test_compressed_pages_of_colours(tmp_path, compression):
    pages = [Image.new("RGB", (16, 8), (60 * number, 9, 9)) for number in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression=compression)
    for number in range(3):
        assert abs(int(read_image(slice_path(tmp_path / "a.tif", number))[2, 3, 0]) - 60 * number) <= 2


def test_channels_of_a_microscope_have_a_range_each(tmp_path):
    values = np.zeros((2, 3, 4, 5), np.uint16)  # z, channel
    values[:, :, 0, 0] = 100, 1000, 10_000
    values[1] *= 2
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, values, metadata={"axes": "ZCYX"})
    assert len(slices_of(path)) == 6
    tops = [round(int(read_image(each)[0, 0, 0]) / 255, 1) for each in slices_of(path)]
    assert tops == [0.5, 0.5, 0.5, 1, 1, 1]


def test_smaller_copies_are_no_slices(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(2):
            for step in (1, 2):
                page = np.full((32 // step, 64 // step), 50 * number, np.uint8)
                file.write(page, subfiletype=int(step > 1), metadata=None)
    assert [each.name for each in slices_of(tmp_path / "a.tif")] == ["a.tif", "a.tif@page001"]
    image = read_image(slice_path(tmp_path / "a.tif", 1))
    assert image.shape == (32, 64, 3)
    assert image[0, 0, 0] == 50


def test_a_smaller_copy_before_the_image_is_not_the_image(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for value, side, kind in ((9, 8, 1), (50, 32, 0), (100, 32, 0)):
            file.write(np.full((side, side), value, np.uint8), subfiletype=kind, metadata=None)
    assert [each.name for each in slices_of(tmp_path / "a.tif")] == ["a.tif", "a.tif@page001"]
    for name, value in (("a.tif", 50), ("a.tif@page001", 100)):
        assert image_size(tmp_path / name) == (32, 32)
        assert read_image(tmp_path / name)[0, 0, 0] == value


@pytest.mark.parametrize("inside", [False, True])
def test_of_an_image_that_is_too_large_the_largest_copy_that_is_not_is_shown(tmp_path, monkeypatch, inside):
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as file:
        for step in (1, 2, 4):
            page = np.full((64 // step, 96 // step, 3), 20 * step, np.uint8)
            own = {"subifds": 2} if inside and step == 1 else {}
            file.write(page, photometric="rgb", subfiletype=int(step > 1), metadata=None, **own)
    assert read_image(path).shape == (64, 96, 3)
    for module in (tiff, loading):
        monkeypatch.setattr(module, "MAX_PIXELS", 2000)
    image, remarks = read_with_remarks(path)
    assert image.shape == (32, 48, 3)
    assert image[0, 0, 0] == 40
    assert remarks == ("a smaller copy in the file, level 1: 48x32 of 96x64 pixels",)
    assert image_size(path) == (32, 48)
    assert slices_of(path) == [path]
    monkeypatch.setattr(tiff, "MAX_PIXELS", 200)
    monkeypatch.setattr(loading, "MAX_PIXELS", 200)
    with pytest.raises(ImageError, match="96x64"):
        read_image(path)


def test_a_mask_may_be_a_page(tmp_path):
    tifffile.imwrite(tmp_path / "labels.tif", STACK // 100, photometric="minisblack")
    assert read_labels(slice_path(tmp_path / "labels.tif", 2), (5, 6))[0, 1] == 61


def test_a_page_that_is_broken_leaves_the_others(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        at, length = file.pages[3].dataoffsets[0], file.pages[3].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[at : at + length] = bytes(length)
    path.write_bytes(content)
    assert read_image(path).max() == round(STACK[0].max() / STACK[2].max() * 255)
    with pytest.raises(ImageError, match="broken"):
        read_image(slice_path(path, 3))


def test_a_stack_that_is_broken_behind_its_first_page(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK[:, :2], photometric="minisblack", metadata=None)
    whole = path.read_bytes()
    for length in range(9, len(whole), 31):
        path.write_bytes(whole[:length])
        try:
            for each in slices_of(path):
                read_image(each)
        except ImageError as error:
            assert str(path) in str(error)  # noqa: PT017


def test_pages_that_form_a_circle_are_not_followed(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.zeros((150, 2, 2), np.uint16), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as file:
        first, last = file.pages[0].offset, file.pages[149].offset
    content = bytearray(path.read_bytes())
    (tags,) = struct.unpack_from("<H", content, last)
    struct.pack_into("<I", content, last + 2 + 12 * tags, first)
    path.write_bytes(content)
    assert slices_of(path) == [path]
    assert read_image(path).shape == (2, 2, 3)
    with pytest.raises(ImageError, match="has no page 1; its pages are 0 to 0"):
        read_image(slice_path(path, 1))


def test_too_many_pages_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "MAX_SLICES", 2)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None)
    for read in (slices_of, read_image):
        with pytest.raises(ImageError, match="holds more than 2 pages, which are not listed; split the file"):
            read(path)
