"""Images from files, and files that are no images."""

import contextlib
import errno
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from vpuformer.errors import ImageError, MaskError
from vpuformer.images import (
    MAX_PIXELS,
    image_size,
    read_image,
    read_mask,
)

# Not symmetric in any way, 4 pixels wide and 3 high.
RGB = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
GREY = RGB[:, :, 0]


def png_head(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and then ends."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0\0\0\5IDAT"


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "a.gif", "a.ppm"])
def test_lossless_formats_come_back_as_they_were(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(RGB).save(tmp_path / name, **options)
    for source in (tmp_path / name, str(tmp_path / name)):
        image = read_image(source)
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        assert np.array_equal(image, RGB)
    assert image_size(tmp_path / name) == (3, 4)


def test_a_jpeg_comes_back_nearly_as_it_was(tmp_path):
    smooth = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - smooth).max() <= 2


def test_the_name_of_a_file_does_not_matter(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "image.jpg")
    assert np.array_equal(read_image(tmp_path / "image.jpg"), RGB)


def test_a_single_pixel(tmp_path):
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


def test_the_limit_of_pillow_neither_warns_nor_refuses_nor_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)  # 89 million without this
    Image.fromarray(RGB).save(tmp_path / "a.png")
    Image.fromarray(RGB).save(tmp_path / "a.tif")
    pages = [Image.fromarray(RGB)] * 2  # the second one is read by Pillow alone
    pages[0].save(tmp_path / "lzw.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    for name in ("a.png", "a.tif", "lzw.tif@page001"):
        assert np.array_equal(read_image(tmp_path / name), RGB)
        assert image_size(tmp_path / name) == (3, 4)
    assert Image.MAX_IMAGE_PIXELS == 5


def test_a_image_of_48_million_pixels_is_read(tmp_path):
    Image.new("1", (8000, 6000), 1).save(tmp_path / "a.png", compress_level=1)
    image = read_image(tmp_path / "a.png")
    assert image.shape == (6000, 8000, 3)
    assert image[::3000, ::3000].min() == 255


def test_a_image_beyond_the_limit_is_refused_before_it_is_decoded(tmp_path):
    (tmp_path / "a.png").write_bytes(png_head(30000, 20000))
    expected = f"a.png is 30000x20000, 600 million pixels, and at most {MAX_PIXELS // 1_000_000} million are read; cut"
    for read in (read_image, image_size):
        with pytest.raises(ImageError, match=expected):
            read(tmp_path / "a.png")


def test_a_tiff_beyond_the_limit_is_refused_before_it_is_decoded(tmp_path):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, GREY)
    content = bytearray(buffer.getvalue())
    for tag in (256, 257):
        place = content.find(struct.pack("<HH", tag, 3)) if struct.pack("<HH", tag, 3) in content else -1
        place = content.find(struct.pack("<HH", tag, 4)) if place < 0 else place
        content[place + 2 : place + 12] = struct.pack("<HII", 4, 1, 40000)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ImageError, match="40000x40000, 1600 million pixels"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_made_upright(tmp_path, kind, orientation):
    # How the camera stored an upright image whose quarters have four grey values.
    quarters = np.kron(np.array([[20, 90], [160, 230]], np.uint8), np.ones((16, 24), np.uint8))
    stored = {
        1: quarters,
        2: quarters[:, ::-1],
        3: quarters[::-1, ::-1],
        4: quarters[::-1],
        5: quarters.T,
        6: np.rot90(quarters),  # turned to the left, to be turned back to the right
        7: quarters[::-1, ::-1].T,
        8: np.rot90(quarters, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(np.ascontiguousarray(stored)).convert("RGB").save(path, exif=exif)
    with Image.open(path) as opened:
        for source in (path, opened):
            assert np.abs(read_image(source)[:, :, 0].astype(int) - quarters).max() <= 4
    assert image_size(path) == quarters.shape


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_deep_tiff_and_png_are_made_upright_too(tmp_path, orientation):
    deep = (np.arange(24, dtype=np.uint16).reshape(2, 4, 3) * 2000).copy()
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    exif = Image.Exif()
    exif[0x0112] = orientation
    ok, png = cv2.imencode(".png", deep[:, :, ::-1])
    assert ok
    payload = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(payload)) + b"eXIf" + payload + struct.pack(">I", zlib.crc32(b"eXIf" + payload))
    content = png.tobytes()
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    expected = np.rot90(read_image(deep), {1: 0, 3: 2, 6: -1, 8: 1}[orientation])
    for name in ("a.tif", "a.png"):
        assert np.array_equal(read_image(tmp_path / name), expected)
        assert image_size(tmp_path / name) == expected.shape[:2]


def test_broken_exif_is_no_reason_to_refuse_a_image(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert np.array_equal(read_image(tmp_path / "a.png"), RGB)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey_goes_from_its_darkest_to_its_brightest_value(tmp_path, name):
    deep = np.array([[1000, 1500, 2000]], np.uint16)
    Image.fromarray(deep).save(tmp_path / name)
    assert read_image(tmp_path / name)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_colour_is_scaled_by_all_channels_together_and_alpha_apart(tmp_path, name):
    deep = np.array([[[1000, 1500, 2000, 65535], [1000, 1000, 1000, 0]]], np.uint16)
    assert cv2.imwrite(str(tmp_path / name), deep[:, :, [2, 1, 0, 3]])
    assert read_image(tmp_path / name).tolist() == [[[0, 128, 255], [0, 0, 0]]]


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "compression": "zlib"},
        {"photometric": "rgb", "planarconfig": "separate"},
        {"photometric": "rgb", "bigtiff": True},
        {"photometric": "rgb", "byteorder": ">"},
        {"photometric": "rgb", "tile": (16, 16)},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_kinds_of_tiff(tmp_path, options, dtype):
    stored = RGB.astype(dtype) if dtype != np.float32 else RGB.astype(dtype) / 255
    options = dict(options)
    if options.get("planarconfig"):
        stored = np.moveaxis(stored, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    expected = RGB if dtype != np.uint16 else read_image(RGB.astype(np.uint16))
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_tiff_with_lzw_as_opencv_writes_it(tmp_path, dtype):
    stored = RGB.astype(dtype) / (255 if dtype == np.float32 else 1)
    assert cv2.imwrite(str(tmp_path / "a.tif"), stored[:, :, ::-1].astype(dtype), [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert np.array_equal(read_image(tmp_path / "a.tif"), read_image(stored.astype(dtype)))


def test_a_tiff_whose_white_is_zero(tmp_path):
    for dtype in (np.uint8, np.uint16):
        tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 255]], dtype), photometric="miniswhite")
        assert read_image(tmp_path / "a.tif")[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_pages_whose_white_is_zero_have_one_scale_also_where_data_is_missing(tmp_path, dtype):
    pages = np.array([[[10, 100, 200]], [[10, 100, 7]]], dtype)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            tag = (42113, "s", 0, "7", True)  # the value without data, as GDAL writes it
            file.write(page, photometric="miniswhite", metadata=None, extratags=[tag])
    first, second = (read_image(tmp_path / f"a.tif{page}")[0, :, 0] for page in ("", "@page001"))
    assert first[0] > first[1] > first[2]
    assert first[:2].tolist() == second[:2].tolist()
    assert second[2] == 0


def test_a_deep_image_of_many_rows_is_as_one_strip():
    values = np.random.default_rng(0).integers(-30_000, 30_000, (900, 300), dtype=np.int16)
    low, high = float(values.min()), float(values.max())
    wanted = ((values - low) * (255 / (high - low)) + 0.5).astype(np.uint8)
    found = read_image(values)[:, :, 0].astype(int)
    assert np.abs(found - wanted).max() <= 1
    assert np.unique(found).size == 256


def test_a_deep_tiff_in_cmyk(tmp_path):
    ink = np.zeros((1, 2, 4), np.uint16)
    ink[0, 1, 0] = 65535
    tifffile.imwrite(tmp_path / "a.tif", ink, photometric="separated")
    assert read_image(tmp_path / "a.tif").tolist() == [[[255, 255, 255], [0, 255, 255]]]


def test_of_several_pages_and_frames_the_first_is_read(tmp_path):
    pages = [Image.fromarray(np.full((2, 3, 3), value, np.uint8)) for value in (40, 200)]
    for name in ("a.gif", "a.tif", "a.webp", "a.png"):
        options = {"lossless": True} if name == "a.webp" else {}
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:], **options)
        assert np.array_equal(read_image(tmp_path / name), np.full((2, 3, 3), 40))
    planes = np.stack([np.eye(3), np.ones((3, 3))]).astype(np.float32)
    tifffile.imwrite(tmp_path / "deep.tif", planes, photometric="minisblack")
    assert np.array_equal(read_image(tmp_path / "deep.tif")[:, :, 0], np.eye(3) * 255)


@pytest.mark.parametrize(
    ("read", "error", "what"),
    [(read_image, ImageError, "image"), (image_size, ImageError, "image"), (read_mask, MaskError, "mask")],
)
def test_every_way_in_which_a_file_can_fail_is_one_sentence(tmp_path, read, error, what):
    with pytest.raises(error, match=f"there is no file .*missing.png; check the path of the {what}"):
        read(tmp_path / "missing.png")
    with pytest.raises(error, match="there is no file"):
        read(tmp_path / "missing" / "a.png")
    with pytest.raises(error, match=f"is a folder; give the file of one {what}"):
        read(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(error, match=r"empty.png is an empty file"):
        read(tmp_path / "empty.png")
    (tmp_path / "notes.png").write_text("these are words, and many of them" * 20)
    with pytest.raises(error, match=rf"notes.png cannot be read as an? {what}; give a PNG, JPEG"):
        read(tmp_path / "notes.png")
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(error, match=f"a.eps cannot be read as an? {what}"):
        read(tmp_path / "a.eps")
    (tmp_path / "head.tif").write_bytes(b"II*\0\x08\0\0\0")
    with pytest.raises(error, match=f"head.tif is broken, cut short .* write the {what} anew as PNG"):
        read(tmp_path / "head.tif")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.gif", "deep.png", "deep.tif"])
def test_a_file_that_is_cut_short_is_refused(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    if name.startswith("deep"):
        cv2.imwrite(str(tmp_path / name), noise.astype(np.uint16) * 257)
    else:
        Image.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ImageError, match=r"is broken, cut short or of a kind that cannot be read \(.+\); write"):
        read_image(tmp_path / name)


def test_a_lack_of_memory_is_not_put_down_to_the_file(tmp_path, monkeypatch):
    Image.fromarray(RGB).save(tmp_path / "a.png")

    def too_much(*_):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", too_much)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", too_much)
    with pytest.raises(ImageError, match=r"a.png needs more memory than there is; scale the image down"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_broken_in_a_tiff_ends_in_an_error_of_ours_or_a_image(tmp_path, seed):
    rng = np.random.default_rng(seed)
    deep = rng.integers(0, 60000, (12, 10, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    for place in rng.integers(0, 250, size=4):  # in the tags
        content[place] = rng.integers(256)
    (tmp_path / "a.tif").write_bytes(content)
    for read, error in ((read_image, ImageError), (image_size, ImageError), (read_mask, MaskError)):
        with contextlib.suppress(error):  # and nothing else
            read(tmp_path / "a.tif")


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png_head(1, 1))

    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(ImageError, match=r"a.png cannot be opened \(Permission denied\); give an image that you may"):
        read_image(tmp_path / "a.png")


def test_a_tiff_that_is_no_plane_of_colours_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((4, 5, 7), np.uint16), photometric="minisblack", planarconfig="contig"
    )
    with pytest.raises(ImageError, match=r"shape \(4, 5, 7\); .* 1 to 4 channels"):
        read_image(tmp_path / "a.tif")
