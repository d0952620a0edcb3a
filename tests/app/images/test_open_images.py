"""Images as the app opens them: pixels for the network, stored values, remarks."""

import struct
import threading
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from vpuformer.app.images import open_images as images
from vpuformer.app.images.folder import Folder, version_of
from vpuformer.app.images.open_images import ImageCache, open_image
from vpuformer.errors import ImageError
from vpuformer.images import read_image

RGB = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
DEEP = (np.arange(12, dtype=np.uint16).reshape(3, 4) * 300 + 103).copy()
DEEP_RGB = (np.arange(36, dtype=np.uint16).reshape(3, 4, 3) * 100 + 103).copy()


def png_head(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and then ends."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0\0\0\5IDAT"


def write_odd_images(folder: Path) -> None:
    """Every kind of image that is not simply 8-bit RGB, by descriptive names."""
    image = Image.fromarray(RGB)
    Image.new("RGB", (1, 1), (1, 2, 3)).save(folder / "one.png")
    Image.fromarray(np.arange(5000, dtype=np.uint8)[:, None].repeat(3, 1).reshape(5000, 1, 3)).save(folder / "tall.png")
    Image.fromarray(RGB[:, :, 0]).save(folder / "grey.png")
    Image.fromarray(RGB[:, :, 0] > 90).save(folder / "bits.png")
    Image.fromarray(np.dstack([RGB, RGB[:, :, :1]])).save(folder / "alpha.png")
    Image.fromarray(np.dstack([RGB, np.full((3, 4), 255, np.uint8)])).save(folder / "opaque.png")
    image.quantize(8).save(folder / "palette.png")
    image.quantize(8).save(folder / "palette_alpha.png", transparency=0)
    Image.fromarray(DEEP).save(folder / "deep_grey.png")
    cv2.imwrite(str(folder / "deep_rgb.png"), DEEP_RGB[:, :, ::-1])
    cv2.imwrite(str(folder / "deep_rgba.png"), np.dstack([DEEP_RGB[:, :, ::-1], DEEP]))
    tifffile.imwrite(folder / "deep.tif", DEEP)
    tifffile.imwrite(folder / "deep_big_endian.tif", DEEP, byteorder=">")
    tifffile.imwrite(folder / "deep_rgb.tif", DEEP_RGB, photometric="rgb")
    tifffile.imwrite(folder / "int32.tif", DEEP.astype(np.int32) * 100_000 - 7)
    tifffile.imwrite(folder / "float.tif", DEEP.astype(np.float32) / 5000)
    tifffile.imwrite(folder / "float16.tif", DEEP.astype(np.float16))
    tifffile.imwrite(folder / "stack.tif", np.stack([DEEP] * 12), photometric="minisblack")
    tifffile.imwrite(folder / "flat.tif", np.full((3, 4), 7, np.uint16))
    (folder / "deep.pgm").write_bytes(b"P5 4 3 4095\n" + DEEP.astype(">u2").tobytes())
    image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "turned.jpg", exif=exif)
    frames = [Image.new("RGB", (5, 4), (60 * number, 9, 9)) for number in range(3)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    write_odd_images(folder)
    return folder


ODD = {
    "one.png": (),
    "tall.png": (),
    "grey.png": (),
    "bits.png": (),
    "alpha.png": ("transparency is not shown",),
    "opaque.png": (),
    "palette.png": (),
    "palette_alpha.png": ("transparency is not shown",),
    "deep_grey.png": ("16 bits per channel: shown from 103 to 3403",),
    "deep_rgb.png": ("16 bits per channel: shown from 103 to 3603",),
    "deep_rgba.png": ("16 bits per channel: shown from 103 to 3603", "transparency is not shown"),
    "deep.tif": ("16 bits per channel: shown from 103 to 3403",),
    "deep_big_endian.tif": ("16 bits per channel: shown from 103 to 3403",),
    "deep_rgb.tif": ("16 bits per channel: shown from 103 to 3603",),
    "int32.tif": ("32 bits per channel: shown from 10299993 to 340299993",),
    "float.tif": ("floating point: shown from 0 to 1",),
    "float16.tif": ("floating point: shown from 103 to 3404",),
    "stack.tif": ("the first of 12 frames", "16 bits per channel: shown from 103 to 3403 (range of the pages)"),
    "flat.tif": ("16 bits per channel: every value is 7",),
    "deep.pgm": ("16 bits per channel: shown from 1648 to 54460",),  # Pillow stretches to 65535
    "cmyk.jpg": ("CMYK, converted without its colour profile",),
    "turned.jpg": (),
    "moving.gif": ("the first of 3 frames",),
}


@pytest.mark.parametrize("name", ODD)
def test_the_network_sees_what_read_image_gives(folder, name):
    image = open_image(folder / name)
    expected = read_image(folder / name)
    assert image.rgb.dtype == np.uint8
    assert image.rgb.flags.c_contiguous
    assert not image.rgb.flags.writeable
    assert np.array_equal(image.rgb, expected)
    assert (image.height, image.width) == expected.shape[:2]
    assert image.notes == ODD[name]
    assert image.version == version_of(folder / name)
    assert image.tile(0, 0, 0).media_type == "image/png"


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "deep_grey.png": DEEP,
        "deep_rgb.png": DEEP_RGB,
        "deep_rgba.png": DEEP_RGB,
        "deep.tif": DEEP,
        "deep_big_endian.tif": DEEP,
        "deep_rgb.tif": DEEP_RGB,
        "int32.tif": DEEP.astype(np.float64) * 100_000 - 7,
        "float.tif": DEEP.astype(np.float32) / 5000,
        "stack.tif": DEEP,
    }.items(),
)
def test_deep_values_are_kept_as_they_are_stored(folder, name, expected):
    image = open_image(folder / name)
    assert image.deep is not None
    assert image.deep.dtype == expected.dtype
    assert image.deep.dtype.isnative
    assert image.deep.flags.c_contiguous
    assert not image.deep.flags.writeable
    assert np.array_equal(image.deep, expected)
    assert image.range == ((0, 1) if name == "float.tif" else (expected.min(), expected.max()))
    assert image.nbytes >= image.rgb.nbytes + image.deep.nbytes


@pytest.mark.parametrize("name", ["deep.tif", "deep_rgb.png", "int32.tif", "stack.tif"])
def test_the_whole_range_as_window_shows_what_the_network_sees(folder, name):
    image = open_image(folder / name)
    assert image.range is not None
    tile = image.tile(0, 0, 0, *image.range)
    shown = cv2.imdecode(np.frombuffer(tile.content, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert np.array_equal(shown[:, :, ::-1], image.rgb)


def test_others_have_no_deep_values(folder):
    for name in ("grey.png", "bits.png", "alpha.png", "palette.png", "cmyk.jpg", "moving.gif"):
        image = open_image(folder / name)
        assert image.deep is None
        assert image.range is None


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_deep_values_are_upright_too(tmp_path, orientation):
    tifffile.imwrite(tmp_path / "a.tif", DEEP_RGB, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    image = open_image(tmp_path / "a.tif")
    assert image.deep is not None
    assert np.array_equal(image.deep, np.rot90(DEEP_RGB, {1: 0, 3: 2, 6: -1, 8: 1}[orientation]))
    assert image.rgb.shape == image.deep.shape


def test_files_that_are_no_image(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "bomb.png").write_bytes(png_head(100_000, 100_000))
    Image.effect_noise((100, 100), 90).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    tifffile.imwrite(tmp_path / "nan.tif", np.array([[np.inf, np.nan]], np.float32))
    for name, expected in (
        ("empty.png", "empty file"),
        ("text.png", "cannot be read as an image"),
        ("bomb.png", "100000x100000, 10000 million pixels"),
        ("cut.png", "broken, cut short"),
        ("nan.tif", "no value that is finite"),
        ("missing.png", "missing.png"),
    ):
        with pytest.raises(ImageError, match=expected) as caught:
            open_image(tmp_path / name)
        assert "\n" not in str(caught.value)


class Counted:
    """`open_image`, counted, and held up until it may go on."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.go = threading.Event()

    def __call__(self, path: Path) -> images.Image:
        self.paths.append(path)
        assert self.go.wait(10)
        return open_image(path)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    counted.go.set()
    monkeypatch.setattr(images, "open_image", counted)
    return counted


@pytest.fixture
def three(tmp_path: Path) -> Folder:
    for number in range(3):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(tmp_path / f"{number}.png")
    return Folder(tmp_path)


def test_images_are_opened_once_and_kept_as_far_as_the_memory_goes(three, counted):
    cache = ImageCache(three, budget_bytes=1600)  # two of 20 x 10 x 3 bytes and a third
    for name in ("0.png", "1.png", "0.png"):
        assert cache.get(name).rgb[0, 0, 0] == int(name[0])
    cache.get("2.png")
    cache.get("0.png")
    cache.get("1.png")
    assert [path.name for path in counted.paths] == ["0.png", "1.png", "2.png", "1.png"]
    cache.close()


def test_a_file_that_has_changed_is_opened_anew(three, tmp_path, counted):
    cache = ImageCache(three, 10_000)
    former = cache.get("0.png")
    Image.new("RGB", (30, 10), (9, 0, 0)).save(tmp_path / "0.png")
    now = cache.get("0.png")
    assert now.rgb.shape == (10, 30, 3)
    assert now.version == three.version("0.png") != former.version
    assert len(counted.paths) == 2
    cache.close()


def test_the_next_image_is_opened_in_the_background(three, counted):
    cache = ImageCache(three, 10_000)
    counted.go.clear()
    start = time.monotonic()
    cache.prefetch("1.png")
    assert time.monotonic() - start < 5  # it does not wait for the file
    counted.go.set()
    assert cache.get("1.png").rgb[0, 0, 0] == 1
    assert len(counted.paths) == 1
    cache.close()


def test_a_image_that_cannot_be_opened(three, tmp_path, counted):
    cache = ImageCache(three, 10_000)
    (tmp_path / "0.png").write_text("no image")
    (tmp_path / "1.png").unlink()
    for name in ("0.png", "1.png", "../2.png"):
        cache.prefetch(name)
    for name, expected in (("0.png", "cannot be read as"), ("1.png", "there is no"), ("../2.png", "there is no image")):
        for _ in range(2):
            with pytest.raises(ImageError, match=expected):
                cache.get(name)
    Image.new("RGB", (1, 1)).save(tmp_path / "0.png")
    assert cache.get("0.png").width == 1
    assert all(path.name == "0.png" for path in counted.paths)
    cache.close()
